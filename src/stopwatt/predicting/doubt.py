"""How little is known of the time of rows: before they are measured, and of those that were."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.family import FamilyModel
from stopwatt.predicting.learner import cross_fit
from stopwatt.predicting.model import ground_of, shapes_of

Floats = NDArray[np.float64]

_DEVIATIONS = 1.645
"""Of a normal distribution, that half an interval of 90 % has."""


def doubt_of(model: FamilyModel, table: Table, specs: Mapping[str, DeviceSpecs]) -> Floats:
    """Standard deviation of the logarithm of each row's time, shape (n,).

    Two sources add up as squares: how far apart the members of the ensemble are, each of which did not learn from some
    of the rows (query by committee; Seung, Opper and Sompolinsky 1992), and the interval, which knows what lies
    outside. The members alone agree on much that all of them have wrong.

    Args:
        model: Of the rows' family.
        table: The rows.
        specs: Of devices.
    """
    features, _ = model.ground.features(table, specs)
    answers = np.array([member.predict(features.values) for member in model.time.ensemble.members])
    apart = answers.std(axis=0, ddof=1) if len(answers) > 1 else np.zeros(len(table))
    forecast = model.predict(table, specs)
    half = np.log(forecast.high_s / forecast.low_s) / 2
    return np.asarray(np.hypot(apart, half / _DEVIATIONS))


def held_out_errors(table: Table, specs: Mapping[str, DeviceSpecs], seed: int = 0) -> Floats:
    """Logarithm of the ratio of measured to predicted time, by models that did not learn from a row's shape; (n,).

    Args:
        table: Rows of a family with their times.
        specs: Of their devices.
        seed: Of the folds.
    """
    ground = ground_of(table, specs, seed)
    features, law_s = ground.features(table, specs)
    target = np.log(table.time_s / law_s)
    return np.asarray(target - cross_fit(features, target, shapes_of(table), seed).outside)
