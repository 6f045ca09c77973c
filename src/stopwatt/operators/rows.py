"""Operators as rows of tables: what was measured, to learn from, and what is asked for, to predict."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode
from stopwatt.operators.table import Table
from stopwatt.operators.work import DIMENSIONS, Family, Work

MEASURED = "measured"
"""What stands as the source of rows that were measured by replay."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One operator as it was measured.

    Attributes:
        operator: What was called.
        mode: Where it found what it reads.
        time_s: What it took.
        power_w, limit_w: Mean board power meanwhile, and the cap; NaN for none.
        group: Rows that may not be split between training and test; its shape (`shape_of`) where empty.
    """

    operator: Operator
    mode: Mode
    time_s: float
    power_w: float = math.nan
    limit_w: float = math.nan
    group: str = ""


def tables_of(measured: Sequence[Observed], device: str, source: str = MEASURED) -> dict[Family, Table]:
    """Rows to learn from, by family.

    Args:
        measured: Operators with their times; the order within a family is kept.
        device: Hardware that they ran on.
        source: Where the rows are from.

    Raises:
        ValueError: A time is not positive and finite: what failed has no time, and is no row.
    """
    if wrong := next((one for one in measured if not (math.isfinite(one.time_s) and one.time_s > 0)), None):
        raise ValueError(f"{wrong.operator.label} cannot take {wrong.time_s} s")
    works = [work_of(one.operator) for one in measured]
    return {
        family: _table([measured[place] for place in places], [works[place] for place in places], device, source)
        for family, places in _places(works).items()
    }


def queries_of(operators: Sequence[Operator], mode: Mode, device: str) -> dict[Family, tuple[Table, NDArray[np.int64]]]:
    """Rows to predict, by family, without times.

    Args:
        operators: What would be called.
        mode: Where they would find what they read.
        device: Hardware that they would run on.

    Returns:
        Of each family that occurs a table with NaN for times, and for each of its rows the number of the operator;
        together these are all numbers, each once.
    """
    works = [work_of(one) for one in operators]
    asked = [Observed(one, mode, math.nan) for one in operators]
    return {
        family: (
            _table([asked[place] for place in places], [works[place] for place in places], device, ""),
            np.array(places, dtype=np.int64),
        )
        for family, places in _places(works).items()
    }


def shape_of(work: Work) -> str:
    """`linear m=128 n=256 k=256 batch=1`: what rows have in common that differ in type, layout or memory mode only.

    Such rows may not stand on both sides of a split: whoever has seen one knows nearly what the others take.
    """
    return " ".join([work.kind, *(f"{name}={size:g}" for name, size in work.dims.items())])


def _places(works: Sequence[Work]) -> dict[Family, list[int]]:
    found: dict[Family, list[int]] = defaultdict(list)
    for place, work in enumerate(works):
        found[work.family].append(place)
    return found


def _table(rows: Sequence[Observed], works: Sequence[Work], device: str, source: str) -> Table:
    family = works[0].family
    return Table(
        family=family,
        dims={name: np.array([one.dims[name] for one in works], dtype=np.float64) for name in DIMENSIONS[family]},
        kind=np.array([one.kind for one in works], dtype=np.str_),
        dtype=np.array([one.dtype for one in works], dtype=np.str_),
        device=np.array([device] * len(works), dtype=np.str_),
        source=np.array([source] * len(works), dtype=np.str_),
        mode=np.array([str(one.mode) for one in rows], dtype=np.str_),
        group=np.array([row.group or shape_of(work) for row, work in zip(rows, works, strict=True)], dtype=np.str_),
        flops=np.array([math.nan if one.flops is None else one.flops for one in works], dtype=np.float64),
        read_bytes=np.array([one.read_bytes for one in works], dtype=np.float64),
        write_bytes=np.array([one.write_bytes for one in works], dtype=np.float64),
        weight_bytes=np.array([one.weight_bytes for one in works], dtype=np.float64),
        time_s=np.array([one.time_s for one in rows], dtype=np.float64),
        power_w=np.array([one.power_w for one in rows], dtype=np.float64),
        limit_w=np.array([one.limit_w for one in rows], dtype=np.float64),
    )
