"""How a product is cut into tiles, and what of the last wave of tiles over the multiprocessors is idle.

The tiles are those that vendors' libraries choose from; which one a call gets is not known, so all are features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.operators.work import Family

TILES = ((64, 64), (64, 128), (128, 64), (128, 128), (64, 256), (256, 64), (128, 256), (256, 128))
"""Rows and columns of the result that a multiprocessor works on at a time."""
WAYS = tuple((*tile, parts) for tile in ((64, 64), (64, 128), (128, 128), (128, 256)) for parts in (1, 4, 16, 64))
"""Rows, columns, and parts of the sums that different multiprocessors compute, as the law weighs them."""
ROUGHNESS = np.array([1 / rows + 1 / columns for rows, columns, _ in WAYS])
"""Numbers that must be loaded per multiply-add: small tiles have less to do with each."""
PARTS = np.array([float(parts) for _, _, parts in WAYS])
PARTED = np.log2(PARTS)
"""Steps in which partial sums must be added."""
SHORTEST = 128
"""Sums shorter than this for each part are not divided."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Product:
    """The matrix product that a row is, or comes down to; every array has shape (n,).

    Attributes:
        batch: Products of that size, independent of each other.
        m, n: Rows and columns of the result.
        k: Length of the sums.
    """

    batch: Floats
    m: Floats
    n: Floats
    k: Floats


def product_of(table: Table) -> Product | None:
    """As which product a row can be seen; `None` for families that are none."""
    d = table.dims
    if table.family is Family.GEMM:
        return Product(d["batch"], d["m"], d["n"], d["k"])
    if table.family is Family.CONVOLUTION:
        groups = np.maximum(d["groups"], 1)
        depth = d["in_channels"] / groups * d["kernel"]
        return Product(groups, d["batch"] * d["out_size"], d["out_channels"] / groups, depth)
    if table.family is Family.RECURRENT:
        return Product(d["directions"], d["batch"], d["gates"] * d["hidden"], d["hidden"] + d["inputs"])
    if table.family is Family.ATTENTION:
        lanes = d["batch"] * d["heads"]
        return Product(lanes, d["q_len"], d["head_dim"], reach(table))
    return None


def reach(table: Table) -> Floats:
    """Keys that a query sees, on average: with a window at most that many."""
    d = table.dims
    seen = np.where(d["window"] > 0, np.minimum(d["window"], d["kv_len"]), d["kv_len"])
    triangle = d["kv_len"] - np.minimum(d["q_len"], d["kv_len"]) / 2
    return np.where(d["causal"] > 0, np.minimum(seen, triangle), seen)


def tiles_of(product: Product) -> Floats:
    """Tiles of each row for each kind of tile, shape (n, tiles)."""
    return np.column_stack(
        [product.batch * np.ceil(product.m / rows) * np.ceil(product.n / columns) for rows, columns in TILES]
    )


def inflation_of(product: Product, units: Floats) -> Floats:
    """Work of full waves of full tiles over the work that is needed, shape (n, ways); infinite for ways not open."""
    needed = product.batch * product.m * product.n
    columns = []
    for rows, broad, parts in WAYS:
        tiles = product.batch * np.ceil(product.m / rows) * np.ceil(product.n / broad)
        waves = np.ceil(tiles * parts / units) / parts
        is_open = (parts == 1) | (product.k >= SHORTEST * parts)
        columns.append(np.where(is_open, waves * units * rows * broad / needed, np.inf))
    return np.column_stack(columns)
