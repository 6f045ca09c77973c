"""Rounds of setups whose energies are measured, suspect, estimated or unavailable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.energy import SCREENING
from stopwatt.metrics import CPU_ESTIMATE, METRICS
from stopwatt.records import (
    Cell,
    Estimated,
    Measured,
    Measurement,
    Precision,
    Protocol,
    Reading,
    Samples,
    Setup,
    Status,
    Suspect,
    Unavailable,
    Workload,
)

OFF = "the counter and the mean power differ by 5.1 %"
TICKS = "fewer than 20 ticks of the counter in a window"
VIRTUAL = "no RAPL: virtual machine"
RULE = "CPU time x 12 W of a busy core, +-40 %"


@dataclass(frozen=True)
class Run:
    """One setup.

    Attributes:
        joules: A sample; `None` where nothing was read.
        why: What speaks against the energy, or why there is none.
        scope: Whose energy.
        watts: Of a busy core, for an estimate.
        asked: Whether energy was asked for.
    """

    backend: str = "eager"
    precision: Precision = Precision.FP32
    batch: int = 8
    device: str = "cuda"
    milliseconds: float = 4.0
    joules: float | None = None
    why: str = ""
    scope: str = "gpu"
    watts: float | None = None
    asked: bool = True
    hidden: int = 64

    def rounds(self, count: int = 3) -> list[Measurement]:
        """Rounds whose latency and energy differ by a percent."""
        rules = Protocol(rounds=count, energy=SCREENING if self.asked else None, cpu_watts=self.watts)
        setup = Setup(self.backend, precision=self.precision, batch=self.batch, device=self.device)
        cell = Cell(Workload("model.py:make", {"hidden": self.hidden}), setup, rules, machine="here")
        seed = [len(self.backend), self.batch, self.hidden]
        return [self._round(cell, number, np.random.default_rng([*seed, number])) for number in range(count)]

    def _round(self, cell: Cell, number: int, dice: np.random.Generator) -> Measurement:
        level = self.milliseconds * dice.lognormal(0, 0.01)
        samples = {
            "latency": Samples(np.rint(level * dice.lognormal(0, 0.01, 300) * 1e6).astype(np.int64), "ns"),
            "throughput": Samples(dice.normal(1e3 * self.batch / level, 1, 5), "samples/s"),
        }
        deviation = 0.0 if self.backend == "eager" else 1e-7 * len(self.backend)
        readings: dict[str, Reading] = {"deviation": Measured(deviation, "1"), **self._energies(dice)}
        return Measurement(cell, number, Status.OK, samples=samples, readings=readings)

    def _energies(self, dice: np.random.Generator) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        if self.watts is not None:
            taken = self.watts * self.milliseconds / 1e3
            found[CPU_ESTIMATE] = Estimated(taken, "J", 0.6 * taken, 1.4 * taken, RULE)
        if self.joules is None:
            return found | ({f"energy_{self.scope}": Unavailable(self.why)} if self.why else {})
        taken, seconds = self.joules * dice.lognormal(0, 0.006), self.milliseconds / 1e3 / self.batch
        values = {
            "energy": taken, "power": taken / seconds, "energy_net": 0.6 * taken, "efficiency": 1 / taken,
            "energy_delay": taken * seconds, "power_idle": 70.0, "power_active_idle": 120.0,
        }  # fmt: skip
        for kind, value in values.items():
            name = f"{kind}_{self.scope}"
            unit = METRICS[name].unit
            found[name] = Suspect(value, unit, self.why) if self.why else Measured(value, unit)
        return found


def measured(runs: Sequence[Run]) -> list[Measurement]:
    """Rounds of all."""
    return [one for run in runs for one in run.rounds()]


FP16 = Precision.FP16
ON_GPU = (
    Run(joules=0.118),
    Run("compile", milliseconds=2.9, joules=0.01, why=OFF),
    Run("onnxruntime", FP16, milliseconds=2.0, joules=0.0631),
    Run("tensorrt", FP16, milliseconds=1.4, joules=0.0425),
    Run("aoti", milliseconds=3.1, why=TICKS),
)
"""Measured, suspect (and far below all others), and unavailable."""
ON_VIRTUAL_CPU = (
    Run(device="cpu", scope="package", why=VIRTUAL, batch=1),
    Run("onnxruntime", device="cpu", scope="package", why=VIRTUAL, batch=1, milliseconds=2.0),
)


def grid(hidden: Sequence[int] = (64, 128, 256, 512), batch: Sequence[int] = (1, 2, 4, 8)) -> list[Measurement]:
    """A sweep on a GPU of two backends; the energy of one size is suspect, that of another unavailable."""
    runs = []
    for size in hidden:
        for count in batch:
            for backend, factor in (("eager", 1.0), ("onnxruntime", 0.6)):
                time = 0.2 + factor * size**1.2 * count**0.7 / 800
                joules: float | None = 0.01 * factor * (size / 64) ** 1.1 * count**-0.3
                why = OFF if (size, count) == (128, 2) else ""
                if (size, count) == (512, 8):
                    joules, why = None, TICKS
                runs.append(Run(backend, batch=count, milliseconds=time, joules=joules, why=why, hidden=size))
    return measured(runs)
