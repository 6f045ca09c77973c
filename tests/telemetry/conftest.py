"""Rounds with traces that were written by hand: everything about them is known."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from stopwatt.energy import PACED, TRIALS, About, Scope, Span, Trace
from stopwatt.records import Cell, Measurement, Paced, Protocol, Samples, Setup, Status, Workload

sys.path.insert(0, str(Path(__file__).parent))  # for scene, whichever way pytest imports

MS = 1_000_000
FIRST = 5_000 * MS
"""When the first trial begins, on the clock."""


@dataclass(frozen=True)
class Planted:
    """A round of equal trials, one after the other, read every 100 ms.

    Attributes:
        trials: Their number.
        each_ms: Length of each.
        slow: Trials that take `factor` times as long.
        channels: Name -> what was read every 100 ms from 200 ms before the first trial on; a single value for all;
            what is too long is cut.
    """

    trials: int = 100
    each_ms: float = 10.0
    slow: tuple[int, ...] = ()
    factor: float = 1.5
    channels: tuple = ()
    cpus: int = 2
    number: int = 0
    hidden: int = 8
    jitter: float = 0.0

    def measurement(self) -> Measurement:
        dice = np.random.default_rng(self.number)
        latency = np.full(self.trials, float(self.each_ms * MS))
        latency[list(self.slow)] *= self.factor
        latency = np.rint(latency * dice.lognormal(0, self.jitter, self.trials)).astype(np.int64)
        started = np.concatenate([[0], np.cumsum(latency)[:-1]])
        samples = {"latency": Samples(latency, "ns"), "started": Samples(started, "ns")}
        end = FIRST + int(started[-1] + latency[-1])
        cell = Cell(Workload("mlp", {"hidden": self.hidden}), Setup(), Protocol())
        return Measurement(
            cell,
            self.number,
            Status.OK,
            samples=samples,
            facts={"cpu.allowed": self.cpus} if self.cpus else {},
            spans=(Span(TRIALS, FIRST, end, self.trials),),
            traces=(self.trace(end),) if self.channels else (),
        )

    def trace(self, end: int) -> Trace:
        time_ns = np.arange(FIRST - 200 * MS, end + 200 * MS, 100 * MS, dtype=np.int64)
        columns = {
            name: np.array(np.broadcast_to(np.atleast_1d(values)[: time_ns.size], time_ns.shape), float)
            for name, values in self.channels
        }
        return Trace(About("any", Scope.NONE, "by hand"), time_ns, columns)


@pytest.fixture(scope="session")
def planted():
    """`(channels by name, **attributes of Planted)`: a round."""

    def make(channels=None, **fields):
        return Planted(channels=tuple((channels or {}).items()), **fields).measurement()

    return make


@pytest.fixture(scope="session")
def paced_round():
    """Ten requests of 2 ms, one every 20 ms; the third waited 15 ms; the power cap holds from 40 to 60 ms on."""
    response = np.full(10, 2 * MS)
    response[2] += 15 * MS
    cell = Cell(Workload("mlp"), Setup(), replace(Protocol(), paced=Paced(0.02, 10)))
    time_ns = FIRST + np.arange(-20, 400, 20) * MS
    slowdown = np.where((time_ns == FIRST + 40 * MS), 4.0, 0.0)
    return Measurement(
        cell,
        0,
        Status.OK,
        samples={"response": Samples(response, "ns"), "service": Samples(np.full(10, 2 * MS), "ns")},
        spans=(Span(PACED, FIRST, FIRST + 200 * MS, 10),),
        traces=(Trace(About("gpu-0", Scope.GPU, "NVML"), time_ns, {"slowdown": slowdown}),),
    )
