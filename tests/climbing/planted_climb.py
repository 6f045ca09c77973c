"""A ladder on a machine that is made up: each step multiplies the speed by what is planted."""

from dataclasses import replace

import numpy as np

from stopwatt.climbing.climb import Climb
from stopwatt.climbing.rungs import conclude
from stopwatt.climbing.steps import Step, base_of, named, steps_for
from stopwatt.records import Cell, Measured, Measurement, Protocol, Samples, Status, Trouble, Workload
from stopwatt.sweeping.plan import Plan

RULES = Protocol(rounds=3, trials=50)
STEPS = ("inference-mode", "channels-last", "threads:2", "bf16", "compile", "onnxruntime", "int8")


def climb_of(names=STEPS, orders=4):
    """A climb of steps of a CPU with two cores."""
    cell = Cell(Workload("planted", {"size": 1}), base_of(1, "cpu"), RULES)
    return Climb(Plan((cell,), RULES, {}), lambda setup: replace(cell, setup=setup), chosen(names), orders)


def chosen(names) -> tuple[Step, ...]:
    """Steps by name."""
    return named(names, steps_for(base_of(1, "cpu"), 2))


def planted_seconds(setup, gains=None):
    """A call of 10 ms over what the setup's parts are planted to buy; bf16 and int8 cost time without a compiler."""
    gains = gains or {}
    eager = setup.backend == "eager"
    factors = {
        "inference-mode": 1.25 if not (eager and setup.variant == "grad") else 1.0,
        "threads": 1.8 if setup.threads == 2 else 1.0,
        "channels-last": gains.get("channels-last", 1.1) if "channels-last" in setup.techniques else 1.0,
        "precision": {"fp32": 1.0, "bf16": 1.3 if not eager else 0.8, "int8": 2.5 if not eager else 0.5}[
            str(setup.precision)
        ],
        "backend": {"eager": 1.0, "compile": 1.5, "onnxruntime": 2.0, "openvino": 1.7}[setup.backend],
    }
    return 10e-3 / float(np.prod(list(factors.values())))


def measure(cell, number, seed=0, *, fails=(), gains=None, noise=0.01):
    """One round; a setup whose label holds one of `fails` gives no result."""
    rng = np.random.default_rng([seed, number, int(cell.key[:8], 16)])
    if any(word in cell.setup.label for word in fails):
        return Measurement(cell, number, Status.FAILED, Trouble("it cannot be done"))
    typical = planted_seconds(cell.setup, gains) * np.exp(rng.normal(0, noise))
    trials = typical * np.exp(rng.normal(0, 0.01, 60))
    samples = {"latency": Samples((trials * 1e9).astype(np.int64), "ns")}
    readings = {"host_memory": Measured(1e8, "B"), "deviation": Measured(1e-6, "1")}
    return Measurement(cell, number, Status.OK, samples=samples, readings=readings)


def measured(climb, seed=0, found=(), **about):
    """All that the climb asks for, after what there is of it."""
    found = list(found)
    while (plan := climb.next(found)) is not None:
        known = {(one.cell.key, one.round) for one in found}
        found += [
            measure(cell, number, seed, **about)
            for number in range(plan.protocol.rounds)
            for cell in plan.cells
            if (cell.key, number) not in known
        ]
    return found


def climbed(names=STEPS, orders=4, seed=0, **about):
    """A whole ladder."""
    climb = climb_of(names, orders)
    return conclude(climb, measured(climb, seed, **about))
