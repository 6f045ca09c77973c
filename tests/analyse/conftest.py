"""Constructed measurements."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from stopwatt.records import Cell, Measurement, Precision, Protocol, Samples, Setup, Status, Workload
from stopwatt.ways import Ablation, Way, sample_name

PROTOCOL = Protocol()


def _measurement(
    number=0,
    latency=None,
    *,
    backend="eager",
    variant="",
    precision=Precision.FP32,
    batch=1,
    device="cpu",
    threads=1,
    workload="mlp",
    params=None,
    machine="here",
    protocol=PROTOCOL,
    status=Status.OK,
    samples=None,
    **fields,
):
    setup = Setup(backend, variant, precision, batch, device, threads)
    cell = Cell(Workload(workload, params or {"hidden": 8}), setup, protocol, machine=machine)
    found = dict(samples or {})
    if latency is not None:
        found["latency"] = Samples(np.asarray(latency), "ns")
    return Measurement(cell=cell, round=number, status=status, samples=found, **fields)


@pytest.fixture(scope="session")
def measurement():
    """`(round, latency in ns, **setup and fields)`: one round."""
    return _measurement


@pytest.fixture(scope="session")
def rounds():
    """`(medians in ms, **setup)`: one round per median; 301 different trials around each."""

    def make(medians, **setup):
        spread = np.arange(-150, 151)
        return [
            _measurement(number, np.rint(median * 1e6 + spread * 10).astype(np.int64), **setup)
            for number, median in enumerate(medians)
        ]

    return make


@dataclass(frozen=True)
class Planted:
    """An ablation of which the truth is known.

    Attributes:
        truth: Way -> ratio to the reference that it reports.
        process: Standard deviation of the logarithm of a process' level; also, of the drift within a round.
        ratio: The same of a way's own ratio in a process.
        series: The same of a single series.
    """

    truth: Mapping[Way, float]
    process: float = 0.05
    ratio: float = 0.005
    series: float = 0.003
    level_ns: float = 4.5e6

    @property
    def cell(self):
        return Cell(
            Workload("bert", {"layers": 4}),
            Setup(threads=2),
            Protocol(ablation=Ablation(tuple(self.truth))),
            machine="here",
        )

    def measure(self, rounds, seed):
        """So many rounds, each with a level and a drift of its own."""
        rng = np.random.default_rng(seed)
        return [self._round(number, rng) for number in range(rounds)]

    def _round(self, number, rng):
        cold, warm = self.cell.protocol.ablation.of_round(number)
        order = [way for _ in range(2) for way in rng.permutation(np.array(warm, dtype=object))]
        times = np.exp(
            rng.normal(0, self.process) + rng.normal(0, self.process) * np.linspace(0, 1, 2 * len(order) + 2)
        )
        levels = self.level_ns * times * np.exp(rng.normal(0, self.series, times.size))
        ratios = {way: ratio * np.exp(rng.normal(0, self.ratio)) for way, ratio in self.truth.items()}
        references = levels[1::2]  # the first series is the cold way's, then reference and way in turn
        reported, beside = defaultdict(list), defaultdict(list)
        for place, way in enumerate(order):
            reported[way].append(levels[2 * place + 2] * ratios[way])
            beside[way].append(np.sqrt(references[place] * references[place + 1]))
        if cold is not None:
            beside[cold] = [np.exp(np.log(references).mean())]
            reported[cold] = [ratios[cold] * beside[cold][0] * np.exp(rng.normal(0, self.series))]
        samples = {"latency": Samples(references.astype(np.int64), "ns")}
        for way, values in reported.items():
            samples[sample_name(way)] = Samples(np.array(values), "ns")
            samples[sample_name(way, "reference")] = Samples(np.array(beside[way]), "ns")
            samples[sample_name(way, "calls")] = Samples(np.full(len(values), 100), "calls")
        return Measurement(self.cell, number, Status.OK, samples=samples)


@pytest.fixture(scope="session")
def planted():
    """`(truth, **spread).measure(rounds, seed)`: rounds of an ablation."""
    return Planted
