"""From times of operators to one call of a model: its time and energy, and what each operator has in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.compose import Composition, compose, compose_energy
from stopwatt.operators.memory import Blend
from stopwatt.predicting.columns import MODES, OperatorTimes, Source

Floats = NDArray[np.float64]

MOST_WITHOUT_POWER = 0.1
"""Share of the time for which a power may be missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Of the operators' time.

    Attributes:
        measured: Operators that were measured, and what is only dispatched.
        predicted: All others.
        outside: Those of them that are unlike what was learnt from.
    """

    measured: float
    predicted: float
    outside: float


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules of one call; NaN where they are not known, and then `why`.

    Attributes:
        value, low, high: With the powers' own intervals going together; times are as composed.
        why: Why there is none, or what it leaves out.
    """

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """One call of a model put together from times that were measured or predicted.

    Attributes:
        time_s: What composing gives.
        low_s, high_s: What it gives if every operator is at the same end of its interval: errors that all go together.
        spread: Half the logarithm of the interval of the predicted part alone.
        composition: Of `time_s`.
        calls: How often each operator is called, shape (operators,).
        each_s, each_low_s, each_high_s: Mean seconds of its calls, shape (operators,).
        shares: How the time is known.
        variance: Share of each operator in the variance of the total, as if errors were independent; (operators,).
        energy: Of the call.
    """

    time_s: float
    low_s: float
    high_s: float
    spread: float
    composition: Composition
    calls: NDArray[np.int64]
    each_s: Floats
    each_low_s: Floats
    each_high_s: Floats
    shares: Shares
    variance: Floats
    energy: Energy


def weights_of(blends: tuple[Blend, ...]) -> Floats:
    """Weight of each memory mode in each call, shape (calls, modes)."""
    column = {mode: place for place, mode in enumerate(MODES)}
    found = np.zeros((len(blends), len(MODES)))
    for call, blend in enumerate(blends):
        for mode, weight in blend:
            found[call, column[mode]] += weight
    return found


def wanted_of(sequence: NDArray[np.int64], weights: Floats, operators: int) -> NDArray[np.bool_]:
    """In which modes each operator is called, shape (operators, modes)."""
    wanted = np.zeros((operators, len(MODES)), dtype=np.bool_)
    for column in range(len(MODES)):
        wanted[sequence[weights[:, column] > 0], column] = True
    return wanted


def put_together(
    capture: Capture, times: OperatorTimes, weights: Floats, gaps_s: Floats, *, on_device: bool, idle_w: float = np.nan
) -> Composed:
    """Compose one call.

    Args:
        capture: Of the model.
        times: Of its operators.
        weights: Of the memory modes in each call, shape (calls, modes).
        gaps_s: Host time between calls, shape (calls + 1,), or (0,) for none.
        on_device: Whether operators run on a device with a queue of its own.
        idle_w: Power of the ready device; NaN for unknown.
    """
    sequence = capture.sequence
    middle, low, high = (_by_call(sequence, weights, one) for one in (times.time_s, times.low_s, times.high_s))
    submit = times.submit_s[sequence]
    own = np.arange(sequence.size)
    paging_s = 0.0 if on_device else capture.paging_s
    whole, shortest, longest = (
        compose(own, one, submit, gaps_s, on_device=on_device, paging_s=paging_s) for one in (middle, low, high)
    )
    size = len(capture.operators)
    calls = np.bincount(sequence, minlength=size)
    totals: list[Floats] = [
        np.bincount(sequence, weights=one, minlength=size).astype(np.float64) for one in (middle, low, high)
    ]
    each, each_low, each_high = (total / np.maximum(calls, 1) for total in totals)
    powers = [_by_call(sequence, weights, one) for one in (times.power_w, times.power_low_w, times.power_high_w)]
    open_ = times.sourced(Source.PREDICTED, Source.ROUGH)
    return Composed(
        whole.composed_s,
        shortest.composed_s,
        longest.composed_s,
        _spread(totals, open_),
        whole,
        calls,
        each,
        each_low,
        each_high,
        _shares(totals[0], open_, times.outside),
        _variance(totals),
        _energy(powers, middle, whole.composed_s, idle_w),
    )


def _by_call(sequence: NDArray[np.int64], weights: Floats, values: Floats) -> Floats:
    return np.asarray((weights * values[sequence]).sum(axis=1))


def _spread(totals: list[Floats], open_: NDArray[np.bool_]) -> float:
    low, high = float(totals[1][open_].sum()), float(totals[2][open_].sum())
    return float(np.log(high / low) / 2) if low > 0 else 0.0


def _shares(totals: Floats, open_: NDArray[np.bool_], outside: NDArray[np.bool_]) -> Shares:
    whole = float(totals.sum())
    if not whole:
        return Shares(1.0, 0.0, 0.0)
    predicted = float(totals[open_].sum()) / whole
    return Shares(1 - predicted, predicted, float(totals[open_ & outside].sum()) / whole)


def _variance(totals: list[Floats]) -> Floats:
    squares = ((totals[2] - totals[1]) / 2) ** 2
    whole = float(squares.sum())
    return np.asarray(squares / whole if whole else squares)


def _energy(powers: list[Floats], each_s: Floats, wall_s: float, idle_w: float) -> Energy:
    busy = each_s > 0
    known = busy & np.isfinite(powers[0])
    if not known.any():
        return Energy(why="no operator's power is known there")
    missing = float(each_s[busy & ~known].sum() / each_s.sum())
    if missing > MOST_WITHOUT_POWER:
        return Energy(why=f"no power is known for operators with {missing:.0%} of the time")
    if not np.isfinite(idle_w):
        waiting = max(wall_s - float(each_s.sum()), 0.0) / wall_s
        if waiting > MOST_WITHOUT_POWER:
            return Energy(why=f"the power of the ready device is not known, and it waits {waiting:.0%} of the time")
        idle_w = 0.0
    mean = [float((one[known] * each_s[known]).sum() / each_s[known].sum()) for one in powers]
    value, low, high = (
        compose_energy(each_s, np.where(np.isfinite(one), one, middle), wall_s, idle_w)
        for one, middle in zip(powers, mean, strict=True)
    )
    why = f"operators with {missing:.0%} of the time have the mean power of the others" if missing else ""
    return Energy(value, low, high, why)
