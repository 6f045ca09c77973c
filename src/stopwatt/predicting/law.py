"""The law that predictions start from: a roofline with its corners rounded, tiles in waves, and a floor.

    t = (c^p + m^p)^(1/p), joined in the same way with the floor
    c = least over ways of ((u x i)^p + (l x k / parts)^p)^(1/p) + s where parts > 1
    u = FLOPs / peak x e^a x (1 + k0 / k),  i = inflation^w (1 + e roughness) (1 + d steps)
    m = bytes / bandwidth x e^b x (1 - s / (1 + (bytes / cache)^2))

A product in 8 bits whose left operand has 16 bits narrows it first, row by row: before the floor is joined,
r x rows / multiprocessors + q x (that operand's bytes) is added.

The roofline is that of Williams, Waterman and Patterson (2009). A tile goes through its sums in steps that wait for
each other, l for each of the k numbers: with few tiles that is what a product takes, and libraries cut the sums in
parts. The parameters of each device, type and kind are found by least squares of the logarithms and are held near what
is usual, so that a few rows are enough.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.predicting.ceilings import Ceilings
from stopwatt.predicting.fitting import Form, joined
from stopwatt.predicting.tiling import PARTED, PARTS, ROUGHNESS, inflation_of, product_of

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
    "step",
    "split",
    "row",
)
USUAL = np.array(
    [
        0.25,
        0.15,
        np.log(5e-6),
        1.0,
        np.log(100.0),
        0.3,
        5.0,
        0.8,
        0.0,
        0.1,
        0.1,
        np.log(1e-9),
        np.log(1e-6),
        np.log(1e-9),
    ]
)
SPREAD = np.array([0.4, 0.4, 3.0, 1.0, 1.5, 0.4, 10.0, 0.3, 1.5, 0.2, 0.5, 2.0, 2.0, 4.0])
LOWEST = np.array(
    [
        -0.3,
        -0.5,
        np.log(1e-8),
        -1.0,
        np.log(1.0),
        0.0,
        0.0,
        0.0,
        -3.0,
        0.0,
        0.0,
        np.log(1e-14),
        np.log(1e-9),
        np.log(1e-13),
    ]
)
HIGHEST = np.array(
    [
        4.0,
        4.0,
        np.log(1e-1),
        3.0,
        np.log(3000.0),
        0.9,
        100.0,
        1.0,
        3.0,
        3.0,
        20.0,
        np.log(1e-6),
        np.log(1e-3),
        np.log(1e-4),
    ]
)
CONVERTED = 3.0
"""Bytes of an element that is read in 16 bits and written in 8, as products in 8 bits do first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the law is computed from; shape (n,) but for `inflation`, (n, ways).

    Attributes:
        compute_s, memory_s: Seconds at the peaks.
        fill: Bytes over the cache's.
        depth: Length of the sums of a product; infinite for what is none.
        steps: The same, but 0 for what is none: their sums do not wait for each other.
        rows: Of the left operand, for each multiprocessor; 0 for what is no product.
        convert_s: Of that operand, read wide and written narrow.
        inflation: Work of full waves of full tiles over the work that is needed.
    """

    compute_s: Floats
    memory_s: Floats
    fill: Floats
    depth: Floats
    steps: Floats
    rows: Floats
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
    rows, convert_s = np.zeros(len(table)), np.zeros(len(table))
    if product is None:
        depth, inflation = np.full(len(table), np.inf), np.ones((len(table), ROUGHNESS.size))
    else:
        depth, inflation = product.k, inflation_of(product, ceilings.units)
    if product is not None and table.family is Family.GEMM:
        rows = product.batch * product.m / ceilings.units
        convert_s = product.batch * product.m * product.k * CONVERTED / ceilings.bandwidth
    return Terms(
        flops / ceilings.flops,
        moved / ceilings.bandwidth,
        fill,
        depth,
        np.where(np.isfinite(depth), depth, 0),
        rows,
        convert_s,
        inflation,
    )


def roofline(terms: Terms) -> Floats:
    """Seconds at the peaks, by the slower of the two; at least a nanosecond."""
    return np.maximum(np.maximum(terms.compute_s, terms.memory_s), 1e-9)


def seconds_of(parameters: Floats, terms: Terms) -> Floats:
    """Seconds, shape (n,), of parameters of shape (14,) or (14, n)."""
    compute, memory, floor, corner, depth, cached, rough, waves, joint, parted, converted, step, split, row = parameters
    penalty = (1 + np.multiply.outer(rough, ROUGHNESS)) * (1 + np.multiply.outer(parted, PARTED))
    needed = np.exp(compute) * terms.compute_s * (1 + np.exp(depth) / terms.depth)
    work = needed[:, None] * terms.inflation ** np.asarray(waves)[..., None] * penalty
    path = np.multiply.outer(np.exp(step) * terms.steps, 1 / PARTS)
    sharpness = 1 + np.exp(np.asarray(corner))
    c = np.min(joined(work, path, sharpness[..., None]) + np.multiply.outer(np.exp(split), PARTS > 1), axis=-1)
    m = np.exp(memory) * terms.memory_s * (1 - cached / (1 + terms.fill**2))
    before = np.exp(row) * terms.rows + converted * terms.convert_s
    return joined(joined(c, m, sharpness) + before, np.exp(floor), 1 + np.exp(joint))


ROOFLINE = Form(seconds_of, roofline, NAMES, USUAL, SPREAD, LOWEST, HIGHEST, 2, 6, 0.02)
"""Of all operators that have no law of their own."""
