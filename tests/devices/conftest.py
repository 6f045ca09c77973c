"""Machines that nobody owns, as folders."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stopwatt.devices.host import Host

sys.path.insert(0, str(Path(__file__).parent))  # for `machines` and `fake_backends`, in every import mode of pytest

Build = Callable[..., Host]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a host out of files; its root is a folder of the test."""

    def build(files: Mapping[str, str], **env: str) -> Host:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Host(tmp_path, env)

    return build


@pytest.fixture
def laptop(build: Build) -> Host:
    from machines import LAPTOP

    return build(LAPTOP)
