"""Machines that nobody owns, as folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from machines import LAPTOP

from stopwatt.devices.host import Host

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
    return build(LAPTOP)
