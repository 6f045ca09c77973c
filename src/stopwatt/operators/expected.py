"""Rough times of operators that were not measured yet: which are worth measuring first, and how much is missing."""

from collections.abc import Mapping, Sequence

import numpy as np

from stopwatt.operators.capture import Capture
from stopwatt.operators.operator import Operator
from stopwatt.operators.roofs import roofs_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work

OPERATIONS_A_BYTE = 8.0
"""Operations that count as much as a byte where the device's ceilings are not known: only the order depends on it."""


def expected(
    capture: Capture, works: Sequence[Work], known_s: Mapping[str, float], specs: DeviceSpecs | None
) -> dict[str, float]:
    """Seconds of one call of each operator without a time: its weight times what a weight took in those with one.

    Nothing is expected to take less than the quickest operator did: that much it costs to call one.

    Args:
        capture: Of the model.
        works: What each operator has to do.
        known_s: Seconds of one call, by key of the operators with a time.
        specs: The device's ceilings.

    Returns:
        By key; empty while no operator has a time.
    """
    heavy = weights(works, specs)
    counts = np.bincount(capture.sequence, minlength=len(capture.operators))
    known = [place for place, one in enumerate(capture.operators) if one.key in known_s]
    total = sum(float(counts[place]) * heavy[place] for place in known)
    if not total:
        return {}
    a_weight = sum(float(counts[place]) * known_s[capture.operators[place].key] for place in known) / total
    least = min(known_s[capture.operators[place].key] for place in known)
    return {
        one.key: max(least, heavy[place] * a_weight)
        for place, one in enumerate(capture.operators)
        if one.key not in known_s
    }


def weights(works: Sequence[Work], specs: DeviceSpecs | None) -> list[float]:
    """What each operator may take in relation to the others: the roofline, or bytes and operations."""
    plain = [one.bytes + (one.flops or 0.0) / OPERATIONS_A_BYTE for one in works]
    if specs is None or not specs.bandwidth:
        return plain
    least = roofs_of(works, specs).least_s
    return [
        float(roof) if np.isfinite(roof) else size / specs.bandwidth for roof, size in zip(least, plain, strict=True)
    ]


def next_ones(
    capture: Capture,
    waiting: Sequence[Operator],
    works: Sequence[Work],
    specs: DeviceSpecs | None,
    share: float,
    *,
    least: int = 1,
) -> list[Operator]:
    """The operators that are worth measuring next, the heaviest first.

    Args:
        capture: Of the model.
        waiting: Those that could be measured.
        works: What each operator of the capture has to do.
        specs: The device's ceilings.
        share: Of the expected time of all that wait, what those returned shall have.
        least: So many of them in any case, where so many wait.
    """
    counts = np.bincount(capture.sequence, minlength=len(capture.operators))
    heavy = weights(works, specs)
    load = {one.key: float(counts[place]) * heavy[place] for place, one in enumerate(capture.operators)}
    ranked = sorted(waiting, key=lambda one: load[one.key], reverse=True)
    reached = np.cumsum([load[one.key] for one in ranked])
    enough = int(np.searchsorted(reached, share * reached[-1])) + 1 if ranked else 0
    return ranked[: max(enough, least)]
