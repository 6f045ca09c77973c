"""The least time that a device's peaks allow a piece of work: the roofline (Williams, Waterman & Patterson 2009)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work

FLOOR_S = 1e-9
"""No call is quicker, whatever little it has to do: a few cycles."""

_STAND_INS: Mapping[str, tuple[str, ...]] = {
    "bfloat16": ("float16", "float32"),
    "float16": ("bfloat16", "float32"),
    "complex64": ("float32",),
    "complex128": ("float64",),
}
"""Types whose peak stands for that of a type without one: units for 16-bit numbers are as fast for both kinds of them,
and where a device has none its units for 32 bits do the work. Nothing stands for float64, integers or 8 bits: those
rates differ from any other by factors that no rule knows."""


class Bound(StrEnum):
    """Which side of the roofline decides."""

    COMPUTE = "compute"
    MEMORY = "memory"
    FLOOR = "floor"  # so little to do that neither does


@dataclass(frozen=True, slots=True)
class Roof:
    """A piece of work under a device's peaks.

    Attributes:
        compute_s: Operations over the peak of the type; `None` where either is unknown.
        memory_s: Bytes over the bandwidth; `None` where that is unknown.
        least_s: The larger of those that are known, at least the floor; `None` where neither is.
        bound: Which one that is; `None` where not both are known.
        intensity: Operations a byte; `None` where operations are unknown, or nothing is moved.
        balance: Operations a byte at which both sides are equal; `None` where a peak is unknown.
    """

    compute_s: float | None
    memory_s: float | None
    least_s: float | None
    bound: Bound | None
    intensity: float | None
    balance: float | None


def peak_of(specs: DeviceSpecs, dtype: str) -> float | None:
    """FLOP/s of matrix products in a type.

    Args:
        specs: Of the device.
        dtype: As torch names it. A 16-bit type without a peak of its own has that of the other, else of float32;
            complex types have that of their parts.

    Returns:
        `None` where no type has a peak that could stand for it.
    """
    for name in (dtype, *_STAND_INS.get(dtype, ())):
        if peak := specs.flops.get(name):
            return peak
    return None


def roof_of(work: Work, specs: DeviceSpecs) -> Roof:
    """Place work under the peaks of a device.

    Args:
        work: What is to be done; element-wise operations have the peak of products of their type, which only makes
            the least time smaller: they wait for memory.
        specs: Of the device.
    """
    peak = peak_of(specs, work.dtype)
    compute = _seconds(work.flops, peak)
    memory = _seconds(work.bytes, specs.bandwidth)
    least, bound = _larger(compute, memory)
    return Roof(
        compute,
        memory,
        least,
        bound,
        intensity=None if work.flops is None or not work.bytes else work.flops / work.bytes,
        balance=peak / specs.bandwidth if peak and specs.bandwidth else None,
    )


def _seconds(amount: float | None, rate: float | None) -> float | None:
    """Nothing takes no time at any rate, known or not."""
    if amount is None:
        return None
    if not amount:
        return 0.0
    return amount / rate if rate else None


def _larger(compute: float | None, memory: float | None) -> tuple[float | None, Bound | None]:
    known = [one for one in (compute, memory) if one is not None]
    if not known:
        return None, None
    least = max(*known, FLOOR_S)
    if compute is None or memory is None:
        return least, None
    if max(compute, memory) < FLOOR_S:
        return least, Bound.FLOOR
    return least, Bound.COMPUTE if compute >= memory else Bound.MEMORY
