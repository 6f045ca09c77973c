"""Page faults: memory that a call takes from the system anew, and what that costs.

An allocator that gives memory back when a call is over takes it again in the next one. The kernel then hands out every
page with a fault and fills it with zeros. That time is part of a model's latency, and of no operator's: called again by
itself, an operator finds the memory of the call before.
"""

import ctypes
import mmap
import resource
import time
from statistics import median

import numpy as np
from numpy.typing import NDArray

from stopwatt.records import Note, Severity
from stopwatt.units import percent

Bytes = NDArray[np.uint8]

_SIZE = 2**22
_TRIES = 7
_AT_ONCE = 2**14
_BETWEEN = 2**20
"""Bytes that are written one after another, and that are read before the next: a kernel that comes between an
operator's own instructions finds the nearest caches full of what that computes with.
"""
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of glibc's mallopt(3)."""
_NEVER = 2**31 - 1
_SHARE = 0.05
"""Of a call's time, from which on it is said."""
_LEAST_PAGES = 64
"""Fewer are not worth finding out what they cost."""


def faults() -> int:
    """Page faults of this process so far that no disk had to answer."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def fault_seconds() -> float:
    """What a page costs: taking it from the system, having it filled with zeros, and giving it back.

    Writing to fresh memory against writing to memory that is there already, in pieces with other work in between: the
    median of a few tries (50 ms).

    Returns:
        Seconds a page; 0 where writing to fresh memory causes no faults.
    """
    with _mapped() as there:
        own = np.frombuffer(there, dtype=np.uint8)
        _write(own)
        found = [_one_page(own) for _ in range(_TRIES)]
        del own
    return max(0.0, median(found))


def note_on(pages: float, call_s: float) -> Note | None:
    """What pages that are taken in each call do to its time, where that is worth a note.

    Args:
        pages: Faults of a call.
        call_s: Its time.
    """
    if pages < _LEAST_PAGES:
        return None
    share = pages * fault_seconds() / call_s
    if share < _SHARE:
        return None
    text = (
        f"each call takes {round(pages):,} pages of memory from the system anew, about {percent(min(share, 1.0))} "
        "of its time: the allocator gives memory back when a call is over"
    )
    now = "let it keep memory: MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_MAX_=0 (glibc), or use another allocator"
    return Note("memory-churn", text, Severity.INFO, now)


def keep_memory() -> bool:
    """From now on, keep what is freed in this process instead of giving it back: nothing is taken anew.

    Returns:
        Whether the C library understands that; others than glibc do not.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _NEVER)) and bool(mallopt(_MMAP_MAX, 0))


def _one_page(there: Bytes) -> float:
    before, begin = faults(), time.perf_counter()
    with _mapped() as fresh:
        values = np.frombuffer(fresh, dtype=np.uint8)
        _write(values)
        del values
    middle, pages = time.perf_counter(), faults() - before
    _write(there)
    written_s = time.perf_counter() - middle
    return (middle - begin - written_s) / pages if pages else 0.0


def _write(values: Bytes) -> None:
    between = np.zeros(_BETWEEN, dtype=np.uint8)
    for begin in range(0, values.size, _AT_ONCE):
        values[begin : begin + _AT_ONCE] = 1
        between.max()


def _mapped() -> mmap.mmap:
    return mmap.mmap(-1, _SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
