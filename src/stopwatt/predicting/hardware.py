"""Multiprocessors and last-level cache of accelerators whose tables do not state them.

From NVIDIA's architecture white papers and data sheets (A100, A30, H100, H200, L4, L40S, RTX PRO 6000 Blackwell), its
tuning guide for Blackwell (B200) and Intel's data sheet (Arc Pro B60).
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from stopwatt.operators.table import DeviceSpecs

_MIB = 2.0**20

KNOWN: Mapping[tuple[str, ...], tuple[int, float]] = MappingProxyType(
    {
        ("a100",): (108, 40 * _MIB),
        ("a30",): (56, 24 * _MIB),
        ("h100", "pcie"): (114, 50 * _MIB),
        ("h100",): (132, 50 * _MIB),
        ("h200",): (132, 50 * _MIB),
        ("l4",): (58, 48 * _MIB),
        ("l40s",): (142, 96 * _MIB),
        ("b200",): (148, 126 * _MIB),
        ("6000", "blackwell"): (188, 128 * _MIB),
        ("6000", "pro", "rtx"): (188, 128 * _MIB),
        ("b60",): (20, 18 * _MIB),
    }
)
"""By words of the name, the first that fits."""


def filled(specs: DeviceSpecs) -> DeviceSpecs:
    """The specifications with units and cache where they have none and the hardware is known by its name."""
    if specs.units and specs.cache_bytes:
        return specs
    words = set(specs.name.lower().replace("_", " ").replace("-", " ").split())
    for names, (units, cache) in KNOWN.items():
        if words.issuperset(names):
            return replace(specs, units=specs.units or units, cache_bytes=specs.cache_bytes or cache)
    return specs
