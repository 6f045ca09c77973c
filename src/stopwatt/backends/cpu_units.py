"""Which number formats this CPU computes in hardware, read from the kernel: no runtime has to be imported."""

from functools import cache
from pathlib import Path

from stopwatt.records import Precision

_UNITS: dict[Precision, frozenset[str]] = {
    Precision.BF16: frozenset({"avx512_bf16", "amx_bf16", "bf16"}),
    Precision.FP16: frozenset({"avx512_fp16", "amx_fp16", "fphp"}),
    Precision.INT8: frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}),
}
"""Flags of `/proc/cpuinfo` (x86 and Arm names), any of which means multiply-add units for the format."""


@cache
def flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Feature flags that every core has (the first core speaks for all); empty where they cannot be read."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return frozenset(value.split())
    return frozenset()


def has_units(precision: Precision, found: frozenset[str] | None = None) -> bool:
    """Whether the CPU multiplies in this format itself instead of converting to float32 and back."""
    needed = _UNITS.get(precision)
    return needed is None or bool(needed & (flags() if found is None else found))
