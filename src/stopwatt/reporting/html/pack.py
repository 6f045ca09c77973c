"""Columns of points as compact JSON: a page holds hundreds of thousands of trials.

Numbers are kept to the precision that a figure shows: a time as one of 4,096 equal steps of its logarithm between the
smallest and the largest of its column (a tenth of a pixel), an integer exactly.
"""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.reporting.charts.picture import Column, Table

SHORT = 24
"""Columns up to this length are written as they are."""
STEPS = 4095
_BYTE = 2**8
_SPARSE = 0.75


def pack(column: Column) -> Any:
    """A column as JSON: itself where it is short or has texts or gaps, a document with `k`, its kind, elsewhere.

    - `same`: `n` times `v`
    - `count`: `n` integers from `v` on
    - `runs`: each of `v` as often as `n` says
    - `sparse`: `n` small integers, all 0 but those at the places `at`, which are `v`; both packed again
    - `head`: `v`, packed again, and then gaps up to `n`
    - `rise`: rising integers from `v` on, the steps between them in base64, bytes
    - `u8`, `u16`, `u32`: integers in base64
    - `even`: `n` numbers at equal distances from `lo` to `hi`
    - `log`: positive numbers, `lo * (hi / lo) ** (step / 4095)`, the steps in base64, two in three bytes
    - `lin`: numbers, `lo + (hi - lo) * step / 4095`
    """
    if not isinstance(column, np.ndarray):
        known = len(column) - list(column).count(None)
        if len(column) <= SHORT or any(not isinstance(value, (int, float)) for value in column[:known]):
            return list(column)
        if known < len(column):
            return {"k": "head", "n": len(column), "v": pack(column[:known])}
        column = np.asarray(column)
    if column.size <= SHORT:
        return column.tolist()
    if (column == column[0]).all():
        return {"k": "same", "n": int(column.size), "v": column[0].item()}
    return _integers(column) if np.issubdtype(column.dtype, np.integer) else _numbers(column)


def _integers(values: NDArray[Any]) -> Any:
    n, steps = int(values.size), np.diff(values.astype(np.int64))
    if (steps == 1).all():
        return {"k": "count", "n": n, "v": int(values[0])}
    if np.count_nonzero(steps) < SHORT:
        starts = np.concatenate([[0], np.flatnonzero(steps) + 1])
        return {"k": "runs", "v": values[starts].tolist(), "n": np.diff([*starts, n]).tolist()}
    if steps.min() >= 0 and steps.max() < _BYTE:
        return {"k": "rise", "v": int(values[0]), "b": _base64(steps, "u1")}
    if values.min() < 0 or values.max() >= 2**32:
        return values.tolist()
    if values.max() < _BYTE and (values == 0).mean() > _SPARSE:
        at = np.flatnonzero(values)
        return {"k": "sparse", "n": n, "at": pack(at), "v": pack(values[at])}
    kinds = (("u8", "u1", 8), ("u16", "<u2", 16), ("u32", "<u4", 32))
    kind, dtype = next((kind, dtype) for kind, dtype, bits in kinds if values.max() < 2**bits)
    return {"k": kind, "b": _base64(values, dtype)}


def _numbers(values: NDArray[Any]) -> Any:
    low, high = float(values.min()), float(values.max())
    if np.allclose(values, np.linspace(values[0], values[-1], values.size), rtol=0, atol=(high - low) / STEPS / 2):
        return {"k": "even", "n": int(values.size), "lo": float(values[0]), "hi": float(values[-1])}
    share = np.log(values / low) / np.log(high / low) if low > 0 else (values - low) / (high - low)
    steps = np.rint(share * STEPS)
    about = {"k": "log" if low > 0 else "lin", "n": int(values.size), "lo": low, "hi": high}
    return about | {"b": _base64(_twelve_bits(steps.astype(np.uint16)), "u1")}


def _twelve_bits(steps: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Numbers below 4,096, two in three bytes: the first one's upper eight bits, its lower four and so on."""
    first, second = np.pad(steps, (0, steps.size % 2)).reshape(-1, 2).T
    middle = (first & 15) << 4 | second >> 8
    return np.stack([first >> 4, middle, second & 255], axis=1).astype(np.uint8).ravel()


def _base64(values: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode("ascii")


def packed_tables(tables: Mapping[str, Table]) -> dict[str, dict[str, Any]]:
    """All columns of a picture's tables."""
    return {name: {column: pack(values) for column, values in table.items()} for name, table in tables.items()}
