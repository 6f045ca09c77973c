"""What the device of each row does at most: as its specifications say, or as the rows themselves show."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.predicting.hardware import filled

BEST = 0.995
"""Quantile of the rates reached that stands for what a device without specifications does at most."""
LEAST_RATE = 1e9
"""FLOP/s and bytes/s of a device of which nothing at all is known."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Limits of the device of each row; every array has shape (n,).

    Attributes:
        flops: FLOP/s for the row's element type.
        bandwidth: Bytes/s.
        units: Multiprocessors or cores, at least 1.
        cache_bytes: Of the last-level cache; 0 for unknown.
        power_w: Power limit; NaN for unknown.
    """

    flops: NDArray[np.float64]
    bandwidth: NDArray[np.float64]
    units: NDArray[np.float64]
    cache_bytes: NDArray[np.float64]
    power_w: NDArray[np.float64]


def ceilings_of(table: Table, specs: Mapping[str, DeviceSpecs]) -> Ceilings:
    """Look up every row's device.

    Args:
        table: The rows.
        specs: By device, complete as `completed` makes them. A device that is not there has the medians of those
            that are.
    """
    devices, place = np.unique(table.device, return_inverse=True)
    kinds, kind = np.unique(table.dtype, return_inverse=True)
    known = [_of(str(device), specs) for device in devices]
    peaks = np.array([[_peak(one, str(dtype)) for dtype in kinds] for one in known]).reshape(len(known), len(kinds))
    limits = np.array([one.power_w or np.nan for one in known])[place]
    return Ceilings(
        peaks[place, kind],
        np.array([one.bandwidth for one in known])[place],
        np.array([max(one.units, 1) for one in known], dtype=np.float64)[place],
        np.array([one.cache_bytes for one in known])[place],
        np.where(np.isfinite(table.limit_w), table.limit_w, limits),
    )


def completed(table: Table, specs: Mapping[str, DeviceSpecs]) -> dict[str, DeviceSpecs]:
    """Specifications of every device of a table; what nobody states is the best that its rows reach."""
    found: dict[str, DeviceSpecs] = {}
    for device in np.unique(table.device):
        rows = table.take(table.device == device)
        stated = filled(specs.get(str(device), DeviceSpecs(str(device))))
        moved = rows.read_bytes + rows.write_bytes
        bandwidth = stated.bandwidth or _best(moved / rows.time_s)
        reached = {
            str(dtype): _best(rows.flops[rows.dtype == dtype] / rows.time_s[rows.dtype == dtype])
            for dtype in np.unique(rows.dtype)
        }
        flops = dict(stated.flops) or reached
        found[str(device)] = replace(stated, bandwidth=bandwidth, flops=flops)
    return found


def _of(device: str, specs: Mapping[str, DeviceSpecs]) -> DeviceSpecs:
    """What is known of a device; units and caches that nobody states are typical ones."""
    typical = _typical(specs)
    found = filled(specs[device]) if device in specs else typical
    return replace(found, units=found.units or typical.units, cache_bytes=found.cache_bytes or typical.cache_bytes)


def _best(rates: NDArray[np.float64]) -> float:
    usable = rates[np.isfinite(rates) & (rates > 0)]
    return max(float(np.quantile(usable, BEST)), LEAST_RATE) if usable.size else LEAST_RATE


def _peak(specs: DeviceSpecs, dtype: str) -> float:
    """Of the element type; else of one as wide, else the least that is known."""
    if dtype in specs.flops:
        return specs.flops[dtype]
    alike = [rate for name, rate in specs.flops.items() if _bits(name) == _bits(dtype)]
    return max(alike) if alike else min(specs.flops.values(), default=LEAST_RATE)


def _bits(dtype: str) -> str:
    """Digits after the name: 16 of `bfloat16`, 8 of `float8_e4m3fn`."""
    head = dtype.split("_", maxsplit=1)[0]
    return "".join(one for one in head if one.isdigit())


def _typical(specs: Mapping[str, DeviceSpecs]) -> DeviceSpecs:
    if not specs:
        return DeviceSpecs("", {}, LEAST_RATE)
    every = list(specs.values())
    names = {name for one in every for name in one.flops}
    flops = {name: float(np.median([one.flops[name] for one in every if name in one.flops])) for name in names}
    return DeviceSpecs(
        "",
        flops,
        float(np.median([one.bandwidth for one in every])),
        int(np.median([one.units for one in every if one.units] or [1])),
        float(np.median([one.cache_bytes for one in every if one.cache_bytes] or [0.0])),
        float(np.median([one.power_w for one in every])),
    )
