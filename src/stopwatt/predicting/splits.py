"""Five ways to hold rows out, from the easiest question to the hardest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.replay import BESIDE
from stopwatt.operators.table import Table
from stopwatt.predicting.domain import kinds_of
from stopwatt.predicting.extrapolating import sizes_of
from stopwatt.predicting.model import shapes_of

HELD = 0.2
"""Share that is held out."""
TWO = 2
"""Models or devices without which none can be held out."""

Mask = NDArray[np.bool_]


class Question(StrEnum):
    """What is asked of a predictor."""

    RANDOM = "random"  # rows among others like them
    SHAPE = "unseen shape"  # no row of the shape was seen, in any type
    LARGER = "larger shape"  # larger than all that was seen of its type and kind
    MODEL = "unseen model"  # no operator of the models was seen, by the rows' groups
    DEVICE = "unseen device"  # no row of the device was seen


@dataclass(frozen=True, slots=True)
class Division:
    """Rows to learn from and rows to be tried on, each a mask of shape (n,)."""

    train: Mask
    test: Mask


def divide(table: Table, question: Question, seed: int, device: str = "") -> Division | None:
    """Hold rows out.

    Args:
        table: The rows.
        question: What is asked.
        seed: Of what is held out.
        device: That is held out; the one with the most rows if empty.

    Returns:
        `None` where the rows cannot ask that: one device only, groups that are not models.
    """
    if question is Question.DEVICE:
        return _device(table, device)
    test = _WAYS[question](table, np.random.default_rng(seed))
    return None if test is None or not test.any() or test.all() else Division(~test, test)


def _random(table: Table, rng: np.random.Generator) -> Mask | None:
    return rng.random(len(table)) < HELD


def _shape(table: Table, rng: np.random.Generator) -> Mask | None:
    return _some(shapes_of(table), rng)


def _larger(table: Table, rng: np.random.Generator) -> Mask | None:  # noqa: ARG001  (one signature for all ways)
    sizes, names, test = sizes_of(table), kinds_of(table), np.zeros(len(table), dtype=np.bool_)
    for name in np.unique(names):
        rows = names == name
        test[rows] = sizes[rows] > np.quantile(sizes[rows], 1 - HELD)
    return test


def _model(table: Table, rng: np.random.Generator) -> Mask | None:
    named = table.group != ""
    models = np.unique(table.group[named])
    if models.size < TWO or any("=" in str(one) for one in models):  # shapes have `=`, names of models have none
        return None
    return np.asarray(_some(np.unique(table.group, return_inverse=True)[1].astype(np.int64), rng) & named)


def _device(table: Table, device: str) -> Division | None:
    hardware = _hardware(table)
    names, counts = np.unique(hardware, return_counts=True)
    held = device or str(names[counts.argmax()])
    test = hardware == held
    return None if names.size < TWO or not test.any() else Division(~test, test)


def _hardware(table: Table) -> NDArray[np.str_]:
    """Of each row, shape (n,): who has seen a device with other threads has seen the device."""
    names, place = np.unique(table.device, return_inverse=True)
    return np.array([str(one).partition(BESIDE)[0] for one in names], dtype=np.str_)[place]


def _some(groups: NDArray[np.int64], rng: np.random.Generator) -> Mask:
    """A share of the groups, at least one."""
    kinds = np.unique(groups)
    held = rng.permutation(kinds)[: max(1, round(HELD * kinds.size))]
    return np.asarray(np.isin(groups, held))


_WAYS: Mapping[Question, Callable[[Table, np.random.Generator], Mask | None]] = {
    Question.RANDOM: _random,
    Question.SHAPE: _shape,
    Question.LARGER: _larger,
    Question.MODEL: _model,
}
