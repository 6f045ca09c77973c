"""Physical features of rows: nothing in them knows a row's time or power."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.rows import MEASURED
from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.predicting.attending import blocks_of
from stopwatt.predicting.ceilings import Ceilings
from stopwatt.predicting.law import Terms, roofline
from stopwatt.predicting.tiling import TILES, product_of, reach, tiles_of

Floats = NDArray[np.float64]

SMOOTH = ((64, 128), (128, 128), (128, 256))
WASTES = (16, 64, 128, 256)
ALIGNED = 8
"""Powers of two that a size is looked at for."""
EVEN = ("m", "q_len")
"""Sizes that take any value in use: whether they are even tells a model of distances something."""
BROAD = 1e6


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Values of the categorical columns that were seen when the model was made.

    Attributes:
        words: By column.
        provider: Whose way of measuring is meant where a row does not say, or names another one: our own if there
            was any, else that of the most rows.
    """

    words: dict[str, tuple[str, ...]]
    provider: str

    def unknown(self, table: Table) -> dict[str, NDArray[np.bool_]]:
        """Which rows have a value that was not seen, by column, each of shape (n,)."""
        return {name: ~np.isin(self.column(table, name), known) for name, known in self.words.items()}

    def column(self, table: Table, name: str) -> NDArray[np.str_]:
        """A categorical column, shape (n,)."""
        if name != "provider":
            return np.asarray(getattr(table, name))
        found = providers_of(table)
        return np.where(np.isin(found, self.words["provider"]), found, self.provider)


@dataclass(frozen=True, slots=True)
class Features:
    """Columns by name.

    Attributes:
        names: Of the columns.
        values: Shape (n, columns), finite.
        smooth: Which columns a model of distances uses: those without many jumps; shape (columns,).
        domain: Which columns decide whether a row lies outside of what was seen; shape (columns,).
    """

    names: tuple[str, ...]
    values: Floats
    smooth: NDArray[np.bool_]
    domain: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> "Features":
        """Those rows, by mask or by number."""
        return Features(self.names, self.values[rows], self.smooth, self.domain)


def providers_of(table: Table) -> NDArray[np.str_]:
    """Who measured a row, without devices and versions, which are words with digits: `aiconfigurator vllm gemm`."""
    kinds, place = np.unique(table.source, return_inverse=True)
    names = [" ".join(word for word in str(one).split() if not any(map(str.isdigit, word))) for one in kinds]
    return np.array(names, dtype=np.str_)[place]


def vocabulary_of(table: Table) -> Vocabulary:
    """The categories of a table."""
    found, counts = np.unique(providers_of(table), return_counts=True)
    words = {name: tuple(map(str, np.unique(getattr(table, name)))) for name in ("dtype", "kind", "mode")}
    usual = MEASURED if MEASURED in found else str(found[counts.argmax()])
    return Vocabulary(words | {"provider": tuple(map(str, found))}, usual)


