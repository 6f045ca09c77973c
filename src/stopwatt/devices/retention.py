"""How long the last-level cache keeps what it was given: others use it, too.

On a machine of one's own a working set that fits stays. Where cores of other users share the cache (virtual machines,
busy hosts), it is gone after tens of milliseconds, so a model whose calls take longer finds its weights in memory,
though they would fit.
"""

import time
from statistics import median

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.cpu import core_cache, largest_cache

PAUSES_S = (1e-3, 3e-3, 1e-2, 3e-2)
"""After which it is looked for."""
_TRIES = 5
_BEYOND = 4
"""Times the caches of a core: what is read again was not in them."""
_MOST = 0.25
"""Of the last-level cache: nobody could doubt that it fits."""


def retention() -> tuple[tuple[float, float], ...]:
    """Read memory, do nothing for a while, and read it again: is it as fast as at once, or as slow as from memory?

    Returns:
        Seconds, rising from 0, each with the share that is still there, falling from 1 (medians of 5, 0.3 s in all).
        Empty where the last-level cache is too small, or not known, to be told from the caches of a core.
    """
    size = _BEYOND * core_cache()
    if not size or size > _MOST * largest_cache():
        return ()
    there = np.ones(size // 4, dtype=np.int32)
    near_s = median(_after(0.0, there) for _ in range(_TRIES))
    far_s = _from_memory(there)
    if far_s <= near_s:
        return ()
    taken = [median(_after(pause, there) for _ in range(_TRIES)) for pause in PAUSES_S]
    shares = np.clip((far_s - np.array(taken)) / (far_s - near_s), 0.0, 1.0)
    return ((0.0, 1.0), *zip(PAUSES_S, np.minimum.accumulate(shares).tolist(), strict=True))


def _from_memory(there: NDArray[np.int32]) -> float:
    """Seconds of a reading after everything else was read."""
    other = np.ones(2 * largest_cache() // 4, dtype=np.int32)
    found = []
    for _ in range(_TRIES):
        other.max()
        found.append(_read(there))
    return median(found)


def _after(pause_s: float, there: NDArray[np.int32]) -> float:
    """Seconds of a reading, so long after one that left everything in the cache."""
    there.max()
    there.max()
    until = time.perf_counter() + pause_s
    while time.perf_counter() < until:
        pass
    return _read(there)


def _read(there: NDArray[np.int32]) -> float:
    begin = time.perf_counter()
    there.max()
    return time.perf_counter() - begin
