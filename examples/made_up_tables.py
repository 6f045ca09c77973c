"""Writes the two tables beside it. Their times come from a formula and noise: nobody measured them.

    python examples/made_up_tables.py

They show the two shapes that `stopwatt import` reads: made-up-means.csv has one mean a line, as a vendor's table would;
made-up-trials.csv has the single times of a cell side by side.
"""

import csv
from itertools import product
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SEED = 1


def seconds(layers: int, hidden: int, batch: int) -> float:
    """A fixed cost, and one that grows with the work; sizes that are no multiple of 64 cost half as much again."""
    work = 64 * layers * hidden * (1.0 + hidden / 128) * (1.0 + batch / 4)
    return 2e-4 + 2e-8 * work * (1.0 if hidden % 64 == 0 else 1.5)


def write_means(path: Path) -> None:
    """48 cells, one mean each, with the trials and the standard deviation that are said to stand behind it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Layers", "Hidden size", "Batch", "Mean (s)", "Std (s)", "Trials"])
        for cell in product((1, 2, 4), (64, 100, 128, 256), (1, 2, 4, 8)):
            mean = seconds(*cell)
            writer.writerow([*cell, f"{mean:.6g}", f"{0.01 * mean:.2g}", 1000])


def write_trials(path: Path) -> None:
    """4 cells, 2 rounds of 100 trials each: of the trials 5 % last a quarter longer, and 2 % twice as long."""
    random = np.random.default_rng(SEED)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["hidden", "round", *(f"t{trial}" for trial in range(1, 101))])
        for hidden, number in product((64, 100, 128, 256), (1, 2)):
            slow = random.choice([1.0, 1.25, 2.0], size=100, p=[0.93, 0.05, 0.02])
            times_us = 1e6 * seconds(2, hidden, 1) * slow * random.lognormal(0.0, 0.01, 100)
            writer.writerow([hidden, number, *(f"{time:.1f}" for time in times_us)])


if __name__ == "__main__":
    write_means(HERE / "made-up-means.csv")
    write_trials(HERE / "made-up-trials.csv")
