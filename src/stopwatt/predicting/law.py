"""The law that predictions start from: a roofline with its corners rounded, tiles in waves, and a floor.

    t = ((c x i)^p + m^p)^(1/p), joined in the same way with the floor
    c = FLOPs / peak x e^a x (1 + k0 / k),  i = least over ways of inflation^w (1 + e roughness) (1 + d steps)
    m = bytes / bandwidth x e^b x (1 - s / (1 + (bytes / cache)^2)) + q x (left operand, read wide and written narrow)

The roofline is that of Williams, Waterman and Patterson (2009). The parameters of each device, type and kind are found
by least squares of the logarithms and are held near what is usual, so that a few rows are enough.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.predicting.ceilings import Ceilings
from stopwatt.predicting.tiling import PARTED, ROUGHNESS, inflation_of, product_of

Floats = NDArray[np.float64]

NAMES = (
    "compute",
    "memory",
    "floor",
    "corner",
    "depth",
    "cached",
    "rough",
    "waves",
    "floor_corner",
    "parted",
    "converted",
)
USUAL = np.array([0.25, 0.15, np.log(5e-6), 1.0, np.log(100.0), 0.3, 5.0, 0.8, 0.0, 0.1, 0.1])
SPREAD = np.array([0.4, 0.4, 3.0, 1.0, 1.5, 0.4, 10.0, 0.3, 1.5, 0.2, 0.5])
LOWEST = np.array([-0.3, -0.5, np.log(1e-8), -1.0, np.log(1.0), 0.0, 0.0, 0.0, -3.0, 0.0, 0.0])
HIGHEST = np.array([4.0, 4.0, np.log(1e-1), 3.0, np.log(3000.0), 0.9, 100.0, 1.0, 3.0, 3.0, 20.0])
HELD = 0.3
"""Weight of what is usual: as a row that is off by this share for each spread."""
LIKELY = 0.1
"""Logarithmic errors beyond this count by their size, not by their square."""
MOST_ROWS = 1500
TRIES = 60
LARGE = 6
CONVERTED = 3.0
"""Bytes of an element that is read in 16 bits and written in 8, as products in 8 bits do first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the law is computed from; shape (n,) but for `inflation`, (n, ways)."""

    compute_s: Floats
    memory_s: Floats
    fill: Floats
    depth: Floats
    convert_s: Floats
    inflation: Floats

    def take(self, rows: NDArray[np.intp]) -> "Terms":
        """Those rows."""
        return Terms(*(getattr(self, name)[rows] for name in Terms.__slots__))


def terms_of(table: Table, ceilings: Ceilings) -> Terms:
    """Seconds at the peaks, fill of the cache, and tiles of each row."""
    flops = np.nan_to_num(table.flops, nan=0.0)
    moved = table.read_bytes + table.write_bytes
    fill = np.divide(moved, ceilings.cache_bytes, out=np.full(len(table), np.inf), where=ceilings.cache_bytes > 0)
    product = product_of(table)
    convert_s = np.zeros(len(table))
    if product is None:
        depth, inflation = np.full(len(table), np.inf), np.ones((len(table), ROUGHNESS.size))
    else:
        depth, inflation = product.k, inflation_of(product, ceilings.units)
    if product is not None and table.family is Family.GEMM:
        convert_s = product.batch * product.m * product.k * CONVERTED / ceilings.bandwidth
    return Terms(flops / ceilings.flops, moved / ceilings.bandwidth, fill, depth, convert_s, inflation)


def roofline(terms: Terms) -> Floats:
    """Seconds at the peaks, by the slower of the two; at least a nanosecond."""
    return np.maximum(np.maximum(terms.compute_s, terms.memory_s), 1e-9)


@dataclass(frozen=True, slots=True)
class Law:
    """Parameters by group of rows, and what stands for a group that is not there.

    Attributes:
        groups: Names of groups, as `groups_of` gives them.
        parameters: Shape (groups, 9), in the order of `NAMES`.
        usual: Parameters for all others, shape (11,).
    """

    groups: tuple[str, ...]
    parameters: Floats
    usual: Floats

    def seconds(self, terms: Terms, names: NDArray[np.str_]) -> Floats:
        """Time of each row, shape (n,); of unknown groups by the nearest known one, else by what is usual."""
        known = {name: self.parameters[number] for number, name in enumerate(self.groups)}
        kinds, place = np.unique(names, return_inverse=True)
        chosen = np.array([known[str(one)] if str(one) in known else self._alike(str(one)) for one in kinds])
        return _law(chosen[place].T, terms)

    def _alike(self, name: str) -> Floats:
        """The median of the groups that differ only in the device, else of those of the same type, else of all."""
        words = name.split("|")
        for part in (words[1:], words[1:2]):
            near = [n for n, one in enumerate(self.groups) if one.split("|")[1 : 1 + len(part)] == part]
            if near:
                return np.asarray(np.median(self.parameters[near], axis=0))
        return self.usual


def groups_of(table: Table, providers: NDArray[np.str_]) -> NDArray[np.str_]:
    """`device|dtype|kind|mode|provider` of each row, shape (n,)."""
    columns = (table.device, table.dtype, table.kind, table.mode, providers)
    return np.array(["|".join(map(str, words)) for words in zip(*columns, strict=True)], dtype=np.str_)


def fit_law(terms: Terms, names: NDArray[np.str_], time_s: Floats, seed: int) -> Law:
    """Parameters of all rows together, and of each group, held near those of all."""
    rng = np.random.default_rng(seed)
    pooled = _fit(terms, time_s, np.arange(time_s.size), USUAL, rng)
    found = {str(name): _fit(terms, time_s, np.flatnonzero(names == name), pooled, rng) for name in np.unique(names)}
    return Law(tuple(found), np.array(list(found.values())), pooled)


def _fit(terms: Terms, time_s: Floats, rows: NDArray[np.intp], usual: Floats, rng: np.random.Generator) -> Floats:
    from scipy.optimize import least_squares

    if rows.size > MOST_ROWS:
        rows = rng.choice(rows, MOST_ROWS, replace=False, p=_weights(terms.take(rows)))
    some, observed = terms.take(rows), np.log(time_s[rows])

    def errors(parameters: Floats) -> Floats:
        off = np.log(_law(parameters, some)) - observed
        return np.concatenate([off, HELD * (parameters - usual) / SPREAD])

    best = None
    for start in np.quantile(time_s[rows], (0.02, 0.3)):
        first = usual.copy()
        first[2] = np.log(start)
        inside = np.clip(first, LOWEST + 1e-6, HIGHEST - 1e-6)
        answer = least_squares(errors, inside, bounds=(LOWEST, HIGHEST), loss="soft_l1", f_scale=LIKELY, max_nfev=TRIES)
        best = answer if best is None or answer.cost < best.cost else best
    return np.asarray(best.x if best is not None else usual)


def _weights(terms: Terms) -> Floats:
    """Chance of each row: mostly large ones, of which the law is to hold beyond what was seen, but never none."""
    rank = np.argsort(np.argsort(roofline(terms))) / terms.fill.size
    weights = rank**LARGE + 0.02
    return np.asarray(weights / weights.sum())


def _law(parameters: Floats, terms: Terms) -> Floats:
    """Seconds, shape (n,), of parameters of shape (11,) or (11, n)."""
    compute, memory, floor, corner, depth, cached, rough, waves, joint, parted, converted = parameters
    penalty = (1 + np.multiply.outer(rough, ROUGHNESS)) * (1 + np.multiply.outer(parted, PARTED))
    inflation = np.min(terms.inflation ** np.asarray(waves)[..., None] * penalty, axis=-1)
    c = np.exp(compute) * terms.compute_s * inflation * (1 + np.exp(depth) / terms.depth)
    m = np.exp(memory) * terms.memory_s * (1 - cached / (1 + terms.fill**2)) + converted * terms.convert_s
    return _joined(_joined(c, m, 1 + np.exp(corner)), np.exp(floor), 1 + np.exp(joint))


def _joined(a: Floats, b: Floats, sharpness: Floats) -> Floats:
    """The larger of two, with a rounded corner: their p-norm, computed without overflow."""
    larger, smaller = np.maximum(a, b), np.minimum(a, b)
    ratio = smaller / np.maximum(larger, 1e-300)
    return np.asarray(np.maximum(larger, 1e-12) * (1 + ratio**sharpness) ** (1 / sharpness))
