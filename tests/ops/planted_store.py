"""A store with captured, measured and replayed models, all by a planted law."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "predicting"))

from planted_models import Oracle, capture, linear, odd, relu, seconds, view

from stopwatt.operators.replay import Mode, Replay
from stopwatt.ops.places import place_of
from stopwatt.records import Measurement, Samples, Status
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Request, make_plan

__all__ = ["Oracle", "Planted", "around", "cell_of", "linear", "odd", "relu", "seconds", "view"]
FAMILIES = ("mlp", "lstm", "bert", "resnet")
OWN_MODES = (Mode.REUSE, Mode.STREAM)


def around(middle_s):
    """Seven samples, in ns."""
    return Samples(np.array([-2, -1, 0, 0, 0, 1, 2]) * middle_s * 1e6 + middle_s * 1e9, "ns")


def cell_of(source, batch=1, threads=1):
    (cell,) = make_plan(
        Request((source,), batches=(batch,), backends=("eager",), threads=threads, baseline=False)
    ).cells
    return cell


class Planted:
    """Writes models into a store, as capturing, benching and replaying would have.

    Args:
        path: Of the store.
    """

    def __init__(self, path):
        self.path = str(path)
        self.place = place_of("cpu", 1)

    def captured(self, source, operators, sequence=None, *, batch=1, gaps_us=0.0, **other):
        """A capture of a built-in workload, though of planted operators."""
        cell = cell_of(source, batch)
        known = {name: getattr(cell, name) for name in ("workload", "setup", "code", "software", "machine")} | other
        sequence = list(range(len(operators))) if sequence is None else sequence
        taken = replace(capture(source, operators, sequence, gaps_us=gaps_us), **known)
        with open_store(self.path) as store:
            store.operators.save_capture(taken)
        return taken

    def replayed(self, *operators, place=None, ratio=1.0):
        """A replay of each in two modes."""
        replays = [
            Replay(one.key, mode, Status.OK, None, {"call": around(seconds(one) * ratio * (1.2 if n else 1.0))})
            for one in operators
            for n, mode in enumerate(OWN_MODES)
        ]
        with open_store(self.path) as store:
            store.operators.save_replays(place or self.place, {one.key: one for one in operators}, replays)

    def measured(self, source, latency_s, *, batch=1):
        """Three rounds of the model itself."""
        cell = cell_of(source, batch)
        rounds = [
            Measurement(cell, n, Status.OK, samples={"latency": Samples(np.arange(-50, 51) + latency_s * 1e9, "ns")})
            for n in range(3)
        ]
        with open_store(self.path) as store:
            run = store.begin_run("bench", "plan", "", "0")
            for one in rounds:
                store.save(run, one)

    def model(self, source, width, *, batch=1, ratio=1.0, replays=True, measured=True):
        """linear, relu, view, linear, relu: replayed by the law, and longer by a ratio as a whole."""
        operators = (linear(batch, width), relu(batch, width), view(batch, width))
        self.captured(source, operators, [0, 1, 2, 0, 1], batch=batch, gaps_us=1.0)
        if replays:
            self.replayed(*operators)
        if measured:
            whole = 2 * seconds(operators[0]) + 2 * seconds(operators[1]) + seconds(operators[2]) + 6e-6
            self.measured(source, whole * ratio, batch=batch)

    def world(self, sources=FAMILIES, batches=(1, 2, 4)):
        """Several families in several batches."""
        for number, source in enumerate(sources):
            for batch in batches:
                self.model(source, 64 + 32 * number, batch=batch, ratio=1 + 0.02 * number)
