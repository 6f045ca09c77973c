"""Setups measured over batch sizes whose knees, energies and memory limits are planted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.energy import SCREENING
from stopwatt.records import (
    Cell,
    Measured,
    Measurement,
    Precision,
    Protocol,
    Reading,
    Samples,
    Scalar,
    Setup,
    Status,
    Suspect,
    Trouble,
    Workload,
)
from stopwatt.sweeping.toolarge import NOT_TRIED

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FACTS: Mapping[str, Scalar] = {"gpu.memory": 16 * 2**30, "memory.total": 16 * 2**30}
NO_ROOM = Trouble("out of memory: tried to allocate 2.10 GiB", "in trials", "try a smaller batch")
CRASH = Trouble("crashed with SIGSEGV")


@dataclass(frozen=True)
class Line:
    """One setup over batch.

    Attributes:
        peak: Samples/s that it comes near to.
        half: Batch with half of them; the knee is at nine times as many.
        fits: Largest batch that memory holds; larger ones than the next are not tried.
        joules: Energy of a sample in a large batch; `None` where none was measured.
        suspect: Batches whose energy is doubtful.
        crashes: Batches without a result.
        sample: Bytes of memory of each sample.
        exponent: Of samples/s over batch, instead of `half`: a straight line.
    """

    backend: str = "eager"
    precision: Precision = Precision.FP32
    peak: float = 2000.0
    half: float = 2.0
    fits: int = 256
    joules: float | None = None
    suspect: Sequence[int] = ()
    crashes: Sequence[int] = ()
    sample: float = 60.0 * 2**20
    exponent: float | None = None
    noise: float = 0.004

    def rate(self, batch: int) -> float:
        """Planted samples/s."""
        return self.peak * (batch**self.exponent if self.exponent is not None else batch / (batch + self.half))


def measured(
    lines: Sequence[Line], batches: Sequence[int] = BATCHES, *, rounds: int = 3, source: str = "bert"
) -> list[Measurement]:
    """Rounds of all lines in all batches."""
    return [
        _round(line, batch, number, rounds, source)
        for line in lines
        for batch in batches
        for number in range(1 if batch > line.fits else rounds)
    ]


def _round(line: Line, batch: int, number: int, rounds: int, source: str) -> Measurement:
    rules = Protocol(rounds=rounds, energy=None if line.joules is None else SCREENING)
    device = "cpu" if line.joules is None else "cuda"
    setup = Setup(line.backend, precision=line.precision, batch=batch, device=device)
    cell = Cell(Workload(source, {"size": "mini"}), setup, rules, machine="here")
    if batch > line.fits:
        first = batch <= 2 * line.fits
        trouble = NO_ROOM if first else Trouble(f"{NOT_TRIED}batch {2 * line.fits} did not fit into memory")
        return Measurement(cell, number, Status.OUT_OF_MEMORY, trouble, facts=FACTS)
    if batch in line.crashes:
        return Measurement(cell, number, Status.CRASHED, CRASH, facts=FACTS)
    dice = np.random.default_rng([len(line.backend), list(Precision).index(line.precision), batch, number])
    rate = line.rate(batch) * dice.lognormal(0, line.noise)
    samples = {
        "latency": Samples(np.rint(batch / rate * dice.lognormal(0, 0.01, 40) * 1e9).astype(np.int64), "ns"),
        "throughput": Samples(1.03 * rate * dice.lognormal(0, 0.002, 5), "samples/s"),
    }
    return Measurement(
        cell, number, Status.OK, samples=samples, readings=_readings(line, batch, device, dice), facts=FACTS
    )


def _readings(line: Line, batch: int, device: str, dice: np.random.Generator) -> dict[str, Reading]:
    memory = "device_memory" if device == "cuda" else "host_memory"
    found: dict[str, Reading] = {
        memory: Measured(900 * 2.0**20 + line.sample * batch * dice.lognormal(0, 0.0005), "B"),
        "deviation": Measured(0.0, "1"),
    }
    if line.joules is not None:
        taken = line.joules * (1 + line.half / batch) * dice.lognormal(0, 0.004)
        doubtful = batch in line.suspect
        found["energy_gpu"] = Suspect(taken, "J", "the clock changed") if doubtful else Measured(taken, "J")
    return found


FP16, BF16, INT8 = Precision.FP16, Precision.BF16, Precision.INT8
ONE = (Line(half=2.5, fits=128),)
FOUR = (
    Line(half=0.5, peak=1900, fits=128, joules=0.3),
    Line("eager", FP16, half=6, peak=8000, joules=0.09, sample=30 * 2.0**20, suspect=(4,)),
    Line("tensorrt", FP16, exponent=0.8, peak=900, joules=0.05, sample=30 * 2.0**20),
    Line("compile", FP16, half=0.0, peak=6000, joules=0.07, fits=32, crashes=(8,)),
)
"""A knee and a memory limit, a knee with a suspect energy, a straight line, and one that larger batches do not help."""
TWELVE = tuple(
    Line(backend, precision, peak=500.0 * (3 + 2 * place + 5 * kind), half=0.5 + place + kind, fits=256 >> kind)
    for place, backend in enumerate(("eager", "compile", "onnxruntime", "openvino"))
    for kind, precision in enumerate((Precision.FP32, BF16, INT8))
)
