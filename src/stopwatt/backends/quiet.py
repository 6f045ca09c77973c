"""Keeps what exporters and loaders print away from the user; what they raise passes."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO


@contextmanager
def quiet() -> Iterator[None]:
    """Warnings, log records and Python's own standard streams lead nowhere inside."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def without_telemetry() -> None:
    """Keep OpenVINO and NNCF from writing to the home folder and calling home.

    Both send usage data through the package `openvino_telemetry` unless a consent file says no, and both go on without
    it when it cannot be imported; an entry of `None` in `sys.modules` makes its import fail.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # what the import system expects
    os.environ.setdefault("NNCF_CI", "1")
