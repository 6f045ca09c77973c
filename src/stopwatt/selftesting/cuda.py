"""The claims `latency-cuda` and `energy-cuda`: work of a known number of cycles on a GPU.

The clock of a GPU changes by itself, so that cycles are no time. But calls of 1, 2 and 4 times as many cycles must lie
on a line whatever the clock is, as long as it does not change; and where the driver tells the clock, the line must have
its slope.
"""

from dataclasses import dataclass, replace

import numpy as np

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.devices import nvml
from stopwatt.devices.host import Host
from stopwatt.records import Measured, Measurement, Process, Samples
from stopwatt.selftesting.bench import RULES, Axes, Bench, Window
from stopwatt.selftesting.energy import energy_of
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import latencies

CYCLES = 1_000_000
TIMES = (1, 2, 4)
TRIALS, THOROUGH_TRIALS = 300, 2_000
LIMIT = 0.01
CLOCK_LIMIT = 0.03
"""The driver tells the clock in steps of 15 MHz, and as it is at one moment."""
ENERGY_CYCLES = 20_000_000
_EMPTY = Samples(np.array([], dtype=np.float64), "ns")
_RULES = replace(RULES, warmup=replace(RULES.warmup, min_seconds=1.0), process=Process.FRESH)
"""The clocks of a GPU take a while to settle."""


def look_at_latency_cuda(bench: Bench) -> Claim:
    """Planted cycles through plan, worker and store: latency and device time."""
    return judged("latency-cuda", lambda: _look(bench))


def look_at_energy_cuda(bench: Bench) -> Claim:
    """The same work once and twice as often, metered by the driver."""
    return energy_of("energy-cuda", bench, bench.device, _work(bench, ENERGY_CYCLES), _RULES)


def _work(bench: Bench, cycles: int | tuple[int, ...]) -> Axes:
    source = f"{__name__.rpartition('.')[0]}.sleeper:sleeper"
    return {"workload": source, "cycles": cycles, "backend": "eager", "threads": 1, "device": bench.device}


def _look(bench: Bench) -> Seen:
    rules = replace(_RULES, trials=THOROUGH_TRIALS if bench.thorough else TRIALS)
    window = Window(lambda: _clock_hz(bench.device), bench.watcher)
    rounds = bench.measure(_work(bench, tuple(CYCLES * times for times in TIMES)), rules, window)
    found = {int(one.cell.workload.params["cycles"]): _Times.of(one) for one in rounds}
    once, twice, four = (found[CYCLES * times] for times in TIMES)
    fault = next(filter(None, (one.impossible for one in found.values())), "")
    if not once.latency_s < twice.latency_s < four.latency_s:
        fault = fault or "more cycles take no longer: nothing of the GPU's work is timed"
    if fault:
        return Seen(fault, fault=fault)
    return _line(once, twice, four, window.ends[1], disturbance(rounds))


def _line(once: "_Times", twice: "_Times", four: "_Times", told: float, disturbed: str) -> Seen:
    """Whether three calls lie on a line, and on that of the clock (in Hz) that the driver tells, if it does."""
    bend = (four.latency_s - twice.latency_s) / (twice.latency_s - once.latency_s) / 2 - 1
    clock = 3 * CYCLES / (four.latency_s - once.latency_s)
    off = clock / told - 1 if told else 0.0
    beside = f", the driver says {units.quantity(told / 1e6, 'MHz')}" if told else ""
    overhead = max(one.latency_s - one.device_s for one in (once, twice, four))
    return Seen(
        f"1, 2 and 4 million cycles lie on a line within {units.percent(abs(bend))}, at "
        f"{units.quantity(clock / 1e6, 'MHz')}{beside}; latency is device time and at most "
        f"{units.quantity(overhead, 's')} more",
        short=abs(bend) > LIMIT or abs(off) > CLOCK_LIMIT,
        disturbed=disturbed,
        numbers={
            "error": Measured(bend, "1"),
            "clock": Measured(clock / 1e6, "MHz"),
            **({"clock_error": Measured(off, "1")} if told else {}),
            "overhead": Measured(overhead, "s"),
        },
        limit=Measured(LIMIT, "1"),
    )


def _clock_hz(device: str) -> float:
    """What the driver says of the clock now; 0 where it does not."""
    selector = nvml.selector_of(int(device.partition(":")[2] or 0), Host().env)
    try:
        answer = nvml.read(selector)
    except nvml.Unreadable:
        return 0.0
    return float(answer.get("sm_clock", 0.0)) * 1e6


@dataclass(frozen=True, slots=True)
class _Times:
    """Medians of a round, in seconds."""

    latency_s: float
    device_s: float

    @classmethod
    def of(cls, one: Measurement) -> "_Times":
        device = one.samples.get("device_time", _EMPTY).values / 1e9
        return cls(float(np.median(latencies(one))), float(np.median(device)) if device.size else 0.0)

    @property
    def impossible(self) -> str:
        """Why nothing but a mistake explains the two; empty if they can be."""
        latency, device = (units.quantity(seconds, "s") for seconds in (self.latency_s, self.device_s))
        if not self.device_s:
            return "the GPU's own clock told no time"
        if self.latency_s < self.device_s * (1 - LIMIT):
            return f"a call that keeps the GPU busy for {device} reads {latency}: the GPU is not waited for"
        return ""
