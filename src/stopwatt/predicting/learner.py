"""What is learnt from features: as many kinds of models as the number of rows can carry."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.predicting.features import Features
from stopwatt.predicting.gaussian import Gaussian, gaussian_process
from stopwatt.predicting.trees import Forest, boosted_trees, extra_trees

Floats = NDArray[np.float64]

FEW = 100
"""Below: a Gaussian process alone."""
MANY = 3000
"""From here on boosting beside a few trees: their cost grows with the rows only linearly."""
FOLDS = 5
CENTRES = 1200
"""Rows of a Gaussian process, at most."""


@dataclass(frozen=True, slots=True)
class Member:
    """One model of the ensemble: the mean of one or two kinds.

    Attributes:
        parts: Its models.
        smooth: Columns that a Gaussian process is given, shape (columns,).
    """

    parts: tuple[Forest | Gaussian, ...]
    smooth: NDArray[np.bool_]

    def predict(self, values: Floats) -> Floats:
        """Answer for each row, shape (n,)."""
        answers = [
            part.predict(values[:, self.smooth] if isinstance(part, Gaussian) else values) for part in self.parts
        ]
        return np.asarray(np.mean(answers, axis=0))


def fit_member(features: Features, rows: NDArray[np.intp], target: Floats, seed: int) -> Member:
    """Learn from some of the rows."""
    values, wanted = features.values[rows], target[rows]
    gaussian = (
        gaussian_process(values[:, features.smooth], wanted, most=CENTRES, seed=seed) if rows.size < MANY else None
    )
    if rows.size < FEW and gaussian is not None:
        return Member((gaussian,), features.smooth)
    if gaussian is not None:
        trees = extra_trees(values, wanted, trees=60, least=1, share=0.8, seed=seed)
        return Member((gaussian, trees), features.smooth)
    boosted = boosted_trees(values, wanted, rounds=300, leaves=48, least=10, rate=0.1, depth=9, seed=seed)
    random = extra_trees(values, wanted, trees=8, least=2, share=0.6, seed=seed)
    return Member((boosted, random), features.smooth)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members that each learnt from all folds but one."""

    members: tuple[Member, ...]

    def predict(self, values: Floats) -> Floats:
        """Mean of the members for each row, shape (n,)."""
        return np.asarray(np.mean([member.predict(values) for member in self.members], axis=0))


def folds_of(groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row, shape (n,): all rows of a group are in the same one."""
    kinds, place = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(kinds.size)
    return np.asarray((order % folds)[place], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Crossed:
    """An ensemble, and what its members say of rows that they did not learn from.

    Attributes:
        ensemble: One member for each fold.
        outside: Answer for each row by the member that did not see its group, shape (n,).
    """

    ensemble: Ensemble
    outside: Floats


Apart = Callable[[NDArray[np.bool_]], tuple[Floats, Floats]]
"""Of held-out rows, columns and what is to be added to an answer, both by a law that did not see them."""


def cross_fit(
    features: Features, target: Floats, groups: NDArray[np.int64], seed: int, apart: Apart | None = None
) -> Crossed:
    """Fit one member for each fold of groups (CV+; Barber, Candes, Ramdas and Tibshirani, 2021).

    Args:
        features: Of the rows.
        target: Logarithms over the law, shape (n,).
        groups: Rows of a group are in one fold, shape (n,).
        seed: Of folds and models.
        apart: Where there are so few rows that the law itself follows each of them.
    """
    folds = min(FOLDS, np.unique(groups).size)
    fold = folds_of(groups, folds, seed)
    outside, members = np.empty(target.size), []
    for one in range(folds):
        held = fold == one
        member = fit_member(features, np.flatnonzero(~held if folds > 1 else held), target, seed + one)
        values, more = apart(held) if apart is not None and folds > 1 else (features.values[held], 0.0)
        outside[held] = member.predict(values) + more
        members.append(member)
    return Crossed(Ensemble(tuple(members)), outside)
