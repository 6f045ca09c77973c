"""Rounds of planted calls without a process: what a perfect worker would report, to be spoilt by the tests."""

import numpy as np
import pytest

from stopwatt.records import Cell, Measurement, Note, Samples, Setup, Status, Workload
from stopwatt.selftesting.bench import Bench
from stopwatt.workloads.planted import plan
from stopwatt.workloads.synthetic import Synthetic

OVERHEAD_NS = 400
FIRST = 180
"""Calls before the trials."""


class PerfectBench(Bench):
    """Measures without a worker: every call lasts as planned and a little longer.

    `slow` is what the machine makes of that, `spoil` what the tool makes of it.
    """

    slow = spoil = staticmethod(lambda latency: latency)
    disturbed = False

    def measure(self, axes, rules=None, watcher=None):
        names = ("duration", "wait", "script", "drift", "ramp", "ramp_calls", "fail")
        defaults = {param.name: param.default for param in Synthetic().params}
        durations = axes.get("duration", defaults["duration"])
        waits = axes.get("wait", "spin")
        found = []
        for duration in [durations] if isinstance(durations, str) else durations:
            for wait in [waits] if isinstance(waits, str) else waits:
                own = {name: axes[name] for name in names if name in axes} | {"duration": duration, "wait": wait}
                found.append(self._round(defaults | own, rules))
        return found

    def _round(self, params, rules):
        known = plan(params, 0)
        calls = range(FIRST, FIRST + rules.trials)
        lengths = self.slow(np.array([known.duration_ns(call) for call in calls]) + OVERHEAD_NS)
        latency = np.asarray(self.spoil(lengths))
        started = np.concatenate([[0], np.cumsum(lengths + 1000)[:-1]])
        notes = (Note("foreign-cpu", "other processes kept 1.5 of the 2 cores busy: it may be too long"),)
        return Measurement(
            Cell(Workload("synthetic", params), Setup(), rules),
            0,
            Status.OK,
            samples={"latency": Samples(latency, "ns"), "started": Samples(started[: latency.size], "ns")},
            facts={"clock_tick_ns": 1, "clock_overhead_ns": 40, "warmup_calls": FIRST - 20},
            notes=notes if self.disturbed else (),
        )


@pytest.fixture
def bench(monkeypatch):
    """A bench whose rounds are perfect, or spoilt in the way that is asked for."""

    def make(spoil=lambda latency: latency, *, slow=lambda latency: latency, disturbed=False):
        monkeypatch.setattr(PerfectBench, "spoil", staticmethod(spoil))
        monkeypatch.setattr(PerfectBench, "slow", staticmethod(slow))
        monkeypatch.setattr(PerfectBench, "disturbed", disturbed)
        return PerfectBench("nowhere.db")

    return make
