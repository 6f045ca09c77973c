"""A world in which capturing, benching and replaying give what was planted, and are counted."""

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "operators"))

from explained import ADD, LINEAR, net, replay

from stopwatt.analyse.summary import summarise
from stopwatt.errors import Unsupported
from stopwatt.operators.capture import Kernel
from stopwatt.records import Measurement, Samples, Status, Trouble, Unavailable
from stopwatt.store import open_store
from stopwatt.sweeping.plan import make_plan

KERNELS = (
    Kernel("fused_linear_add_0", "fused linear add", 2, 30e-6),
    Kernel("Relu_1", "Relu", 1, 2e-6),
)


@dataclass
class World:
    """Microseconds by operator key and of the model; what was done."""

    times_us: dict[str, float] = field(default_factory=lambda: {LINEAR.key: 10, ADD.key: 3})
    latency_us: float = 40
    refused: set[str] = field(default_factory=set)
    deaf: bool = False
    broken: bool = False
    done: Counter = field(default_factory=Counter)
    turns: list = field(default_factory=list)

    def run_capture(self, asked, *, watcher=None, keep=lambda _: None):
        self.done["captures"] += 1
        (cell,) = make_plan(asked).cells
        if cell.setup.backend in self.refused:
            raise Unsupported("it cannot be captured")
        known = {name: getattr(cell, name) for name in ("workload", "setup", "code", "software", "machine")}
        taken = replace(net(), **known, kernels=() if cell.setup.backend == "eager" else KERNELS)
        keep(taken)
        return (taken,)

    def run_request(self, asked, *, store, watcher, allow):
        self.done["latencies"] += 1
        (cell,) = make_plan(asked).cells
        times = Samples(np.arange(-50, 51) + int(1000 * self.latency_us), "ns")
        readings = {"energy_package": Unavailable("no counter")}
        if self.broken:
            broken = Measurement(cell, 0, Status.FAILED, Trouble("it raised"))
            return SimpleNamespace(rows=tuple(summarise([broken])))
        rounds = [Measurement(cell, n, Status.OK, samples={"latency": times}, readings=readings) for n in range(3)]
        with open_store(store) as database:
            run = database.begin_run("bench", "plan", "", "0")
            for one in rounds:
                database.save(run, one)
        return SimpleNamespace(rows=tuple(summarise(rounds)))

    def measure(self, store, operators, place, rules, budget_s, watcher, *, order):  # noqa: PLR0917  (as the real one)
        self.turns.append([one.key for one in operators])
        assert budget_s > 0
        if self.deaf:
            return
        made = [replay(one, self.times_us[one.key], mode) for one in operators for mode in rules.modes]
        store.operators.save_replays(place, {one.key: one for one in operators}, made)
