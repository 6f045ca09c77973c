"""Models that were measured, predicted as if nothing of their family had been."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.work import Work
from stopwatt.predicting.columns import OperatorTimes
from stopwatt.predicting.composed import Composed, put_together, wanted_of
from stopwatt.predicting.models import Case
from stopwatt.predicting.times import Ground, Predicting, rates_of, times_of

Floats = NDArray[np.float64]
Fit = Callable[[frozenset[str]], Predicting | None]
"""A predictor that learnt from everything but the operators with these keys; `None` where nothing is left."""

REPLAYED = 0.95
"""Share of a model's composed time that its own measured operators must have for it to count as measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A model with everything that is known of it at one place.

    Attributes:
        label: For people.
        family: Models that are left out together.
        capture: Of it.
        works: What each of its operators has to do.
        weights: Of the memory modes in each call, shape (calls, modes).
        known: Costs of its operators that were measured, by key.
        gaps_s: Host time between its calls, shape (calls + 1,), or (0,).
        measured_s: Latency of a call.
        on_device: Whether operators run on a device with a queue of its own.
    """

    label: str
    family: str
    capture: Capture
    works: Sequence[Work]
    weights: Floats
    known: Mapping[str, OperatorCost]
    gaps_s: Floats
    measured_s: float
    on_device: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """Of its operators."""
        return frozenset(one.key for one in self.capture.operators)

    def composed(self, ground: Ground, idle_w: float = np.nan) -> Composed:
        """One call of it, from whatever the ground has.

        Raises:
            ValueError: It has nothing of any operator.
        """
        return self.composed_of(self.times(ground), idle_w)

    def times(self, ground: Ground) -> OperatorTimes:
        """Of its operators.

        Raises:
            ValueError: The ground has nothing of any of them.
        """
        operators = self.capture.operators
        wanted = wanted_of(self.capture.sequence, self.weights, len(operators))
        return times_of(operators, self.works, wanted, ground)

    def composed_of(self, times: OperatorTimes, idle_w: float = np.nan) -> Composed:
        """One call of it, with these times."""
        return put_together(self.capture, times, self.weights, self.gaps_s, on_device=self.on_device, idle_w=idle_w)


def families_of(subjects: Sequence[Subject]) -> dict[str, list[Subject]]:
    """Subjects by family, in the order in which families are met."""
    found: dict[str, list[Subject]] = {}
    for one in subjects:
        found.setdefault(one.family, []).append(one)
    return found


def keys_of(subjects: Sequence[Subject]) -> frozenset[str]:
    """Operators of all of them."""
    return frozenset().union(*(one.keys for one in subjects))


def cases_of(subjects: Sequence[Subject], ground: Ground, fit: Fit) -> tuple[Case, ...]:
    """What predictions would have said of models that were measured.

    Args:
        subjects: Measured models at one place.
        ground: Of that place; its predictor is not used, nor are measured operators of a model's own family.
        fit: Makes the predictor that knows nothing of a family: it is called once for each.
    """
    return tuple(
        case
        for name, family in families_of(subjects).items()
        for case in _cases(family, ground_without(name, subjects, ground, fit))
    )


def ground_without(family: str, subjects: Sequence[Subject], ground: Ground, fit: Fit) -> Ground:
    """A ground that has seen no operator of a family's models."""
    left_out = keys_of([one for one in subjects if one.family == family])
    seen = {
        operator.key: (work, one.known[operator.key])
        for one in subjects
        for operator, work in zip(one.capture.operators, one.works, strict=True)
        if operator.key in one.known and operator.key not in left_out
    }
    rates = rates_of(list(seen.values()), ground.specs.get(ground.device))
    return replace(ground, known={}, predictor=fit(left_out), rates=rates)


def _cases(family: Sequence[Subject], held_out: Ground) -> Iterator[Case]:
    if held_out.predictor is None:
        return
    for one in family:
        found = one.composed(held_out)
        yield Case(one.label, one.family, one.measured_s, found.time_s, found.spread, replayed(one, held_out))


def replayed(subject: Subject, ground: Ground) -> float:
    """A model composed of its own measured operators; NaN where too few of them were."""
    if not subject.known:
        return np.nan
    found = subject.composed(replace(ground, known=subject.known))
    return found.time_s if found.shares.measured >= REPLAYED else np.nan
