"""A capture as a person wants it: calls that its summary leaves out are gone, others are there as often as asked."""

from dataclasses import replace

import numpy as np

from stopwatt.operators.capture import Capture
from stopwatt.operators.summary import Edited, counts_of


def as_edited(capture: Capture, edited: Edited) -> Capture:
    """Another capture with the calls that an edited summary keeps, in their order.

    Calls that an operator has more than before are spread over those that it had, right after each of them; of fewer
    calls the first ones stay. Each call keeps its module and the gap before it.

    Args:
        capture: As it was taken.
        edited: What a person made of its summary; of each operator at least one call.
    """
    counts = counts_of(capture)
    wanted = {one.key: count for one, count in zip(edited.operators, edited.counts, strict=True)}
    kept = [place for place, one in enumerate(capture.operators) if one.key in wanted]
    times = np.zeros(capture.sequence.size, dtype=np.int64)
    for place in kept:
        each, more = divmod(wanted[capture.operators[place].key], counts[place])
        times[capture.sequence == place] = each + (np.arange(counts[place]) < more)
    calls = np.repeat(np.arange(times.size), times)
    numbers = np.full(len(capture.operators), -1)
    numbers[kept] = np.arange(len(kept))
    begins = np.concatenate([[0], np.cumsum(times)]).tolist()
    gaps = capture.gaps_ns
    return replace(
        capture,
        operators=tuple(capture.operators[place] for place in kept),
        sequence=numbers[capture.sequence[calls]],
        places=capture.places[calls],
        gaps_ns=np.append(gaps[calls], gaps[-1]) if gaps.size else gaps,
        leaves=tuple(replace(one, begin=begins[one.begin], end=begins[one.end]) for one in capture.leaves),
    )
