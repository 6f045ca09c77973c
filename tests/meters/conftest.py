"""Machines that nobody owns, and recordings that anybody can play."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stopwatt.devices.host import Host

sys.path.insert(0, str(Path(__file__).parent))  # for `fake_meters`, in every import mode of pytest


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Host]:
    """Makes a host out of files."""

    def build(files, **env):
        for name, text in files.items():
            path = tmp_path / "host" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        (tmp_path / "host").mkdir(exist_ok=True)
        return Host(tmp_path / "host", env)

    return build


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording: 100 W by the counter and by the power, ticks of 20 ms."""

    def record(seconds=60.0, name="recording.csv", joules=lambda time_s: 100 * time_s):
        rows = [f"{n * 0.02:.2f},{joules(n * 0.02)},100" for n in range(round(seconds / 0.02) + 1)]
        path = tmp_path / name
        path.write_text("\n".join(["time,energy,power", *rows]) + "\n")
        return path

    return record
