"""What a predictor must beat: each learns from the same rows and is asked the same question."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.ceilings import ceilings_of, completed
from stopwatt.predicting.domain import kinds_of
from stopwatt.predicting.law import roofline, terms_of

Floats = NDArray[np.float64]
Specs = Mapping[str, DeviceSpecs]

FLAT = 3
"""Sizes that vary up to which space is cut into simplices; beyond, their number explodes."""
NEIGHBOURS = 8
MOST = 8000
"""Rows that a random forest or an interpolation learns from, at most, chosen at random."""
TREES = 50


def calibrated_roofline(train: Table, test: Table, specs: Specs) -> Floats:
    """The roofline times the median of measured over it, not below a floor, by device, type and kind; (n,) seconds."""
    known = completed(train, specs)
    learnt = roofline(terms_of(train, ceilings_of(train, known)))
    asked = roofline(terms_of(test, ceilings_of(test, dict(specs) | known)))
    answer = np.empty(len(test))
    for rows, own in _groups(train, test):
        large = own & (learnt >= np.median(learnt[own]))
        factor = float(np.median(train.time_s[large] / learnt[large]))
        answer[rows] = np.maximum(asked[rows] * factor, float(np.quantile(train.time_s[own], 0.05)))
    return answer


def log_interpolation(train: Table, test: Table, specs: Specs) -> Floats:  # noqa: ARG001  (one signature for all)
    """Linear in the logarithms of sizes and time, the nearest row outside; by device, type and kind; (n,) seconds."""
    train = _fewer(train)
    learnt, asked = _logs(train), _logs(test)
    answer = np.empty(len(test))
    for rows, own in _groups(train, test):
        answer[rows] = np.exp(_interpolated(learnt[own], np.log(train.time_s[own]), asked[rows]))
    return answer


def raw_forest(train: Table, test: Table, specs: Specs) -> Floats:  # noqa: ARG001  (one signature for all)
    """A random forest from raw sizes to raw time (Braun, Nikas, Song, Heuveline and Froening, 2020); (n,) seconds."""
    from sklearn.ensemble import RandomForestRegressor

    train = _fewer(train)
    model = RandomForestRegressor(TREES, random_state=0, n_jobs=1)
    kinds = np.unique(_names(train))
    model.fit(_raw(train, kinds), train.time_s)
    return np.asarray(model.predict(_raw(test, kinds)), dtype=np.float64)


BASELINES: Mapping[str, Callable[[Table, Table, Specs], Floats]] = MappingProxyType(
    {
        "calibrated roofline": calibrated_roofline,
        "log interpolation": log_interpolation,
        "raw random forest": raw_forest,
    }
)


def constant_power(train: Table, test: Table) -> Floats:
    """The mean power of what was measured, for everything; watts, (n,)."""
    return np.full(len(test), float(np.nanmean(train.power_w)))


def share_of_limit(train: Table, test: Table, specs: Specs) -> Floats:
    """The power limit, as if all of it were drawn (%TDP at 100 %); watts, (n,)."""
    return ceilings_of(test, completed(train, specs)).power_w


def _fewer(table: Table) -> Table:
    if len(table) <= MOST:
        return table
    return table.take(np.sort(np.random.default_rng(0).choice(len(table), MOST, replace=False)))


def _names(table: Table) -> NDArray[np.str_]:
    return np.char.add(np.char.add(table.device.astype(np.str_), "|"), kinds_of(table))


def _groups(train: Table, test: Table) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Rows of each group of the test, and those to learn it from: all of its type and kind, else simply all."""
    own, asked = _names(train), _names(test)
    alike, wanted = kinds_of(train), kinds_of(test)
    found = []
    for name in np.unique(asked):
        rows = asked == name
        chosen = own == name
        if not chosen.any():
            chosen = alike == wanted[rows][0]
        found.append((rows, chosen if chosen.any() else np.ones(len(train), dtype=np.bool_)))
    return found


def _logs(table: Table) -> Floats:
    if not table.dims:
        return np.zeros((len(table), 1))
    return np.column_stack([np.log2(1 + sizes) for sizes in table.dims.values()])


def _raw(table: Table, kinds: NDArray[np.str_]) -> Floats:
    names = _names(table)
    return np.column_stack([*table.dims.values(), *((names == kind).astype(np.float64) for kind in kinds)])


def _interpolated(points: Floats, values: Floats, asked: Floats) -> Floats:
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError, cKDTree

    varies = np.ptp(points, axis=0) > 0
    if not varies.any():
        return np.full(len(asked), float(np.median(values)))
    points, asked = points[:, varies], asked[:, varies]
    if 1 < points.shape[1] <= FLAT and len(points) > points.shape[1] + 1:
        try:
            answer = LinearNDInterpolator(points, values)(asked)
        except QhullError:  # all points in one plane
            answer = np.full(len(asked), np.nan)
        beyond = np.isnan(answer)
        if beyond.any():
            answer[beyond] = NearestNDInterpolator(points, values)(asked[beyond])
        return np.asarray(answer, dtype=np.float64)
    apart, near = cKDTree(points).query(asked, k=min(NEIGHBOURS, len(points)))
    weights = 1 / (np.reshape(apart, (len(asked), -1)) + 1e-9)
    return np.asarray((values[np.reshape(near, weights.shape)] * weights).sum(axis=1) / weights.sum(axis=1))
