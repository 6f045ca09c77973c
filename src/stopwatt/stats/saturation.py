"""Where a larger batch stops paying: the knee of samples/s over batch, with the interval that rounds support.

A call that costs a fixed time and a time for each sample, `t = fixed + batch / peak`, reaches half of its peak at
`n_half = fixed * peak` samples, nine tenths at nine times as many (Hockney & Jesshope, Parallel Computers 2, 1988: the
half-performance length). So the knee is the smallest batch with nine tenths of the most samples/s. But the most that
was measured is no peak where samples/s still rose when the measuring ended, and every curve would then have a knee near
its end, a straight line too. Under that law the last doubling, up to a batch B, brings `n_half / (B + n_half)` more,
which is exactly what B is short of the peak. Hence the second condition: the last doubling must be shown to bring less
than a tenth.

Definitions by curvature (Kneedle: Satopaa et al., ICDCS workshops 2011) scale the curve to the range that was measured,
so that a longer range has another knee, and give a point without an interval.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.stats.batching import KNEE, knee
from stopwatt.stats.intervals import LEAST_ROUNDS
from stopwatt.stats.noise import UNKNOWN, Noise, weigh

LEAST_SIZES = 3
"""Batch sizes that a knee takes: two are a line."""
DOUBLING = 1 - KNEE
"""What the last doubling brings, relative to the samples/s before it, from which on they still rise."""
_PAIR = 2**0.5


class Course(StrEnum):
    """How samples/s go with the batch."""

    KNEE = "knee"  # they rise, and the last doubling brings less than a tenth
    FLAT = "flat"  # the smallest batch has nine tenths of the most already
    RISING = "rising"  # the last doubling brings a tenth or more: a knee lies beyond, if there is one
    OPEN = "open"  # the intervals do not say which
    UNKNOWN = "unknown"  # too few sizes or rounds to say anything


@dataclass(frozen=True, slots=True)
class Saturation:
    """What rounds say of samples/s over batch.

    Attributes:
        course: How they go.
        at: Index of the knee: the smallest batch with nine tenths of the most samples/s. `None` unless the course is
            a knee or flat.
        low, high: Indices of its 95 % interval: below `low` every batch is shown to fall short of nine tenths, from
            `high` on to the best none does.
        growth: Samples/s of the largest batch / of the largest one of at most half its size, per doubling; `None`
            where it is not known.
        growth_low, growth_high: 95 % interval.
        why: Why there is no knee; empty where there is one.
    """

    course: Course
    at: int | None = None
    low: int | None = None
    high: int | None = None
    growth: float | None = None
    growth_low: float | None = None
    growth_high: float | None = None
    why: str = ""


def saturation(batches: NDArray[Any], rounds: NDArray[Any], noise: Noise = UNKNOWN) -> Saturation:
    """The knee of samples/s over batch, or why there is none.

    All comparisons are of the same rounds, so that what a round did to all batches cancels. Every test is one-sided at
    2.5 %, as the ends of 95 % intervals are. The ends of the knee's interval are found by tests in a fixed order that
    stop at the first failure, which keeps their risk (Maurer, Hothorn & Lehmacher 1995).

    Args:
        batches: [points], rising.
        rounds: Samples/s [rounds, points], above 0.
        noise: How much the logarithm of a batch's samples/s differs between rounds.
    """
    if batches.size < LEAST_SIZES:
        return Saturation(Course.UNKNOWN, why=f"needs {LEAST_SIZES} batch sizes (has {batches.size})")
    if batches[-1] < 2 * batches[0]:
        return Saturation(Course.UNKNOWN, why="the batch sizes span less than a doubling")
    if len(rounds) < LEAST_ROUNDS:
        return Saturation(Course.UNKNOWN, why=f"needs {LEAST_ROUNDS} rounds (has {len(rounds)})")
    logs = np.log(rounds)
    last = _last_doubling(batches, logs, noise)
    if last is None:
        return Saturation(Course.UNKNOWN, why=f"all {len(rounds)} rounds gave the same values")
    growth, low, high = last
    limit = 1 + DOUBLING
    course = Course.RISING if low >= limit else Course.KNEE if high < limit else Course.OPEN
    found = Saturation(course, growth=growth, growth_low=low, growth_high=high)
    return _with_knee(found, batches, logs, noise) if course is Course.KNEE else _without(found)


def _last_doubling(batches: NDArray[Any], logs: NDArray[np.float64], noise: Noise) -> tuple[float, float, float] | None:
    """Growth to the largest batch from the largest one of at most half its size, per doubling, with its interval."""
    before = int(np.flatnonzero(batches <= batches[-1] / 2)[-1])
    doublings = math.log2(batches[-1] / batches[before])
    evidence = weigh(logs[:, -1] - logs[:, before], noise, _PAIR)
    if evidence is None:
        return None
    low, high = evidence.interval()
    growth, low, high = (math.exp(one / doublings) for one in (evidence.value, low, high))
    return growth, low, high


def _without(found: Saturation) -> Saturation:
    return Saturation(
        found.course,
        growth=found.growth,
        growth_low=found.growth_low,
        growth_high=found.growth_high,
        why="samples/s still rise at the largest batch"
        if found.course is Course.RISING
        else "whether samples/s still rise at the largest batch is open",
    )


def _with_knee(found: Saturation, batches: NDArray[Any], logs: NDArray[np.float64], noise: Noise) -> Saturation:
    rates = np.exp(logs.mean(axis=0))
    best, at = int(rates.argmax()), knee(batches, batches / rates)
    low = next((i for i in range(at) if not _falls_short(logs[:, i] - logs[:, best], noise)), at)
    high = next((i for i in range(best, -1, -1) if not _is_enough(logs, i, noise)), -1) + 1
    high = max(at, high if high <= best else batches.size - 1)
    return Saturation(
        Course.FLAT if high == 0 else Course.KNEE,
        at,
        low,
        high,
        found.growth,
        found.growth_low,
        found.growth_high,
    )


def _falls_short(ratios: NDArray[np.float64], noise: Noise) -> bool:
    """Whether a batch is shown to have less than nine tenths of the samples/s of the best."""
    evidence = weigh(ratios, noise, _PAIR)
    return evidence is not None and evidence.interval()[1] < math.log(KNEE)


def _is_enough(logs: NDArray[np.float64], index: int, noise: Noise) -> bool:
    """Whether a batch is shown to have nine tenths of the samples/s of every other one.

    Each must be shown, so that no correction for their number is needed (intersection-union).
    """
    others = [weigh(logs[:, index] - logs[:, other], noise, _PAIR) for other in range(logs.shape[1]) if other != index]
    return all(one is not None and one.interval()[0] >= math.log(KNEE) for one in others)
