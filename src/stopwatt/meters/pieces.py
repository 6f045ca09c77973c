"""A long trace in pieces: taken over one after the other, cut to a time, and put together again."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from stopwatt.energy import Trace


def cut(trace: Trace, begin_ns: int, end_ns: int) -> Trace:
    """The rows of a time, both ends included."""
    first, behind = np.searchsorted(trace.time_ns, [begin_ns, end_ns + 1])
    rows = slice(int(first), int(behind))
    channels = {name: values[rows] for name, values in trace.channels.items()}
    return replace(trace, time_ns=trace.time_ns[rows], channels=channels)


def joined(pieces: Sequence[Trace]) -> Trace:
    """Traces of one instrument, one after the other. At least one."""
    if len(pieces) == 1:
        return pieces[0]
    names = {name: None for piece in pieces for name in piece.channels}
    channels = {
        name: np.concatenate([piece.channels.get(name, np.full(piece.time_ns.size, np.nan)) for piece in pieces])
        for name in names
    }
    return replace(
        pieces[-1], time_ns=np.concatenate([piece.time_ns for piece in pieces]), channels=channels,
        gone=next((piece.gone for piece in pieces if piece.gone), ""),
    )  # fmt: skip
