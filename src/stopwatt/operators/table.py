"""Costs of many operators of one family as columns: measured here, or published by others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.work import Family


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of one family; every column has shape (n,).

    Attributes:
        family: Names the dimensions that `dims` holds.
        dims: float64 columns by name, as `Family` lists them.
        kind: str column, as `Work.kind`.
        dtype: str column: of the operands (`bfloat16`, `float8_e4m3fn`).
        device: str column: hardware as the source names it (`h200_sxm`), or the place (`Place.label`).
        source: str column: where a row is from (`measured`, `aiconfigurator h200_sxm vllm 0.22.0 gemm`).
        mode: str column: memory mode; empty where the source does not say.
        group: str column: rows that may not be split between training and test (a shape, a model), empty for none.
        flops, read_bytes, write_bytes, weight_bytes: float64 columns; NaN for flops that no formula knows.
        time_s: float64 column, above 0.
        power_w, limit_w: float64 columns: mean board power during the row, and the cap it ran under; NaN for none.
    """

    family: Family
    dims: Mapping[str, NDArray[np.float64]]
    kind: NDArray[np.str_]
    dtype: NDArray[np.str_]
    device: NDArray[np.str_]
    source: NDArray[np.str_]
    mode: NDArray[np.str_]
    group: NDArray[np.str_]
    flops: NDArray[np.float64]
    read_bytes: NDArray[np.float64]
    write_bytes: NDArray[np.float64]
    weight_bytes: NDArray[np.float64]
    time_s: NDArray[np.float64]
    power_w: NDArray[np.float64]
    limit_w: NDArray[np.float64]

    def __len__(self) -> int:
        return int(self.time_s.size)

    def take(self, rows: NDArray[Any]) -> "Table":
        """Those rows, by mask or by number."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return Table(self.family, {name: column[rows] for name, column in self.dims.items()}, **columns)


COLUMNS = tuple(name for name in Table.__dataclass_fields__ if name not in {"family", "dims"})
"""Names of the columns that every family has."""


def joined(tables: "list[Table]") -> Table:
    """Rows of several tables of one family, one after another.

    Raises:
        ValueError: No table, or of different families.
    """
    if not tables or len({one.family for one in tables}) != 1:
        raise ValueError("tables of one family are joined, at least one")
    first = tables[0]
    dims = {name: np.concatenate([one.dims[name] for one in tables]) for name in first.dims}
    columns = {name: np.concatenate([getattr(one, name) for one in tables]) for name in COLUMNS}
    return Table(first.family, dims, **columns)


@dataclass(frozen=True, slots=True)
class DeviceSpecs:
    """What a device does at most, for the roofline that a prediction starts from.

    Attributes:
        name: Hardware, as the rows' `device` has it.
        flops: FLOP/s of matrix products by element type; from `stopwatt ceilings`, or as the source states them.
        bandwidth: Bytes/s from and to memory.
        units: Multiprocessors or cores.
        cache_bytes: Of the last-level cache; 0 where nobody says.
        power_w: Power limit; 0 where nobody says.
        source: Where this is from.
    """

    name: str
    flops: Mapping[str, float] = field(default_factory=dict)
    bandwidth: float = 0.0
    units: int = 0
    cache_bytes: float = 0.0
    power_w: float = 0.0
    source: str = ""
