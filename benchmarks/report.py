"""How long does a report of a large sweep take, and how large is it? 512 cells of 1,000 trials, on 2 cores."""

import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

from result import Page
from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Workload
from stopwatt.store import RunStatus, open_store

LAYERS, HIDDEN, SEQ, BATCH = (1, 2, 3, 4), (64, 128, 200, 256), (64, 128, 200, 256), (1, 2, 4, 8)
BACKENDS = ("eager", "onnxruntime")
TRIALS = 1000
REPEATS = 3
LONGEST_S, LARGEST_MB = 10.0, 8.0


def fill(path: Path) -> int:
    """Store a grid with the founding example in every cell: 5 % of the trials at 1.25 x, 5 % at 2 x; the cells."""
    dice = np.random.default_rng(0)
    places = list(product(BACKENDS, LAYERS, HIDDEN, SEQ, BATCH))
    with open_store(path) as store:
        run = store.begin_run("stopwatt sweep examples/lstm.yaml", "plan", "", "", {"deadlines": [5e-3]})
        for backend, layers, hidden, seq, batch in places:
            level = 50e3 + layers * seq * (400 + 0.02 * hidden**2 * (0.5 + 0.5 * batch))
            ratios = dice.choice([1.0, 1.25, 2.0], TRIALS, p=[0.9, 0.05, 0.05])
            values = np.rint(level * ratios * dice.lognormal(0, 0.012, TRIALS)).astype(np.int64)
            workload = Workload("lstm", {"features": 16, "hidden": hidden, "layers": layers, "seq": seq, "outputs": 1})
            cell = Cell(workload, Setup(backend, batch=batch), Protocol(rounds=1, trials=TRIALS), code="c", machine="m")
            store.save(run, Measurement(cell, 0, Status.OK, samples={"latency": Samples(values, "ns")}))
        store.finish_run(run, RunStatus.COMPLETE)
    return len(places)


def main() -> None:
    """Write the page several times, as a user would."""
    with tempfile.TemporaryDirectory(prefix="stopwatt-report-") as folder:
        database, out = Path(folder) / "results.db", Path(folder) / "report.html"
        cells = fill(database)
        command = [sys.executable, "-m", "stopwatt", "report", "--store", str(database), "--out", str(out)]
        runs = [(os.getloadavg()[0], _timed(command)) for _ in range(REPEATS)]
        megabytes = out.stat().st_size / 1e6
    best = min(seconds for _, seconds in runs)
    page = Page("report", "A report of 512 cells with 1,000 trials each", "python benchmarks/run.py report")
    page.sentences = [
        f"`stopwatt report` reads {cells * TRIALS:,} trials, analyses {cells} cells and writes one page of "
        f"{megabytes:.2f} MB in {best:.1f} s, from the start of the command to its end: the fastest of {REPEATS} runs. "
        f"The limits are {LONGEST_S:g} s and {LARGEST_MB:g} MB.",
        "Every trial of every cell is in the page; 0.9 MB of it is what draws the figures of an opened cell. Other "
        "work on the machine lengthens a run: the last column is the load average when it began.",
    ]
    page.tables = [
        (
            "Time of each run, and size",
            ["run", "seconds", "MB", "within both limits", "tasks that wanted a core before it"],
            [
                [str(number + 1), f"{one:.1f}", f"{megabytes:.2f}", _holds(one, megabytes), f"{load:.1f}"]
                for number, (load, one) in enumerate(runs)
            ],
        )
    ]
    page.data = {
        "cells": cells,
        "trials": TRIALS,
        "runs": [{"seconds": one, "load": load} for load, one in runs],
        "megabytes": megabytes,
    }
    page.write()


def _timed(command: list[str]) -> float:
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def _holds(seconds: float, megabytes: float) -> str:
    return "yes" if seconds <= LONGEST_S and megabytes <= LARGEST_MB else "no"


if __name__ == "__main__":
    main()
