"""The founding grid: how the latency of an LSTM grows with its size, and what its distribution looks like.

The rounds stay in `build/`: an interrupted run goes on from there, and the page can be written again without measuring:
`python benchmarks/lstm_grid.py lstm-cpu`.
"""

import sys
from dataclasses import replace
from pathlib import Path

from lstm_page import write
from result import RESULTS
from stopwatt.records import CLASSIC, Warmup
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.running import run_grid
from stopwatt.store import RunStatus, open_store
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.gridfile import read_grid_file
from stopwatt.sweeping.overlay import overlay
from stopwatt.sweeping.plan import plan_grid

FOUNDING = Path(__file__).parent.parent / "examples" / "lstm.yaml"
KEPT = Path(__file__).parent.parent / "build"

CPU_RULES = replace(
    CLASSIC, trials=300, trial_seconds=2.0, warmup=replace(CLASSIC.warmup, window_seconds=0.25, cap_seconds=4.0)
)
CPU_AXES = {"layers": (1, 4), "seq": (64, 256), "batch": (1, 4)}
"""What is trimmed, so that the grid takes about a quarter of an hour on two cores."""

GPU_RULES = replace(
    CLASSIC,
    rounds=4,
    trials=250,
    min_trials=250,
    trial_seconds=0.2,
    warmup=Warmup(min_seconds=0.0, window_calls=50, window_seconds=0.0, cap_seconds=3.0),
    throughput_windows=3,
    throughput_seconds=0.03,
)
"""Every round does its 250 trials; the fifth of a second is what the series of device times may take besides."""
GPU_AXES = {"backend": ("eager", "cudagraph")}

ABOUT = {
    "lstm-cpu": [
        "LSTMs of 1 and 4 layers, hidden sizes 64 to 256 and sequences of 64 and 256 steps, at batch 1 and 4, in fp32: "
        "`examples/lstm.yaml` in a trimmed form. Each cell has up to 300 trials in each of 3 processes, no more than "
        "2 s of them each.",
    ],
    "lstm-gpu": [
        "The whole of `examples/lstm.yaml` on a GPU: LSTMs of 1 to 4 layers, hidden sizes 64 to 256, sequences of 64 "
        "to 256 steps and batches of 1 to 8, in fp32. Each cell has 1,000 trials, 250 in each of 4 processes.",
        "These rounds were measured on eight GPUs of one virtual machine at once, each with 16 cores of its own: the "
        "four rounds of cudagraph on four of them, one each; those of eager on the other four, which the first four "
        "helped once they were done. No two rounds shared a GPU or cores. On one GPU the command takes about an hour.",
    ],
}
"""What a page says of how it was measured."""


def grid_of(name: str) -> Grid:
    """What `lstm-cpu` or `lstm-gpu` measures."""
    gpu = name == "lstm-gpu"
    axes = tuple((Axis.of(axis, values),) for axis, values in (GPU_AXES if gpu else CPU_AXES).items())
    device = (Axis.of("device", "cuda" if gpu else "cpu"),)
    above = Grid((*axes, device), protocol=GPU_RULES if gpu else CPU_RULES, tag=name)
    return overlay(read_grid_file(FOUNDING), above)


def main(out: Path = RESULTS, *, gpu: bool = False) -> None:
    """Measure what is not measured yet, and write the page."""
    name = "lstm-gpu" if gpu else "lstm-cpu"
    asked, store = grid_of(name), KEPT / f"{name}.db"
    store.parent.mkdir(exist_ok=True)
    wanted = plan_grid(asked).digest
    with open_store(str(store)) as database:
        done = any(run.plan == wanted and run.status is RunStatus.COMPLETE for run in database.runs())
    if not done:
        with show_progress(console_for(sys.stderr)) as watcher:
            run_grid(asked, store=str(store), watcher=watcher, allow=True)
    write(name, ABOUT[name], store, out)


if __name__ == "__main__":
    for word in sys.argv[1:]:
        write(word, ABOUT[word], KEPT / f"{word}.db", RESULTS)
