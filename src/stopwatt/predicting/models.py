"""The interval of a whole model's time: calibrated on models that were measured, not on their operators.

Errors of operators go together, so neither adding their intervals nor adding their squares says how wrong a sum is.
What does: the ratios measured / composed of other models, each composed from predictions that saw neither the model
nor any of its family. They are conformal scores (Vovk et al. 2005) whose number is corrected for models of a family
being alike (Kish 1965), and over how difficult the model is (normalised scores; Lei et al. 2018): a power of the spread
of its predictions, which is wider for operators that lie outside of what was learnt from, and where members of the
ensemble disagree. The power is the one under which the errors of the other models are the most likely. Whoever takes
the one with the narrowest intervals instead pays with coverage: 87 % of the models of simulated families for 89 %.
A bias that all families share is taken off where that helped the families that it was not taken from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

SHARE = 0.9
"""Of the models that an interval is to hold."""
LEAST_MODELS, LEAST_FAMILIES = 8, 3
"""Below, there is no calibration."""
LEAST_SPREAD = 0.01
"""Spreads below are alike: no sum of predictions is known so well."""
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the spread, that scores may be over; 0 makes all intervals alike."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Case:
    """A model that was measured and could have been predicted.

    Attributes:
        label: For people.
        family: Models that may not be told apart: `bert` of any size and batch.
        measured_s: Its latency.
        predicted_s: Composed from predictions that saw nothing of its family.
        spread: Half the logarithm of the interval of these predictions, as if their errors all went together.
        replayed_s: Composed from its own operators, measured; NaN where too few of them were.
    """

    label: str
    family: str
    measured_s: float
    predicted_s: float
    spread: float
    replayed_s: float = math.nan


@dataclass(frozen=True, slots=True)
class End:
    """What ratios of measured to composed times say, with all operators predicted or all of them measured.

    Attributes:
        bias: Logarithm that is added.
        quantile: Half-width of the logarithm at a spread of 1, or at any if the power is 0.
        power: Of the spread, that the half-width grows with.
        models, families: It was calibrated on.
        widest: Largest spread that it was calibrated on: beyond, nobody knows what spreads mean.
    """

    bias: float
    quantile: float
    power: float
    models: int
    families: int
    widest: float = math.inf

    def half_width(self, spread: float) -> float:
        """Half the interval of the logarithm."""
        return self.quantile * math.pow(min(max(spread, LEAST_SPREAD), self.widest), self.power)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Both ends.

    Attributes:
        predicted: With no operator measured; `None` where too few models were.
        replayed: With all of them measured; `None` likewise.
        models, families: That there were.
    """

    predicted: End | None
    replayed: End | None
    models: int
    families: int


NO_CALIBRATION = Calibration(None, None, 0, 0)
"""No other model says anything."""


@dataclass(frozen=True, slots=True)
class Total:
    """A model's time as composed.

    Attributes:
        time_s: Of one call.
        low_s, high_s: If the errors of all operators go together: what holds without a calibration.
        spread: Half the logarithm of the interval of the predicted part alone.
        share: Of the operators' time that rests on predictions.
    """

    time_s: float
    low_s: float
    high_s: float
    spread: float
    share: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds of a call, and how the interval came about."""

    time_s: float
    low_s: float
    high_s: float
    method: str
    calibrated: bool


def calibrate(cases: Sequence[Case]) -> Calibration:
    """Learn how wrong composed times are.

    Args:
        cases: Models that were measured.
    """
    replayed = [one for one in cases if math.isfinite(one.replayed_s)]
    return Calibration(
        _end(cases, [one.predicted_s for one in cases]),
        _end(replayed, [one.replayed_s for one in replayed], spread=False),
        len(cases),
        len({one.family for one in cases}),
    )


def interval_of(found: Total, known: Calibration) -> Interval:
    """The time of a model with its 90 % interval.

    Between the ends the squares of the half-widths go linearly with the share of time that rests on predictions:
    exact where errors of operators are independent of each other, too wide and never too narrow where they go together.

    Args:
        found: As composed.
        known: What other models showed.
    """
    share = found.share
    ends = [(end, weight) for end, weight in ((known.predicted, share), (known.replayed, 1 - share)) if end is not None]
    if known.predicted is None and (known.replayed is None or share):
        return Interval(found.time_s, found.low_s, found.high_s, _uncalibrated(known), calibrated=False)
    total = sum(weight for _, weight in ends) or 1.0
    if known.replayed is None:  # nobody knows how much narrower measured operators make it
        total, ends = 1.0, [(known.predicted, 1.0)] if known.predicted is not None else []
    bias = sum(weight * end.bias for end, weight in ends) / total
    half = math.sqrt(sum(weight * end.half_width(found.spread) ** 2 for end, weight in ends) / total)
    centre = found.time_s * math.exp(bias)
    method = f"calibrated on {known.models} models of {known.families} families"
    return Interval(centre, centre * math.exp(-half), centre * math.exp(half), method, calibrated=True)


def _uncalibrated(known: Calibration) -> str:
    counted = f"{known.models} models of {known.families} families measured"
    return f"not calibrated: {counted}, {LEAST_MODELS} of {LEAST_FAMILIES} families needed"


def _end(cases: Sequence[Case], composed_s: Sequence[float], *, spread: bool = True) -> End | None:
    families = np.array([one.family for one in cases])
    kinds = np.unique(families).size
    if len(cases) < LEAST_MODELS or kinds < LEAST_FAMILIES:
        return None
    logs = np.log(np.array([one.measured_s for one in cases]) / np.array(composed_s))
    bias, errors = _without_bias(logs, families)
    spreads = np.maximum(np.array([one.spread for one in cases]), LEAST_SPREAD)
    power = _likeliest(np.abs(errors), spreads, families) if spread else 0.0
    quantile = grouped_quantile(np.abs(errors) / spreads**power, families)
    return End(bias, quantile, power, len(cases), kinds, float(spreads.max()))


def _likeliest(errors: Floats, spreads: Floats, families: NDArray[np.str_]) -> float:
    """The power of the spread that absolute errors grow with: by the likelihood of Laplace's law, families alike."""

    def surprise(power: float) -> float:
        mean = _mean(errors / spreads**power, families)
        return math.log(max(mean, TINY)) + power * _mean(np.log(spreads), families)

    return min(POWERS, key=surprise)


