"""What to believe outside of what was seen: tried beforehand, on the larger rows of what there is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.features import Features
from stopwatt.predicting.intervals import CRUDE, conformal_quantile
from stopwatt.predicting.model import Ground, ground_of
from stopwatt.predicting.trees import Forest, extra_trees

Floats = NDArray[np.float64]

BELOW = 0.75
"""Share of the rows, by size, that the trial learns from; it is tried on those above."""
LEAST = 60
MOST = 10_000
CAREFUL = 0.95
"""Share that the interval holds in the trial: above what is promised, for the step beyond is often longer."""
TRUST = (0.0, 0.25, 0.5, 0.75, 1.0)
ALIKE = 0.05
"""Errors that differ by less than this share are alike."""
TREES = 30
LEAF = 3


@dataclass(frozen=True, slots=True)
class Beyond:
    """How rows outside are predicted: by the law, and by as much of what was learnt as the trial bore out.

    Attributes:
        forest: Trees of large leaves over some of the rows; `None` where the ensemble itself stands for it.
        groups: `dtype|kind` that were tried.
        trust: Share of the forest's answer that is added to the law's logarithm, shape (groups,).
        half_width: Half the interval of the logarithm, shape (groups,).
    """

    forest: Forest | None
    groups: tuple[str, ...]
    trust: Floats
    half_width: Floats

    def predict(self, table: Table, features: Features, learnt: Floats) -> tuple[Floats, Floats]:
        """Logarithm over the law, and half its interval, for each row; each of shape (n,).

        Args:
            table: The rows.
            features: Of them.
            learnt: What the ensemble says, shape (n,).
        """
        trust, half = float(np.median(self.trust)), float(self.half_width.max())
        names = _names(table)
        at = [(self.trust[place], self.half_width[place]) for place in range(len(self.groups))]
        known = dict(zip(self.groups, at, strict=True))
        pairs = np.array([known.get(str(name), (trust, half)) for name in names]).reshape(-1, 2)
        answer = learnt if self.forest is None else self.forest.predict(features.values)
        return pairs[:, 0] * answer, pairs[:, 1]


def untried(half_width: float) -> Beyond:
    """For tables that are too small to try: what was learnt, with an interval of the given half-width."""
    return Beyond(None, ("",), np.array([1.0]), np.array([half_width]))


def sizes_of(table: Table) -> Floats:
    """What rows are ordered by: operations, or bytes where operations are not known; shape (n,)."""
    moved = table.read_bytes + table.write_bytes
    return np.where(np.isfinite(table.flops) & (table.flops > 0), table.flops, moved)


def try_beyond(
    table: Table, specs: Mapping[str, DeviceSpecs], inside: float, seed: int, whole: Ground | None = None
) -> Beyond:
    """Learn from the smaller rows of each type and kind, predict the larger ones, and keep what did best.

    Args:
        table: All rows that may be learnt from.
        specs: Of the devices.
        inside: Half the interval of rows inside; for tables too small to try.
        seed: Of the choice of rows.
        whole: The ground of all rows, as `ground_of` gives it with that seed; found if absent.
    """
    if len(table) > MOST:
        rows = np.random.default_rng(seed).choice(len(table), MOST, replace=False)
        whole, table = None, table.take(np.sort(rows))
    small = _smaller(table)
    if small.sum() < LEAST or (~small).sum() < LEAST // 3:
        return untried(CRUDE * inside)
    ground = ground_of(table.take(small), specs, seed)
    forest = _learn(ground, table.take(small), specs, seed)
    unknown = table.take(~small)
    features, law_s = ground.features(unknown, specs)
    learnt, needed, names = forest.predict(features.values), np.log(unknown.time_s / law_s), _names(unknown)
    groups = tuple(map(str, np.unique(names)))
    tried = [_best(learnt[names == one], needed[names == one], inside) for one in groups]
    everything = _learn(whole or ground_of(table, specs, seed), table, specs, seed)
    return Beyond(everything, groups, np.array([one[0] for one in tried]), np.array([one[1] for one in tried]))


def _learn(ground: Ground, table: Table, specs: Mapping[str, DeviceSpecs], seed: int) -> Forest:
    features, law_s = ground.features(table, specs)
    target = np.log(table.time_s / law_s)
    return extra_trees(features.values, target, trees=TREES, least=LEAF, share=0.5, seed=seed)


def _best(learnt: Floats, needed: Floats, inside: float) -> tuple[float, float]:
    """The largest trust whose error is like the least, and the half-width that it needs."""
    errors = {trust: np.abs(trust * learnt - needed) for trust in TRUST}
    least = min(float(one.mean()) for one in errors.values())
    best = max(trust for trust in TRUST if errors[trust].mean() <= (1 + ALIKE) * least)
    return best, max(conformal_quantile(errors[best], CAREFUL), inside)


def _smaller(table: Table) -> NDArray[np.bool_]:
    sizes, names = sizes_of(table), _names(table)
    small = np.zeros(len(table), dtype=np.bool_)
    for name in np.unique(names):
        rows = names == name
        small[rows] = sizes[rows] <= np.quantile(sizes[rows], BELOW)
    return small


def _names(table: Table) -> NDArray[np.str_]:
    return np.char.add(np.char.add(table.dtype.astype(np.str_), "|"), table.kind.astype(np.str_))
