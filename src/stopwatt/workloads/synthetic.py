"""A call that lasts exactly as long as its script says, and fails exactly as asked: the pipeline's own test piece."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads import inputs
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import BuiltIn, size
from stopwatt.workloads.misbehave import ACTIONS, ANSWERS, TIMINGS, Floats
from stopwatt.workloads.planted import Plan, plan

_FAILURES = ("", *ACTIONS, *ANSWERS, *TIMINGS)


class Synthetic(BuiltIn):
    """`x [batch, size] -> 2 x`, a plain callable (eager only), with planted durations and failures."""

    name = "synthetic"
    summary = "scripted durations and failures, for testing stopwatt itself"
    packages = ()
    params = (
        Param("duration", "200us", "length of a call"),
        Param("script", "", "lengths in turn (1ms,2ms) or drawn at random (1ms*0.9,2ms*0.1); instead of duration"),
        Param("per_sample", "0us", "added for each sample of the batch"),
        Param("ramp", 0.0, "warm-up: excess of the first call, as a factor", low=0.0, high=1e6),
        size("ramp_calls", 0, "calls after which the excess is gone", low=0, high=10**9),
        Param("drift", 0.0, "relative growth per 1000 calls", low=0.0, high=1e6),
        size("burst_every", 0, "calls between starts of bursts; 0: none", low=0, high=10**9),
        size("burst_length", 1, "calls of a burst", high=10**9),
        Param("burst_factor", 2.0, "how many times longer the calls of a burst last", low=0.0, high=1e6),
        Param("wait", "spin", "how time is spent", choices=("spin", "sleep")),
        size("size", 64, "values per sample", low=2),
        Param("fail", "", "what goes wrong", choices=_FAILURES),
        size("fail_at", 100, "call from which it goes wrong, counted from 1 in each process", high=10**9),
        size("fail_batch", 0, "least batch with which it goes wrong", low=0),
    )

    def shares_process(self, params: Mapping[str, Scalar]) -> bool:
        """Not where it is asked to go wrong: some of that changes the whole process."""
        return not params["fail"]

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Make the callable.

        Raises:
            UsageError: A duration or the script cannot be read.
        """
        width = int(params["size"])
        wait = _spin if params["wait"] == "spin" else _sleep
        trouble = Trouble(str(params["fail"]), int(params["fail_at"]) - 1, int(params["fail_batch"]))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (inputs.features(batch, width, generator),)

        return Built(Scripted(plan(params, seed), wait, trouble), make_inputs, ("x",))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong, from which call on (from 0), and with which batch at least."""

    kind: str = ""
    call: int = 0
    batch: int = 0

    def applies(self, call: int, batch: int) -> bool:
        """Whether calls with this number and batch go wrong."""
        return bool(self.kind) and call >= self.call and batch >= self.batch


@dataclass(slots=True)
class Scripted:
    """The callable. It counts its calls."""

    plan: Plan
    wait: Callable[[int], None]
    trouble: Trouble
    calls: int = 0
    acted: bool = False
    seen: dict[bytes, Floats] = field(default_factory=dict)

    def __call__(self, x: Any) -> Any:
        """Twice the input, after the planted time; the end is absolute, so that the work inside costs nothing."""
        begin = time.perf_counter_ns()
        call, self.calls = self.calls, self.calls + 1
        given = np.asarray(x)
        end = begin + self.plan.duration_ns(call, len(given))
        if self.trouble.applies(call, len(given)):
            return self._troubled(given, end)
        answer = given * np.float32(2.0)
        self.wait(end)
        return answer

    def _troubled(self, given: Floats, end: int) -> Any:
        kind = self.trouble.kind
        if kind == "lazy":
            return Promise(given, end - time.perf_counter_ns(), self.wait)
        if kind in {"cached", "remembers"}:
            return self._remembered(given, end)
        if kind in ACTIONS and not self.acted:
            self.acted = True
            ACTIONS[kind]()
        answer = given * np.float32(2.0)
        self.wait(end)
        return ANSWERS[kind](answer) if kind in ANSWERS else answer

    def _remembered(self, given: Floats, end: int) -> Floats:
        key = given.tobytes()
        if key not in self.seen:
            if self.trouble.kind == "remembers":
                self.seen.clear()
            self.seen[key] = given * np.float32(2.0)
            self.wait(end)
        return self.seen[key]


class Promise:
    """An answer that is worked out when someone looks at it."""

    def __init__(self, given: Floats, duration_ns: int, wait: Callable[[int], None]) -> None:
        self._given, self._duration_ns, self._wait = given, duration_ns, wait

    def __array__(self, dtype: Any = None, copy: Any = None) -> Floats:
        self._wait(time.perf_counter_ns() + self._duration_ns)
        return np.asarray(self._given * np.float32(2.0), dtype=dtype)


def _spin(end_ns: int) -> None:
    now = time.perf_counter_ns
    while now() < end_ns:
        pass


def _sleep(end_ns: int) -> None:
    time.sleep(max(0, end_ns - time.perf_counter_ns()) / 1e9)
