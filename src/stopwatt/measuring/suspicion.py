"""Results that are too good: a callable that remembers its answers, or that has not done the work yet."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stopwatt.measuring.bundle import unseen
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import Call
from stopwatt.records import Note
from stopwatt.workloads.base import Arrays

PAIRS = 16
SUSPECT_RATIO = 1.5
PARDONED = 1
"""Pairs of the 16 that may speak against it (a sign test with p < 0.0003)."""


def cached_results(
    call: Call, stage: Callable[[Arrays], Any], seen: Sequence[Any], arrays: Sequence[Arrays]
) -> Note | None:
    """Compare calls on inputs that took part in the trials with calls on inputs that nobody has seen.

    Pairs are interleaved, so that drift hits both alike. A memory of results is suspected when unseen inputs take at
    least 1.5 x as long in the median and are slower in all pairs but one.
    """
    if not arrays or not arrays[0]:
        return None
    known: list[int] = []
    fresh: list[int] = []
    for turn in range(PAIRS):
        if sum(new <= old for new, old in zip(fresh, known, strict=True)) > PARDONED:
            return None  # whatever the other pairs show, too few would be slower: no time is spent on them
        staged = stage(unseen(arrays[turn % len(arrays)], turn))
        known.append(_time(call, seen[turn % len(seen)]))
        fresh.append(_time(call, staged))
    faster_or_equal = sum(new <= old for new, old in zip(fresh, known, strict=True))
    ratio = float(np.median(fresh) / max(1.0, float(np.median(known))))
    if ratio < SUSPECT_RATIO or faster_or_equal > PARDONED:
        return None
    return Note(
        "cached-results",
        f"inputs seen before run {ratio:.1f} x faster than new ones: results are probably remembered by input, "
        "so that the latency shown is that of a look-up",
        now="measure the function without its cache",
    )


def _time(call: Call, inputs: Any) -> int:
    begin = now_ns()
    call(inputs)
    return now_ns() - begin


def is_lazy(outputs: Any) -> bool:
    """Whether something returned is a promise rather than a value: work may remain to be done after the call."""
    if isinstance(outputs, dict):
        return any(is_lazy(value) for value in outputs.values())
    if isinstance(outputs, list | tuple):
        return any(is_lazy(value) for value in outputs)
    if outputs is None or isinstance(outputs, np.ndarray | np.generic | int | float | str | bytes | bool):
        return False
    # A torch tensor is a value: its device is waited for by synchronisation. (No import: torch may not be there.)
    return not hasattr(outputs, "data_ptr")


LAZY = Note(
    "lazy-results",
    "the call returns a promise instead of a value: its result is forced inside the timed region",
    now="return finished values to time the work alone",
)
LAZY_LATER = Note(
    "lazy-results",
    "the call began to return promises instead of values: those latencies are of making a promise, not of the work",
    now="return finished values",
)