def _without_bias(logs: Floats, families: NDArray[np.str_]) -> tuple[float, Floats]:
    """The bias that is worth taking off, 0 for none; and errors of models whose family it was not taken from."""
    others = np.array([_location(logs[families != one], families[families != one]) for one in families])
    left = logs - others
    if _mean(np.abs(left), families) < _mean(np.abs(logs), families):
        return _location(logs, families), left
    return 0.0, logs


def _location(logs: Floats, families: NDArray[np.str_]) -> float:
    """Median of the families' medians: each counts the same, however many of its models were measured."""
    return float(np.median([np.median(logs[families == one]) for one in np.unique(families)]))


def _mean(values: Floats, families: NDArray[np.str_]) -> float:
    return float(np.mean([values[families == one].mean() for one in np.unique(families)]))


def grouped_quantile(scores: Floats, families: NDArray[np.str_], share: float = SHARE) -> float:
    """The score that `share` of the models of a new family do not exceed.

    Every family weighs the same. The level is that of split conformal prediction for as many independent models as
    these are worth: `n / (1 + (m - 1) x rho)` with m models of a family that correlate by rho (Kish 1965). Where so few
    cannot reach it, the largest score is stretched as far as Student's t goes from what they reach to the share.

    Args:
        scores: Absolute errors, shape (models,).
        families: Of the models, shape (models,).
        share: To be held.
    """
    kinds, place, counts = np.unique(families, return_inverse=True, return_counts=True)
    worth = scores.size / (1 + (scores.size / kinds.size - 1) * _correlation(scores, place, counts))
    level = share * (worth + 1) / worth
    order = np.argsort(scores)
    reached = np.cumsum(1 / (kinds.size * counts[place[order]]))
    found = float(scores[order][min(int(np.searchsorted(reached, min(level, 1.0) - 1e-9)), scores.size - 1)])
    return found * max(1.0, _two_sided(worth, share) / _two_sided(worth, worth / (worth + 1))) if level > 1 else found


def _two_sided(degrees: float, share: float) -> float:
    """Quantile of Student's t that `share` of all values do not exceed on either side."""
    return float(stdtrit(degrees, (1 + share) / 2))


def _correlation(scores: Floats, place: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Intraclass correlation from the mean squares between and within families (Fisher 1925), from 0 to 1."""
    kinds, size = counts.size, scores.size
    if size == kinds:
        return 0.0
    means = np.bincount(place, weights=scores) / counts
    between = float((counts * (means - scores.mean()) ** 2).sum()) / (kinds - 1)
    within = float(((scores - means[place]) ** 2).sum()) / (size - kinds)
    each = (size - float((counts**2).sum()) / size) / (kinds - 1)
    whole = between + (each - 1) * within
    return min(max((between - within) / whole, 0.0), 1.0) if whole > 0 else 0.0
