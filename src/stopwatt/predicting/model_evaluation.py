"""How well models are predicted: one family left out after another, beside what anybody could do without operators.

strict    nothing of the family: neither its operators, wherever else they occur, nor its latencies
in use    operators that other families' models share are measured, as for anybody who has a database
half      every other of its operators is measured: the middle between the ends that intervals are calibrated at
all       all of its operators are measured: what composing itself can do
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.expected import weights
from stopwatt.predicting.composed import Composed
from stopwatt.predicting.held_out import Fit, Subject, cases_of, families_of, ground_without, keys_of, replayed
from stopwatt.predicting.models import Calibration, Interval, calibrate
from stopwatt.predicting.prediction import interval_for
from stopwatt.predicting.times import Ground

Floats = NDArray[np.float64]

NEAR = 0.1
"""Relative error that counts as near."""


class Way(StrEnum):
    """What is known of the model."""

    STRICT = "strict"
    IN_USE = "in use"
    HALF = "half"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Trial:
    """One model, predicted in every way.

    Attributes:
        label, family: Of it.
        measured_s: Its latency.
        intervals: By way; what is missing could not be predicted so.
        shares: Of the time that rested on predictions, by way.
        baselines: Seconds by the name of what anybody could do; each from other families alone.
    """

    label: str
    family: str
    measured_s: float
    intervals: Mapping[Way, Interval]
    shares: Mapping[Way, float]
    baselines: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """Errors of some predictions.

    Attributes:
        models: How many.
        median: Of the absolute relative errors.
        mape: Their mean.
        near: Share within 10 %.
        bias: Mean of the logarithms of predicted over measured.
        coverage: Share of the models inside their intervals; NaN without intervals.
        width: Median of half the interval over the time; NaN likewise.
    """

    models: int
    median: float
    mape: float
    near: float
    bias: float
    coverage: float = np.nan
    width: float = np.nan


def evaluate(subjects: Sequence[Subject], ground: Ground, fit: Fit) -> tuple[Trial, ...]:
    """Predict every model from the models of other families.

    The calibration for a family uses the cases of the others; each of these was predicted without its own family.

    Args:
        subjects: Measured models at one place.
        ground: Of that place, without predictor and measured operators; its specs give the rooflines.
        fit: Makes a predictor without some operators; called once for each family.
    """
    once: Fit = cache(fit)
    cases = cases_of(subjects, ground, once)
    trials = []
    for name, family in families_of(subjects).items():
        others = [one for one in subjects if one.family != name]
        known = calibrate([one for one in cases if one.family != name])
        held_out = ground_without(name, subjects, ground, once)
        if held_out.predictor is not None:
            trials += [_trial(one, held_out, known, others) for one in family]
    return tuple(trials)


def figures(trials: Sequence[Trial], way: Way) -> Figures:
    """Errors of one way; the trials that have it must be at least one."""
    found = [(one, one.intervals[way]) for one in trials if way in one.intervals]
    inside = [interval.low_s <= one.measured_s <= interval.high_s for one, interval in found]
    widths = [(interval.high_s - interval.low_s) / 2 / interval.time_s for _, interval in found]
    plain = errors([one.measured_s for one, _ in found], [interval.time_s for _, interval in found])
    return replace(plain, coverage=float(np.mean(inside)), width=float(np.median(widths)))


def baseline_figures(trials: Sequence[Trial], name: str) -> Figures:
    """Errors of a baseline."""
    return errors([one.measured_s for one in trials], [one.baselines[name] for one in trials])


def errors(measured_s: Sequence[float], predicted_s: Sequence[float]) -> Figures:
    """Figures of predictions without intervals."""
    ratio = np.array(predicted_s) / np.array(measured_s)
    off = np.abs(ratio - 1)
    return Figures(
        off.size,
        float(np.median(off)),
        float(off.mean()),
        float((off <= NEAR).mean()),
        float(np.log(ratio).mean()),
    )


def _trial(subject: Subject, ground: Ground, known: Calibration, others: Sequence[Subject]) -> Trial:
    composed = {way: subject.composed(replace(ground, known=_known(subject, way, others))) for way in Way}
    if not np.isfinite(replayed(subject, ground)):
        del composed[Way.ALL]
    return Trial(
        subject.label,
        subject.family,
        subject.measured_s,
        {way: interval_for(one, known) for way, one in composed.items()},
        {way: one.shares.predicted for way, one in composed.items()},
        _baselines(subject, composed[Way.STRICT], ground, others),
    )


def _known(subject: Subject, way: Way, others: Sequence[Subject]) -> Mapping[str, OperatorCost]:
    if way is Way.STRICT:
        return {}
    if way is Way.ALL:
        return subject.known
    if way is Way.HALF:
        return {key: cost for place, (key, cost) in enumerate(sorted(subject.known.items())) if place % 2}
    shared = keys_of(others)
    return {key: cost for key, cost in subject.known.items() if key in shared}


def _baselines(subject: Subject, strict: Composed, ground: Ground, others: Sequence[Subject]) -> dict[str, float]:
    roofline = _roofline(ground)
    own = roofline(subject)
    scale = float(np.median([one.measured_s / roofline(one) for one in others]))
    return {
        "plain sum of predictions": strict.composition.sum_s,
        "roofline sum": own,
        "roofline sum, scaled": own * scale,
        "FLOPs regression": _regressed(subject, others),
    }


def _roofline(ground: Ground) -> Callable[[Subject], float]:
    def seconds(subject: Subject) -> float:
        least = np.array(weights(subject.works, ground.specs.get(ground.device)))
        return float(least[subject.capture.sequence].sum())

    return seconds


def _regressed(subject: Subject, others: Sequence[Subject]) -> float:
    """A line through the logarithms of operations and latencies."""
    x, y = np.log([_flops(one) for one in others]), np.log([one.measured_s for one in others])
    slope, offset = np.polyfit(x, y, 1)
    return float(np.exp(offset + slope * np.log(_flops(subject))))


def _flops(subject: Subject) -> float:
    each = np.array([one.flops or 0.0 for one in subject.works])
    return max(float(each[subject.capture.sequence].sum()), 1.0)
