"""What the built-in families share."""

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.errors import UsageError, WorkloadError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Param
from stopwatt.workloads.source import digest_of_code

if TYPE_CHECKING:
    from types import ModuleType


class BuiltIn:
    """A family that comes with stopwatt: all parameters declared, nothing foreign is run."""

    name: str
    summary: str
    params: Sequence[Param] = ()
    packages: Sequence[str] = ("torch",)
    open_params = False
    runs_foreign_code = False

    def shares_process(self, params: Mapping[str, Scalar]) -> bool:  # noqa: ARG002  (some families look at them)
        """Whether its model leaves nothing behind in a process that then measures another one."""
        return True

    def code(self) -> str:
        """Digest of the family's file and of the modules next to it that it imports."""
        spec = importlib.util.find_spec(type(self).__module__)
        assert spec is not None  # noqa: S101  (the module of this very class)
        assert spec.origin is not None  # noqa: S101  (it came from a file)
        return digest_of_code(Path(spec.origin))


def size(name: str, default: int, text: str, *, low: int = 1, high: int = 10**6) -> Param:
    """A whole number that counts something."""
    return Param(name, default, text, low=low, high=high)


def transformers(reason: str) -> "ModuleType":
    """The transformers package, imported where it is needed.

    Raises:
        WorkloadError: It is not installed or fails at import.
    """
    try:
        with quiet():
            import transformers as package
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "transformers"
        raise WorkloadError(
            f"{reason} needs the transformers package, which "
            + ("is not installed" if missing else f"fails at import: {type(error).__name__}: {error}"),
            now="pip install 'stopwatt[transformers]'",
        ) from error
    module: ModuleType = package
    return module


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings, log lines and progress bars of model libraries out of the user's sight."""
    before = {name: os.environ.get(name) for name in _QUIET}
    disabled = logging.root.manager.disable
    os.environ.update(_QUIET)
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        for name, value in before.items():
            _restore(name, value)


_QUIET = {"TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def transformer_shape(presets: Mapping[str, Mapping[str, int]], params: Mapping[str, Scalar]) -> dict[str, int]:
    """Layers, hidden units and heads: those of the preset `size`, except where a parameter says another than 0.

    Raises:
        UsageError: The units cannot be shared out among the heads.
    """
    chosen = {name: int(params[name]) for name in ("layers", "hidden", "heads") if params[name]}
    shape = {**presets[str(params["size"])], **chosen}
    hidden, heads = shape["hidden"], shape["heads"]
    if hidden % heads:
        raise UsageError(
            f"{hidden} hidden units cannot be shared out among {heads} heads",
            now=f"use hidden={-(-hidden // heads) * heads}, or another number of heads",
        )
    return shape
