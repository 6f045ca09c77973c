"""A GPU cell of three rounds in which the power cap comes and goes and slows trials, and a program runs for a while."""

import numpy as np

from stopwatt.energy import TRIALS, About, Scope, Span, Trace
from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Workload

MS = 1_000_000
CAPPED = ((900, 1500), (2300, 2800))
"""Times in each round, in ms, in which the power cap holds."""


def scene(*, rounds: int = 3, trials: int = 600, each_ms: float = 5.0, hidden: int = 64) -> list[Measurement]:
    """The rounds."""
    return [_round(number, trials, each_ms, hidden) for number in range(rounds)]


def _round(number: int, trials: int, each_ms: float, hidden: int) -> Measurement:
    dice = np.random.default_rng([hidden, number])
    first, now = 10**12 + number * 10**11, 0.0
    started, latency = np.zeros(trials), np.zeros(trials)
    for trial in range(trials):
        slow = any(begin <= now < end for begin, end in CAPPED) and dice.random() < 0.4
        started[trial] = now
        latency[trial] = each_ms * (1.3 if slow else 1.0) * dice.lognormal(0, 0.01)
        now += latency[trial] + 0.02
    ns = np.rint(started * MS).astype(np.int64)
    length = np.rint(latency * MS).astype(np.int64)
    cell = Cell(Workload("lstm", {"hidden": hidden}), Setup(device="cuda"), Protocol())
    return Measurement(
        cell,
        number,
        Status.OK,
        samples={"latency": Samples(length, "ns"), "started": Samples(ns, "ns")},
        facts={"cpu.allowed": 2, "clock_tick_ns": 1},
        spans=(Span(TRIALS, first, first + int(now * MS), trials),),
        traces=(_board(first, now, dice), _process(first, now, dice)),
        id=f"{cell.key}{number:012x}",
    )


def _board(first: int, length_ms: float, dice: np.random.Generator) -> Trace:
    ms = np.arange(-300.0, length_ms + 300, 100)
    capped = np.any([(begin <= ms) & (ms < end) for begin, end in CAPPED], axis=0)
    channels = {
        "slowdown": np.where(capped, 4.0, 0.0),
        "sm_clock": np.where(capped, 1410.0, 1980.0),
        "power_instant": np.where(capped, 700.0, 640.0) + dice.normal(0, 6, ms.size),
        "temperature": 45 + np.round(12 * (1 - np.exp(-np.maximum(ms, 0) / 1500))),
        "others": np.zeros(ms.size),
    }
    time_ns = first + np.rint(ms * MS).astype(np.int64)
    return Trace(About("gpu-0", Scope.GPU, "NVML", "GPU-1"), time_ns, channels)


def _process(first: int, length_ms: float, dice: np.random.Generator) -> Trace:
    ms = np.arange(-300.0, length_ms + 300, 100) + dice.uniform(-3, 3)
    own = np.cumsum(np.full(ms.size, 0.1))
    busy = own + np.cumsum(np.where((ms > 1700) & (ms < 2000), 0.09, 0.002))
    channels = {"own": own, "busy": busy, "steal": np.zeros(ms.size)}
    return Trace(About("process", Scope.NONE, "Linux"), first + np.rint(ms * MS).astype(np.int64), channels)