class _Columns:
    """Columns as they are collected."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.values: list[Floats] = []
        self.smooth: list[bool] = []
        self.domain: list[bool] = []

    def add(self, name: str, values: Floats, *, smooth: bool = False, domain: bool = False) -> None:
        self.names.append(name)
        self.values.append(np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0, posinf=BROAD, neginf=-BROAD))
        self.smooth.append(smooth)
        self.domain.append(domain)

    def build(self) -> Features:
        return Features(tuple(self.names), np.column_stack(self.values), np.array(self.smooth), np.array(self.domain))


def features_of(table: Table, ceilings: Ceilings, terms: Terms, law_s: Floats, vocabulary: Vocabulary) -> Features:
    """All features of the rows of one family.

    Args:
        table: The rows.
        ceilings: Of their devices.
        terms: As `terms_of` gives them.
        law_s: What the law says they take, shape (n,).
        vocabulary: Of the model.
    """
    columns = _Columns()
    _sizes(columns, table)
    _balance(columns, table, terms, law_s)
    _products(columns, table, ceilings)
    if table.family is Family.ATTENTION:
        _attention(columns, table, ceilings)
    _device(columns, ceilings)
    _categories(columns, table, vocabulary)
    return columns.build()


def _sizes(columns: _Columns, table: Table) -> None:
    for name, sizes in table.dims.items():
        columns.add(f"log {name}", np.log2(1 + sizes), smooth=True, domain=True)
        columns.add(f"even {name}", _even(sizes), smooth=name in EVEN)


def _even(sizes: Floats) -> Floats:
    """How often a size can be halved, at most `ALIGNED` times."""
    return np.asarray(
        np.sum([np.mod(sizes, 2.0**power) == 0 for power in range(1, ALIGNED + 1)], axis=0, dtype=np.float64)
    )


def _balance(columns: _Columns, table: Table, terms: Terms, law_s: Floats) -> None:
    moved = table.read_bytes + table.write_bytes
    flops = np.nan_to_num(table.flops, nan=0.0)
    base = roofline(terms)
    columns.add("log flops", np.log2(1 + flops), domain=True)
    columns.add("log bytes", np.log2(1 + moved), domain=True)
    columns.add("log intensity", np.log2((1 + flops) / (1 + moved)))
    columns.add("weight share", table.weight_bytes / np.maximum(moved, 1))
    columns.add("write share", table.write_bytes / np.maximum(moved, 1))
    columns.add("balance", np.log2((terms.compute_s + 1e-12) / (terms.memory_s + 1e-12)), smooth=True)
    columns.add("log roofline", np.log2(base), smooth=True)
    columns.add("log law", np.log2(law_s), smooth=True)
    columns.add("law over roofline", np.log2(law_s / base), smooth=True)
    columns.add("log fill", np.log2(np.clip(terms.fill, 1e-9, 1e9)))


def _products(columns: _Columns, table: Table, ceilings: Ceilings) -> None:
    product = product_of(table)
    if product is None:
        return
    tiles = tiles_of(product)
    waves = tiles / ceilings.units[:, None]
    for number, (rows, broad) in enumerate(TILES):
        columns.add(f"log tiles {rows}x{broad}", np.log2(tiles[:, number]))
        part = np.ceil(waves[:, number]) / waves[:, number]
        columns.add(f"idle {rows}x{broad}", np.log2(part), smooth=(rows, broad) in SMOOTH)
    for size in WASTES:
        columns.add(f"waste m {size}", np.log2(np.ceil(product.m / size) * size / product.m), smooth=size in {64, 128})
    columns.add("m / n", np.log2(product.m / product.n))
    columns.add("n / k", np.log2(product.n / product.k))
    columns.add("log mn", np.log2(product.m * product.n))
    columns.add("log nk", np.log2(product.n * product.k))
    columns.add("log mk", np.log2(product.m * product.k))


def _attention(columns: _Columns, table: Table, ceilings: Ceilings) -> None:
    d = table.dims
    shared = d["heads"] / np.maximum(d["kv_heads"], 1)
    columns.add("log shared", np.log2(shared), smooth=True)
    columns.add("log reach", np.log2(1 + reach(table)), smooth=True)
    lanes = d["batch"] * d["kv_heads"]
    columns.add("log lanes", np.log2(lanes), smooth=True)
    tiled = blocks_of(table, ceilings)
    columns.add("log waves", np.log2(tiled.waves), smooth=True)
    columns.add("idle", np.log2(tiled.idle), smooth=True)
    columns.add("log blocks", np.log2(tiled.blocks), smooth=True)
    columns.add("log longest", np.log2(tiled.longest))
    columns.add("log splits", np.log2(tiled.splits))
    columns.add("cut", tiled.cut)
    columns.add("many", tiled.many, smooth=True)
    columns.add("planned", (tiled.planned > 0).astype(np.float64), smooth=True)
    for size in (64, 128):
        packed = lanes * np.ceil(d["q_len"] * shared / size) / ceilings.units
        blocks = d["batch"] * d["heads"] * np.ceil(d["q_len"] / size) / ceilings.units
        columns.add(f"log packed {size}", np.log2(packed))
        columns.add(f"idle packed {size}", np.log2(np.ceil(packed) / packed), smooth=True)
        columns.add(f"log blocks {size}", np.log2(blocks))
        columns.add(f"idle blocks {size}", np.log2(np.ceil(blocks) / blocks), smooth=True)


def _device(columns: _Columns, ceilings: Ceilings) -> None:
    columns.add("log peak", np.log2(ceilings.flops), smooth=True)
    columns.add("log bandwidth", np.log2(ceilings.bandwidth), smooth=True)
    columns.add("log units", np.log2(ceilings.units), smooth=True)
    columns.add("log cache", np.log2(1 + ceilings.cache_bytes))
    columns.add("log limit", np.log2(1 + np.nan_to_num(ceilings.power_w, nan=0.0)))


def _categories(columns: _Columns, table: Table, vocabulary: Vocabulary) -> None:
    for name, words in vocabulary.words.items():
        column = vocabulary.column(table, name)
        for word in _telling(words):
            columns.add(f"{name} {word}", (column == word).astype(np.float64), smooth=True)


def _telling(words: Iterable[str]) -> list[str]:
    """All values, or none where there is but one: a constant says nothing."""
    found = list(words)
    return found if len(found) > 1 else []
