"""The clock's tick in the data: values that repeat because the clock cannot tell more.

A ticked series looks like a comb: every tick is a mode to a density estimate, and the dip test calls each of them one.
The cure is to spread the trials that share a value over one tick: what the clock rounded away was somewhere in there.
They are spread evenly, not at random, so that equal data give equal answers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_REPEATS = 0.5
"""Values that repeat less than this (distinct values / trials) are finer than their tick."""
MOST_LOOKED_AT = 2**16
ON_THE_LATTICE = 0.05
"""How far a step may lie from a whole number of ticks."""


def infer_tick(values: NDArray[Any], least_distinct: int = 2) -> float:
    """The step of the lattice on which values repeat; 0 where they do not, or where there is no lattice.

    Distinct values show a lattice where all of them are a whole number of steps apart and half of the neighbours a
    single step. Two values may be two modes as well as two ticks: whoever knows the clock asks for more of them.

    Args:
        values: Positive and finite, at least one; of a long series only 65,536 evenly spaced ones are looked at.
        least_distinct: Distinct values that it takes, at least 2.
    """
    looked_at = values[:: -(-values.size // MOST_LOOKED_AT)]
    distinct = np.unique(looked_at)
    if distinct.size < least_distinct or distinct.size > LEAST_REPEATS * looked_at.size:
        return 0.0
    steps = np.diff(distinct)
    steps = steps[steps > 1e-9 * distinct[-1]]  # the rest is the rounding of floating-point numbers
    if steps.size == 0:
        return 0.0
    step = float(steps.min())
    whole = steps / step
    on_lattice = bool((np.abs(whole - np.rint(whole)) < ON_THE_LATTICE).all())
    single = float((whole < 1 + ON_THE_LATTICE).mean())
    return float(f"{step:.9g}") if on_lattice and single >= LEAST_REPEATS else 0.0  # differences carry rounding


def spread_ticks(values: NDArray[Any], tick: float) -> NDArray[np.float64]:
    """The values in rising order, those that are equal spread evenly over one tick around their value.

    Args:
        values: Positive and finite, in any order.
        tick: In the unit of the values; 0 leaves them as they are.
    """
    ordered = np.sort(values).astype(np.float64, copy=False)
    if tick <= 0 or ordered.size == 0:
        return ordered
    firsts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(firsts, ordered.size))
    floor = ordered[0] / 2  # a tick may be as long as the call: nothing is spread to 0 or below
    spread = np.arange(0.5, ordered.size)  # in place, since the series may be long
    spread -= np.repeat(firsts, counts)
    spread /= np.repeat(counts, counts)
    spread -= 0.5
    spread *= tick
    spread += ordered
    np.maximum(spread, floor, out=spread)
    spread.sort()
    return spread
