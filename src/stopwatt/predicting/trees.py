"""Forests as flat arrays: fitted by scikit-learn, predicted by numpy, to the same digits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PIECE = 2_000_000
"""Pairs of row and tree that are walked at a time."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Binary trees, one after another; an answer is the sum of their leaves and of an offset.

    A leaf points to itself, so that walking on changes nothing.

    Attributes:
        feature: int16, shape (nodes,): column that a node asks for; 0 in a leaf.
        threshold: float64, shape (nodes,): a value that is not larger goes left; infinite in a leaf.
        left, right: int32, shape (nodes,): where to go on.
        value: float64, shape (nodes,): of a leaf; 0 elsewhere.
        roots: int32, shape (trees,).
        depth: Steps from a root to the deepest leaf.
        offset: Added to the sum.
        single: Whether values are rounded to float32 before they are asked, as scikit-learn's forests do.
    """

    feature: NDArray[np.int16]
    threshold: Floats
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: Floats
    roots: NDArray[np.int32]
    depth: int
    offset: float
    single: bool

    def predict(self, values: Floats) -> Floats:
        """Answer for each row of `values`, shape (n,)."""
        asked = values.astype(np.float32).astype(np.float64) if self.single else values
        rows = max(1, PIECE // max(self.roots.size, 1))
        parts = [self._walk(asked[begin : begin + rows]) for begin in range(0, len(asked), rows)]
        return np.concatenate(parts) + self.offset if parts else np.empty(0)

    def _walk(self, values: Floats) -> Floats:
        count, width = values.shape
        flat = np.ascontiguousarray(values).ravel()
        first = np.repeat(np.arange(count, dtype=np.int64) * width, self.roots.size)
        node = np.tile(self.roots, count)
        for _ in range(self.depth):
            right = flat[first + self.feature[node]] > self.threshold[node]
            node = np.where(right, self.right[node], self.left[node])
        return np.asarray(self.value[node].reshape(count, self.roots.size).sum(axis=1))


def extra_trees(values: Floats, target: Floats, *, trees: int, least: int, share: float, seed: int) -> Forest:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel, 2006), each over all rows.

    Args:
        values: Shape (n, columns).
        target: Shape (n,).
        trees: How many.
        least: Rows in a leaf, at least.
        share: Of the columns that a split chooses among.
        seed: Of the splits.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(trees, min_samples_leaf=least, max_features=share, random_state=seed, n_jobs=1)
    model.fit(values, target)
    return of_extra_trees(model)


def of_extra_trees(model: Any) -> Forest:
    """The arrays of a fitted `ExtraTreesRegressor` or `RandomForestRegressor`."""
    trees = [one.tree_ for one in model.estimators_]
    parts = [
        (tree.feature, tree.threshold, tree.children_left, tree.children_right, tree.value[:, 0, 0] / len(trees))
        for tree in trees
    ]
    return _joined(parts, offset=0.0, single=True)


def boosted_trees(
    values: Floats, target: Floats, *, rounds: int, leaves: int, least: int, rate: float, depth: int, seed: int
) -> Forest:
    """Histogram gradient boosting (Friedman, 2001; bins as in LightGBM, Ke et al., 2017).

    Args:
        values: Shape (n, columns), finite.
        target: Shape (n,).
        rounds: Trees, one after another.
        leaves: Of a tree, at most.
        least: Rows in a leaf, at least.
        rate: Share of each tree's answer that counts.
        depth: Of a tree, at most.
        seed: Of the bins.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        max_iter=rounds,
        max_leaf_nodes=leaves,
        min_samples_leaf=least,
        learning_rate=rate,
        max_depth=depth,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    model.fit(values, target)
    return of_boosted_trees(model)


def of_boosted_trees(model: Any) -> Forest:
    """The arrays of a fitted `HistGradientBoostingRegressor` without categories."""
    nodes = [one[0].nodes for one in model._predictors]  # noqa: SLF001  (no public way to the trees)
    parts = []
    for tree in nodes:
        leaf = tree["is_leaf"].astype(bool)
        left = np.where(leaf, -1, tree["left"].astype(np.int64))
        right = np.where(leaf, -1, tree["right"].astype(np.int64))
        parts.append((tree["feature_idx"], tree["num_threshold"], left, right, tree["value"]))
    return _joined(parts, offset=float(np.ravel(model._baseline_prediction)[0]), single=False)  # noqa: SLF001  (as above)


def _joined(parts: Sequence[tuple[Any, ...]], *, offset: float, single: bool) -> Forest:
    sizes = np.array([part[0].size for part in parts])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    own = np.arange(int(sizes.sum()))
    shift = np.repeat(starts, sizes)
    feature, threshold, left, right, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    leaf = left < 0
    return Forest(
        np.where(leaf, 0, feature).astype(np.int16),
        np.where(leaf, np.inf, threshold).astype(np.float64),
        np.where(leaf, own, left + shift).astype(np.int32),
        np.where(leaf, own, right + shift).astype(np.int32),
        np.where(leaf, value, 0.0).astype(np.float64),
        starts.astype(np.int32),
        max(_depth(part[2], part[3]) for part in parts),
        offset,
        single,
    )


def _depth(left: NDArray[Any], right: NDArray[Any]) -> int:
    """Steps to the deepest leaf: level after level."""
    level, steps = np.array([0]), 0
    while True:
        inner = level[left[level] >= 0]
        if not inner.size:
            return steps
        level, steps = np.concatenate([left[inner], right[inner]]), steps + 1
