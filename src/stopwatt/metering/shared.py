"""One process that samples, for all meters that are open at the same time."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Protocol
from weakref import WeakSet

from stopwatt.energy import Scope, Trace
from stopwatt.measuring.clock import now_ns
from stopwatt.meters.pieces import cut, joined
from stopwatt.meters.sampling import Sampling

EDGE_NS = 150_000_000
"""So much of a trace is wanted before and after a time; everything but counters is read ten times a second."""

_STATE_S = 0.1
_PATIENCE = 6
"""A process that is to be followed is read at the latest the next time but one."""


class Pending(Protocol):
    """Something that still has to take its traces."""

    def settle(self) -> None:
        """Take them now: afterwards nothing samples any more."""
        ...


class Sampler:
    """The sampling of one device, with all that it said since the first of its meters began.

    Args:
        device: `cpu`, `cuda`, `cuda:1`; empty for all of the machine.
        pid: The process whose counters are read; 0 if it is told later.
    """

    def __init__(self, device: str, pid: int = 0) -> None:
        self._sampling = Sampling(device, energy=True)
        self._lock = threading.RLock()
        self._pieces: list[tuple[Trace, ...]] = []
        self._until_ns = now_ns() - EDGE_NS
        self.users = 0
        self.waiting: WeakSet[Pending] = WeakSet()
        if pid:
            self._sampling.follow(pid)
        for _ in range(_PATIENCE):  # what begins behind it has a row of everything before it
            traces = self.update(now_ns())
            if not pid or not traces or any("own" in trace.channels for trace in traces):
                break
            time.sleep(_STATE_S)

    @property
    def why(self) -> Mapping[Scope, str]:
        """For each scope without an instrument, the reason."""
        return self._sampling.why

    def follow(self, pid: int) -> None:
        """The process whose counters are read from now on."""
        self._sampling.follow(pid)

    def update(self, end_ns: int) -> tuple[Trace, ...]:
        """What is new until then; waits, within bounds, until it is there."""
        with self._lock:
            begin_ns = self._until_ns + 1
            if end_ns < begin_ns:
                return ()
            traces = tuple(cut(one, begin_ns, end_ns) for one in self._sampling.take(begin_ns, end_ns))
            self._until_ns = end_ns
            self._pieces.append(traces)
            return traces

    def around(self, begin_ns: int, end_ns: int) -> tuple[Trace, ...]:
        """What was said in a time and shortly before and after it."""
        last_ns = end_ns + EDGE_NS
        time.sleep(max(0, last_ns - now_ns()) / 1e9)
        with self._lock:
            self.update(last_ns)
            return tuple(cut(joined(pieces), begin_ns - EDGE_NS, last_ns) for pieces in zip(*self._pieces, strict=True))

    def close(self) -> None:
        """End the process that samples."""
        self._sampling.close()


_samplers: dict[tuple[int, str], Sampler] = {}
_lock = threading.Lock()


def acquire(device: str) -> Sampler:
    """The sampler of a device that follows this process, started if nobody uses one. Each call needs its `release`."""
    with _lock:
        key = (os.getpid(), device)  # a forked child has none of its parent's
        if key not in _samplers:
            _samplers[key] = Sampler(device, os.getpid())
        _samplers[key].users += 1
        return _samplers[key]


def release(device: str) -> None:
    """End the use of `acquire`; the last one ends the process that samples, after everybody has their traces."""
    with _lock:
        sampler = _samplers[os.getpid(), device]
        sampler.users -= 1
        if sampler.users:
            return
        del _samplers[os.getpid(), device]
    try:
        for one in list(sampler.waiting):
            one.settle()
    finally:
        sampler.close()
