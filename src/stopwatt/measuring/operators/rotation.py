"""How many sets of buffers take turns, so that an operator finds its operands where a memory mode says.

    reuse      [A]                    the nearest cache that holds one set
    resident   [A B C ...]            together half of the last-level cache, and beyond 4 x a core's cache
    stream     [A B C D E ... | rest] together 4 x the last-level cache at least: each set comes from memory
    chained    as stream, without the activation that is the output of the call before

Sets of a few bytes would have to be hundreds of thousands. There are `MOST_SETS` at most; what they lack is a buffer
beside them, the rest, that is written outside of the timed region each time that all sets had their turn.
"""

from dataclasses import dataclass

from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.caches import Caches
from stopwatt.operators.replay import Mode
from stopwatt.units import quantity

BEYOND = 4
"""Times a cache: what is read in turn over so many bytes is not found in it again."""
MOST_SETS = 1024
_LEAST_TURNING = 2


@dataclass(frozen=True, slots=True)
class Rotation:
    """Buffers of one memory mode.

    Attributes:
        sets: Sets that take turns.
        rest: Bytes of the buffer beside them.
        footprint: Bytes of all of them.
    """

    sets: int
    rest: int
    footprint: int


def plan_rotation(mode: Mode, size: int, caches: Caches, most: int) -> Rotation:
    """The buffers of a memory mode.

    Args:
        mode: Where operands are to be found.
        size: Bytes of one set, as far as it takes turns.
        caches: Of the device.
        most: Bytes that may be taken.

    Raises:
        Unsupported: The mode does not exist for this operator on this device, with the reason.
    """
    most = min(most, caches.room)
    if size > most:
        raise Unsupported(
            f"one set of its operands takes {_bytes(size)}, and {_bytes(most)} may be taken",
            now="measure where there is more memory",
        )
    if mode is Mode.REUSE or (mode is Mode.CHAINED and not size):
        return Rotation(1, 0, size)
    if not size:
        raise Unsupported("it reads no memory: there is nothing that could take turns")
    if mode is Mode.RESIDENT:
        return _resident(size, caches, most)
    return _turning(BEYOND * caches.last, size, most)


def _resident(size: int, caches: Caches, most: int) -> Rotation:
    if not caches.core:
        raise Unsupported("all units of this device share one cache: what is resident there, `reuse` finds there")
    least, half = BEYOND * caches.core + 1, caches.last // 2
    if size > half:
        raise Unsupported(
            f"its operands ({_bytes(size)}) are larger than half of the last-level cache ({_bytes(caches.last)}): "
            "it cannot find them there, see `reuse` and `stream`"
        )
    sets = min(MOST_SETS, min(half, most) // size)
    rest = max(0, least - sets * size) if sets == MOST_SETS else 0
    if sets * size + rest < least:
        raise Unsupported(
            f"no footprint is beyond the caches of the cores ({BEYOND} x {_bytes(caches.core)}) and within half of the "
            f"last-level cache ({_bytes(caches.last)})"
        )
    return Rotation(sets, rest, sets * size + rest)


def _turning(least: int, size: int, most: int) -> Rotation:
    """At least so many bytes in turn."""
    sets = min(MOST_SETS, max(_LEAST_TURNING, -(-least // size)))
    rest = max(0, least - sets * size)
    footprint = sets * size + rest
    if footprint > most:
        raise Unsupported(
            f"operands that take turns need {_bytes(footprint)} here, and {_bytes(most)} may be taken",
            now="measure where there is more memory",
        )
    return Rotation(sets, rest, footprint)


def _bytes(count: int) -> str:
    return quantity(count, "B")
