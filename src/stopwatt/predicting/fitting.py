"""Laws with parameters that are found from rows: of everything together, of each kind, and of each group of it.

Whatever is fitted is held near what is usual for the larger group, so that a few rows are enough (ridge regression
towards a prior; Hoerl and Kennard 1970), by least squares of the logarithms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table

Floats = NDArray[np.float64]
Names = NDArray[np.str_]

HELD = 0.15
"""Weight of what is usual: as a row that is off by this share for each spread."""
LIKELY = 0.1
"""Logarithmic errors beyond this count by their size, not by their square."""
MOST_ROWS = 1500
TRIES = 60
STEP = 2.0**-26
"""Of a parameter, relative, for a difference: the root of the spacing of floats, as is usual."""
EVERY = 30.0
"""Rows up to which all count alike: so few are needed for what is small, too."""
TRIED = 20
"""Places at which is tried whether a parameter changes anything: where ways compete, it may not at one of them."""
WORDS = 5
"""Of a group's name, before those of parts of it: see `groups_of`."""


class Rows(Protocol):
    """What a law is computed from, row by row."""

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Those rows."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a law looks like; arrays have the shape (parameters,).

    Attributes:
        seconds: Of parameters of shape (parameters,) or (parameters, n), and what is known of n rows; shape (n,).
        sizes: By which rows are large, shape (n,).
        names: Of the parameters.
        usual, spread: What they are likely to be, and within what.
        lowest, highest: What they can be.
        floor: Which of them is the logarithm of the least time.
        emphasis: What a row counts is its rank by size to this power, plus `share` (and `EVERY` over the rows).
        share: See `emphasis`.
    """

    seconds: Callable[[Floats, Any], Floats]
    sizes: Callable[[Any], Floats]
    names: tuple[str, ...]
    usual: Floats
    spread: Floats
    lowest: Floats
    highest: Floats
    floor: int
    emphasis: float
    share: float


@dataclass(frozen=True, slots=True)
class Law:
    """Parameters by group of rows, and what stands for a group that is not there.

    Attributes:
        groups: Names of groups, as `groups_of` gives them, and of what they are parts of.
        parameters: Shape (groups, parameters), in the order of the form's `names`.
        usual: Parameters for all others, shape (parameters,).
    """

    groups: tuple[str, ...]
    parameters: Floats
    usual: Floats

    def seconds(self, form: Form, terms: Rows, names: Names) -> Floats:
        """Time of each row, shape (n,); of unknown groups by the nearest known one, else by what is usual."""
        kinds, place = np.unique(names, return_inverse=True)
        chosen = np.array([self._of(str(one)) for one in kinds])
        return form.seconds(chosen[place].T, terms)

    def _of(self, name: str) -> Floats:
        """Of the group, or of what it is a part of; else the median of groups alike but for the device, or the type."""
        for one in (name, _whole(name)):
            if one in self.groups:
                return np.asarray(self.parameters[self.groups.index(one)])
        words = name.split("|")
        for part in (words[1:], words[1:2]):
            near = [n for n, one in enumerate(self.groups) if one.split("|")[1 : 1 + len(part)] == part]
            if near:
                return np.asarray(np.median(self.parameters[near], axis=0))
        return self.usual


def groups_of(table: Table, providers: Names, parts: Names | None = None) -> Names:
    """`device|dtype|kind|mode|provider` of each row, and the parts of these groups where there are; shape (n,)."""
    columns = (table.device, table.dtype, table.kind, table.mode, providers, *([] if parts is None else [parts]))
    return np.array(["|".join(map(str, words)) for words in zip(*columns, strict=True)], dtype=np.str_)


def _whole(name: str) -> str:
    """What a group is a part of: its name without the last word; itself where it is no part of anything."""
    return name.rpartition("|")[0] if name.count("|") > WORDS else name


def fit_law(form: Form, terms: Rows, names: Names, time_s: Floats, seed: int) -> Law:
    """Parameters of all rows together, of each group held near those of all, of parts near those of their group."""
    search = _Search(form, terms, time_s, np.random.default_rng(seed))
    pooled = search.fit(np.arange(time_s.size), form.usual)
    wholes = np.array([_whole(str(name)) for name in names], dtype=np.str_)
    found = {str(one): search.fit(np.flatnonzero(wholes == one), pooled) for one in np.unique(wholes)}
    for name in map(str, np.unique(names)):
        if name not in found:
            found[name] = search.fit(np.flatnonzero(names == name), found[_whole(name)])
    return Law(tuple(found), np.array(list(found.values())), pooled)


@dataclass(frozen=True)  # without slots: what is felt is looked for once
class _Search:
    """Rows to find parameters from."""

    form: Form
    terms: Rows
    time_s: Floats
    rng: np.random.Generator

    @cached_property
    def felt(self) -> NDArray[np.intp]:
        """Numbers of the parameters that change any row's time: of a copy those of products do not."""
        form, size = self.form, len(self.form.names)
        felt = np.zeros(size, dtype=np.bool_)
        for place in np.random.default_rng(0).uniform(form.lowest, form.highest, (TRIED, size)):
            before = form.seconds(place, self.terms)
            for number in np.flatnonzero(~felt).tolist():
                other = place.copy()
                other[number] = (form.lowest[number] + form.highest[number]) / 2
                felt[number] = not np.array_equal(form.seconds(other, self.terms), before)
        return np.flatnonzero(felt)

    def fit(self, rows: NDArray[np.intp], usual: Floats) -> Floats:
        """Parameters of some of the rows, held near what is usual; from two starts, the better one."""
        from scipy.optimize import least_squares

        form, weights = self.form, _weights(self.form, self.terms.take(rows))
        if rows.size > MOST_ROWS:
            rows = self.rng.choice(rows, MOST_ROWS, replace=False, p=weights / weights.sum())
            weights = np.ones(MOST_ROWS)
        some, observed, factors = self.terms.take(rows), np.log(self.time_s[rows]), np.sqrt(weights)
        free = self.felt

        def whole(some_of_them: Floats) -> Floats:
            parameters = usual.copy()
            parameters[free] = some_of_them
            return parameters

        def errors(some_of_them: Floats) -> Floats:
            off = np.log(form.seconds(whole(some_of_them), some)) - observed
            return np.concatenate([factors * off, HELD * (some_of_them - usual[free]) / form.spread[free]])

        tiled, held = self.terms.take(np.tile(rows, free.size)), np.diag(HELD / form.spread[free])

        def slopes(some_of_them: Floats) -> Floats:
            """Of the errors, by forward differences: all in one call, since small groups cost by the call."""
            steps = STEP * np.maximum(np.abs(some_of_them), 1.0)
            steps = np.where(some_of_them + steps > form.highest[free], -steps, steps)
            moved = np.array([whole(one) for one in some_of_them + np.diag(steps)])
            there = form.seconds(np.repeat(moved, rows.size, axis=0).T, tiled).reshape(free.size, rows.size)
            here = form.seconds(whole(some_of_them), some)
            return np.vstack([(factors * np.log(there / here) / steps[:, None]).T, held])

        found = []
        for start in np.quantile(self.time_s[rows], (0.02, 0.3)):
            first = usual.copy()
            first[form.floor] = np.log(start)
            inside = np.clip(first, form.lowest + 1e-6, form.highest - 1e-6)[free]
            bounds = (form.lowest[free], form.highest[free])
            found.append(least_squares(errors, inside, slopes, bounds, loss="soft_l1", f_scale=LIKELY, max_nfev=TRIES))
        return whole(min(found, key=lambda answer: answer.cost).x)


def _weights(form: Form, terms: Rows) -> Floats:
    """How much each row counts, 1 on average: mostly large ones, beyond which the law is to hold, but never none."""
    sizes = form.sizes(terms)
    rank = np.argsort(np.argsort(sizes)) / sizes.size
    weights = rank**form.emphasis + form.share + EVERY / sizes.size
    return np.asarray(weights / weights.mean())


def joined(a: Floats, b: Floats, sharpness: Floats | float) -> Floats:
    """The larger of two, with a rounded corner: their p-norm, computed without overflow."""
    larger, smaller = np.maximum(a, b), np.minimum(a, b)
    ratio = smaller / np.maximum(larger, 1e-300)
    return np.asarray(np.maximum(larger, 1e-12) * (1 + ratio**sharpness) ** (1 / sharpness))
