"""A recording whose energy is known, played as if it were read now; and the command as people start it."""

import csv
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from stopwatt.cli import main; main()", "meter"]
LONGEST_S = 60

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "stdin": subprocess.DEVNULL}
"""What is read of a command and given to it, where a test says nothing else."""


@pytest.fixture
def playing(tmp_path, monkeypatch):
    """Sets the meters to a recording of so many watts, with a counter that ticks so often, beside the kernel's own."""

    def play(watts=100.0, tick_s=0.02, seconds=60.0):
        path = tmp_path / "recording.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["time", "energy", "power"])
            rows.writerows([k * tick_s, watts * k * tick_s, watts] for k in range(int(seconds / tick_s)))
        monkeypatch.setenv("STOPWATT_METERS", f"replay:{path},process")
        return path

    return play


@pytest.fixture
def metered():
    """Runs `stopwatt meter` with these words; what it printed, as text."""

    def run(*words, **options):
        return subprocess.run(
            [*COMMAND, *words], check=False, timeout=LONGEST_S, env=dict(os.environ), **PIPES | options
        )

    return run


@pytest.fixture
def started():
    """Starts it and returns when the command has written its first line; whatever is left is ended."""
    processes = []

    def start(*words, **options):
        process = subprocess.Popen([*COMMAND, *words], env=dict(os.environ), start_new_session=True, **PIPES | options)
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
