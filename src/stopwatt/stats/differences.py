"""The difference of two setups on a logarithmic scale, and how sure it is: rounds that pair, rounds that do not."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.intervals import LEAST_ROUNDS, SAME
from stopwatt.stats.noise import Evidence, fit_noise
from stopwatt.stats.quantiles import NoInterval

MOST_BORROWED = 8.0
"""Degrees of freedom that a cell may take over from the others of its family, at most."""


def paired_difference(base: NDArray[Any], other: NDArray[Any]) -> Evidence | NoInterval:
    """log(base) - log(other) from rounds that pair: the t-test on differences.

    Args:
        base: Positive values, one per round.
        other: The same of the other one, in the same order of rounds.
    """
    rounds = int(base.size)
    if rounds < LEAST_ROUNDS:
        return NoInterval(f"needs {LEAST_ROUNDS} rounds (has {rounds})")
    logs = np.log(base / other)
    if np.ptp(logs) < SAME:
        return NoInterval(f"all {rounds} rounds gave the same value")
    return Evidence(float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(rounds), rounds - 1.0)


def unpaired_difference(base: NDArray[Any], other: NDArray[Any]) -> Evidence | NoInterval:
    """log(base) - log(other) from two sets of rounds that have nothing in common (Welch 1947, Biometrika 34).

    Args:
        base: Positive values, one per round.
        other: The same of the other one; the number of rounds may differ.
    """
    sizes = np.array([base.size, other.size])
    if sizes.min() < LEAST_ROUNDS:
        return NoInterval(f"needs {LEAST_ROUNDS} rounds of each (has {base.size} and {other.size})")
    logs = (np.log(base), np.log(other))
    if max(float(np.ptp(one)) for one in logs) < SAME:
        return NoInterval(f"all {sizes.sum()} rounds gave their set's value")
    parts = np.array([one.var(ddof=1) for one in logs]) / sizes
    variance = float(parts.sum())
    freedom = variance**2 / float((parts**2 / (sizes - 1)).sum())
    return Evidence(float(logs[0].mean() - logs[1].mean()), math.sqrt(variance), freedom)


def moderated(found: Sequence[Evidence | NoInterval], sizes: Sequence[tuple[int, int]]) -> list[Evidence | NoInterval]:
    """Unpaired differences of one family that share what they know of the noise (Smyth 2004, `noise.fit_noise`).

    A few rounds hardly know their own spread. The family's typical spread is added to each cell's own, with as many
    degrees of freedom as the cells agree to, at most 8; the sum never falls below what the cell itself showed. With
    these two limits the risk of a false verdict stays below 5 % where some cells are far noisier than the others;
    without them it reaches 14 % (`docs/results/verdicts.md`). Three paired rounds, with two degrees of freedom of
    their own, are too few for this. Families that are too small stay as they are.

    Args:
        found: One per cell.
        sizes: Rounds of either side of each cell.
    """
    scales = [1 / base + 1 / other if base and other else 0.0 for base, other in sizes]
    known = [(one, scale, sum(size) - 2.0) for one, scale, size in zip(found, scales, sizes, strict=True)]
    tested = [(one.error**2 / scale, freedom) for one, scale, freedom in known if isinstance(one, Evidence)]
    noise = fit_noise([variance for variance, _ in tested], [freedom for _, freedom in tested])
    noise = replace(noise, freedom=min(noise.freedom, MOST_BORROWED))
    if not noise.freedom:
        return list(found)
    shared: list[Evidence | NoInterval] = []
    for one, scale, freedom in known:
        if isinstance(one, Evidence):
            own = one.error**2 / scale
            together = (noise.freedom * noise.variance + freedom * own) / (noise.freedom + freedom)
            error = math.sqrt(max(own, together) * scale)
            shared.append(replace(one, error=error, freedom=one.freedom + noise.freedom))
        else:
            shared.append(one)
    return shared
