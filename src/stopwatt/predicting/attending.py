"""The law of attention: blocks of keys, one after another, on multiprocessors that share a memory.

    t = floor x (1 + many) + max(work, m) + joining what was split
    work = waves x (start + b x (blocks - first)), at least the longest tile
    m = bytes / bandwidth x e^mem

A multiprocessor takes a tile of queries at a time and goes through the keys that the tile sees, block by block: b is
what a block takes. Heads that share keys are packed into one tile where that fills it better. A single query for each
sequence (decoding) has few tiles, so that the keys of each are split among multiprocessors, and the parts are joined by
another kernel. Tiles, packing and splits are those of FlashAttention-3 (Shah et al. 2024) and of Flash-Decoding (Dao et
al. 2023); what they are in another implementation is left to the parameters, found for each head size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import Table
from stopwatt.predicting.ceilings import Ceilings
from stopwatt.predicting.fitting import Form, joined

Floats = NDArray[np.float64]

KEYS = 128.0
"""In a block."""
QUERIES = ((64, 192.0), (256, 128.0), (np.inf, 64.0))
"""In a tile, of heads up to each size: what the registers hold."""
PACKED = 0.9
"""Heads are packed where a tile is filled less than this, compared with packed ones."""
MOST_SPLITS = 32.0
PLANNED = 992
"""Sequences in a batch up to which splits are planned: beyond, each tile has all of its keys."""
STEEP = 6.0
"""How sharp the corner is between all work and the longest tile."""
PHASES = ("context", "generation")
JOINED = 8.0
"""Bytes of a partial result that are written and read again: 32 bits each way."""

NAMES = (
    "floor",
    "many",
    "block",
    "memory",
    "start",
    "waves",
    "first",
    "joining",
    "planning",
    "steps",
    "corner",
    "cut",
    "search",
)
USUAL = np.array(
    [np.log(7e-6), 0.2, 0.2, 0.1, np.log(3e-6), 0.7, 0.5, 1.0, np.log(1.5e-3), 0.08, 1.0, 1.0, np.log(1e-7)]
)
SPREAD = np.array([0.5, 0.2, 0.5, 0.3, 0.5, 0.4, 0.5, 1.0, 1.0, 0.08, 1.0, 0.5, 5.0])
LOWEST = np.array(
    [np.log(1e-8), 0.0, -1.0, -0.5, np.log(1e-10), 0.0, 0.0, -4.0, np.log(1e-8), 0.0, -3.0, -1.0, np.log(1e-9)]
)
HIGHEST = np.array([np.log(1e-1), 1.0, 4.0, 4.0, np.log(1e-1), 1.0, 1.5, 6.0, np.log(1e-1), 1.0, 3.0, 4.0, 0.0])


@dataclass(frozen=True, slots=True)
class Blocks:
    """What attention comes down to; every array has shape (n,).

    Attributes:
        tiles: Of all sequences and heads.
        waves: Tiles over multiprocessors.
        idle: Full waves over `waves`.
        blocks: That a tile goes through, on average.
        longest: Blocks of the longest tile, after splitting.
        splits: Parts of each tile's keys.
        cut: 1 where a window begins within a block.
        many: 1 with more than one query for each sequence.
        planned: Sequences whose splits are planned.
        block_s: Seconds of a block at the peak of one multiprocessor.
        memory_s: Seconds of all bytes at the peak.
        partial_s: Of the partial results.
        flops_s: Of all operations that are needed.
    """

    tiles: Floats
    waves: Floats
    idle: Floats
    blocks: Floats
    longest: Floats
    splits: Floats
    cut: Floats
    many: Floats
    planned: Floats
    block_s: Floats
    memory_s: Floats
    partial_s: Floats
    flops_s: Floats

    def take(self, rows: NDArray[np.intp]) -> "Blocks":
        """Those rows."""
        return Blocks(*(getattr(self, name)[rows] for name in Blocks.__slots__))


@dataclass(frozen=True, slots=True)
class Tiles:
    """How queries are cut; every array has shape (n,).

    Attributes:
        size: Queries in a tile, of all heads in it.
        count: Tiles.
        span: Places in the sequence that a tile's queries have.
    """

    size: Floats
    count: Floats
    span: Floats


def tiles_of(table: Table) -> Tiles:
    """Cut the queries as is usual."""
    d = table.dims
    shared = d["heads"] / np.maximum(d["kv_heads"], 1)
    size = np.select([d["head_dim"] <= most for most, _ in QUERIES], [queries for _, queries in QUERIES])
    packed = _filled(d["q_len"], size) < PACKED * _filled(d["q_len"] * shared, size)
    lanes = d["batch"] * np.where(packed, d["kv_heads"], d["heads"])
    of_lane = np.ceil(d["q_len"] * np.where(packed, shared, 1) / size)
    span = np.minimum(d["q_len"], np.where(packed, size / shared, size))
    return Tiles(size, lanes * of_lane, span)


def _filled(queries: Floats, size: Floats) -> Floats:
    """Share of the tiles' places that hold a query."""
    return np.asarray(queries / (np.ceil(queries / size) * size))


