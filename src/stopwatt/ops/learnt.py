"""What the fitted predictor says of operators that were not measured, where it has learnt from rows of their device."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.capture import Capture
from stopwatt.operators.memory import blends
from stopwatt.operators.work import DIMENSIONS
from stopwatt.ops.learning import kept_predictor
from stopwatt.predicting.composed import wanted_of, weights_of
from stopwatt.predicting.predictor import Predictor
from stopwatt.predicting.times import Ground, times_of

if TYPE_CHECKING:
    from stopwatt.operators.explain import Basis
    from stopwatt.operators.replay import Place
    from stopwatt.store.database import Store

Floats = NDArray[np.float64]


def learnt_at(store: "Store", place: "Place") -> Predictor:
    """The families of the kept predictor that learnt from rows of a place; none where nothing is kept.

    Raises:
        StopwattError: What is kept is damaged or of another version.
    """
    kept = kept_predictor(store) or Predictor({})
    return Predictor({name: one for name, one in kept.models.items() if place.label in one.domain.devices})


def learnt_times(
    capture: Capture, known: Collection[str], basis: "Basis", place: "Place", predictor: Predictor
) -> Mapping[str, float]:
    """Mean seconds of a call of each operator without a time, in the memory modes in which the model calls it.

    Args:
        capture: Of the model.
        known: Keys of operators with a time.
        basis: With their works, the caches and the rule for memory modes.
        place: Where they would run.
        predictor: Of `learnt_at`.

    Returns:
        By key; operators of families that were not learnt from rows of the place are not there.
    """
    rows = [
        row
        for row, (one, work) in enumerate(zip(capture.operators, basis.works, strict=True))
        if one.key not in known and work.family in predictor.families and DIMENSIONS[work.family]
    ]
    if not rows:
        return {}
    weights = weights_of(blends(capture, basis.works, basis.rule, basis.caches))
    wanted = wanted_of(capture.sequence, weights, len(capture.operators))[rows]
    operators = [capture.operators[row] for row in rows]
    specs = {} if basis.specs is None else {place.label: basis.specs}
    ground = Ground(place.label, predictor=predictor, specs=specs)
    found = times_of(operators, [basis.works[row] for row in rows], wanted, ground)
    each = (_mean_weights(capture, weights)[rows] * found.time_s).sum(axis=1)
    return {one.key: seconds for one, seconds in zip(operators, each.tolist(), strict=True)}


def _mean_weights(capture: Capture, weights: Floats) -> Floats:
    """Of each memory mode over the calls of an operator, shape (operators, modes)."""
    total = np.zeros((len(capture.operators), weights.shape[1]))
    np.add.at(total, capture.sequence, weights)
    return np.asarray(total / np.bincount(capture.sequence, minlength=len(total))[:, None])
