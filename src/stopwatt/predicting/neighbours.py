"""How much rows disagree with those beside them: what no smooth function of the sizes can follow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table

Floats = NDArray[np.float64]

NEAR = 1.0
"""Octaves to a neighbour, at most, on either side."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Of rows of one type and kind with their neighbours along one size.

    Attributes:
        kind: `dtype kind`.
        size: The only one in which neighbours differ.
        rows: That have a neighbour on each side.
        mean, median: Estimates of the noise of one row: mean and median of its absolute logarithm.
    """

    kind: str
    size: str
    rows: int
    mean: float
    median: float


def disagreements(table: Table, values: Floats, sizes: tuple[str, ...]) -> tuple[Disagreement, ...]:
    """Compare each row with the straight line between its neighbours, in logarithms.

    Independent noise of standard deviation s in all three makes their distance s sqrt(1 + w^2 + (1 - w)^2), with w the
    weight of the left one; what is left after dividing is the noise of one row, and, where the quantity bends between
    neighbours, too much. Noise that neighbours share is not in it. A rare outlier spoils its neighbours' lines as well:
    where all noise is of that kind, the mean is 1.6 times too large, and the median says nothing of it.

    Args:
        table: The rows.
        values: A positive quantity of each, shape (n,).
        sizes: Names of sizes along which neighbours are looked for.
    """
    kinds = np.array([f"{dtype} {kind}" for dtype, kind in zip(table.dtype, table.kind, strict=True)], dtype=np.str_)
    found = []
    for size in sizes:
        middle, off = _distances(table, np.log(values), size, kinds)
        for kind in map(str, np.unique(kinds[middle])):
            own = off[kinds[middle] == kind]
            found.append(Disagreement(kind, size, own.size, float(own.mean()), float(np.median(own))))
    return tuple(sorted(found, key=lambda one: one.kind))


def _distances(table: Table, logs: Floats, size: str, kinds: NDArray[np.str_]) -> tuple[NDArray[np.intp], Floats]:
    """Rows between two neighbours, and their distance from the line between them; each of shape (rows,)."""
    others = [table.dims[name] for name in sorted(table.dims) if name != size]
    key = np.unique(np.column_stack([np.unique(kinds, return_inverse=True)[1], *others]), axis=0, return_inverse=True)
    group, place = key[1].ravel(), np.log2(table.dims[size])
    order = np.lexsort((place, group))
    left, middle, right = order[:-2], order[1:-1], order[2:]
    before, after = place[middle] - place[left], place[right] - place[middle]
    usable = (group[left] == group[right]) & (before > 0) & (after > 0) & (before <= NEAR) & (after <= NEAR)
    left, middle, right = left[usable], middle[usable], right[usable]
    weight = after[usable] / (before + after)[usable]
    line = weight * logs[left] + (1 - weight) * logs[right]
    return middle, np.abs(logs[middle] - line) / np.sqrt(1 + weight**2 + (1 - weight) ** 2)