def blocks_of(table: Table, ceilings: Ceilings) -> Blocks:
    """Tiles and blocks of each row, and what they take at the peaks."""
    d, tiles, units = table.dims, tiles_of(table), ceilings.units
    window = np.where(d["window"] > 0, d["window"] + tiles.span - 1, np.inf)
    least = d["kv_len"] - np.where(d["causal"] > 0, np.maximum(d["q_len"] - tiles.span, 0), 0)
    blocks, longest = _seen(least, d["kv_len"], window) / KEYS, np.minimum(d["kv_len"], window) / KEYS
    planned = (d["q_len"] == 1) & (d["batch"] <= PLANNED)
    possible = np.clip(np.floor(blocks), 1, MOST_SPLITS)
    splits = np.where(planned, np.clip(np.floor(units / tiles.count), 1, possible), 1.0)
    waves = tiles.count / units
    results = d["batch"] * d["heads"] * d["q_len"] * d["head_dim"]
    return Blocks(
        tiles.count,
        waves,
        np.where(splits > 1, 1.0, np.ceil(waves) / waves),
        blocks,
        longest / splits,
        splits,
        ((d["window"] > 0) & (d["kv_len"] > window)).astype(np.float64),
        (d["q_len"] > 1).astype(np.float64),
        np.where(planned, d["batch"], 0.0),
        4 * KEYS * tiles.size * d["head_dim"] * units / ceilings.flops,
        (table.read_bytes + table.write_bytes) / ceilings.bandwidth,
        np.where(planned, results * JOINED, 0.0) / ceilings.bandwidth,
        np.nan_to_num(table.flops, nan=0.0) / ceilings.flops,
    )


def _seen(least: Floats, most: Floats, window: Floats) -> Floats:
    """Mean of the keys that tiles see, whose numbers are evenly spread, none above the window; shape (n,)."""
    top = np.clip(window, least, most)
    below = np.where(most > least, (top - least) / np.maximum(most - least, 1), 0.0)
    return np.asarray(below * (least + top) / 2 + (1 - below) * np.minimum(window, most))


def parts_of(table: Table) -> NDArray[np.str_]:
    """What has parameters of its own within a kind: one query or many, and, as a part of these, each head size."""
    phases = np.where(table.dims["q_len"] == 1, "one", "many")
    sizes = [f"{size:g}" for size in table.dims["head_dim"]]
    return np.array([f"{phase}|{size}" for phase, size in zip(phases, sizes, strict=True)], dtype=np.str_)


def without_phase(kinds: NDArray[np.str_]) -> NDArray[np.str_]:
    """Kinds without `context` and `generation`: a single query is a single query, whatever it is a part of."""
    names, place = np.unique(kinds, return_inverse=True)
    words = [[word for word in str(name).split() if word not in PHASES] for name in names]
    return np.array([" ".join(one) for one in words], dtype=np.str_)[place]


def seconds_of(parameters: Floats, rows: Blocks) -> Floats:
    """Seconds, shape (n,), of parameters of shape (13,) or (13, n)."""
    floor, many, block, memory, start, waves, first, joining, planning, steps, corner, cut, search = parameters
    least, begin, each = np.exp(floor), np.exp(start), np.exp(block) * rows.block_s
    more = cut * rows.cut - first
    alone = begin + each * np.maximum(rows.longest + more, 0.02)
    every = rows.waves * rows.idle**waves * (begin + each * np.maximum(rows.blocks + more, 0.02))
    busy = joined(joined(every, alone, STEEP), np.exp(memory) * rows.memory_s, 1 + np.exp(corner))
    planned = rows.planned * (np.exp(planning) + np.exp(search) * rows.tiles)
    after = np.exp(joining) * rows.partial_s + least * (planned + steps * np.log2(rows.splits))
    return np.asarray(least * (1 + many * rows.many) + busy + after)


def _sizes(rows: Blocks) -> Floats:
    return rows.flops_s


ATTENTION = Form(seconds_of, _sizes, NAMES, USUAL, SPREAD, LOWEST, HIGHEST, 0, 4, 0.1)
"""Of attention."""
