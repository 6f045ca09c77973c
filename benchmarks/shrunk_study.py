"""What came of each way of running a trained model: speed, memory, weights, and the accuracy that it lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.analyse.accuracy import with_loss
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row, paired_medians
from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.measuring.building import build_for
from stopwatt.records import Cell, Precision, Status
from stopwatt.stats.ratios import Ratio, compare_rounds
from stopwatt.sweeping import cache

LIMIT = 0.01
"""Of all samples, or of the average precision: what may be lost by a setup that is said to keep its accuracy."""
PRUNED = 0.5
"""Share of the channels that are gone where training went on."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way of running a model: the backend as a user writes it, and whether the model was trained after pruning."""

    backend: str
    precision: Precision = Precision.FP32
    trained: bool = False

    @property
    def runtime(self) -> str:
        """The backend without techniques."""
        return self.backend.partition("+")[0]

    @property
    def model(self) -> str:
        """What became of the model before the runtime got it."""
        return f"prune:{PRUNED:g}, trained on" if self.trained else self.backend.partition("+")[2] or "whole"

    @property
    def name(self) -> str:
        """`onnxruntime int8`, `eager fp32 (prune:0.5)`."""
        return f"{self.runtime} {self.precision}" + ("" if self.model == "whole" else f" ({self.model})")


_RUNTIMES = ("eager", "onnxruntime", "openvino")
BASE = Arm("eager")
ARMS = (
    *(Arm(runtime) for runtime in _RUNTIMES),
    *(Arm(runtime, Precision.BF16) for runtime in ("eager", "openvino")),
    *(Arm(runtime, Precision.INT8) for runtime in _RUNTIMES),
    *(Arm(backend) for backend in ("eager+prune:0.25", "eager+prune:0.5", "onnxruntime+prune:0.5")),
    *(Arm(runtime, trained=True) for runtime in ("eager", "onnxruntime", "openvino")),
    *(Arm(runtime, Precision.INT8, trained=True) for runtime in ("onnxruntime", "openvino")),
)


class Kept(StrEnum):
    """What the interval of a loss says against the limit."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"
    UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one arm.

    Attributes:
        refused: Why there is nothing; empty where there is.
        same: Speed-up over fp32 of the whole model on the same runtime.
        eager: Speed-up over fp32 of the whole model on eager.
        weights: Bytes of the module's weights, or of the file that the runtime loads; `None` where neither is known.
    """

    arm: Arm
    refused: str
    latency: Estimate
    same: Ratio
    eager: Ratio
    memory: Estimate
    weights: int | None
    accuracy: Estimate
    loss: Estimate
    deviation: Estimate
    energy: Estimate

    @property
    def kept(self) -> Kept:
        """Whether the accuracy is kept."""
        return kept(self.loss)


@dataclass(frozen=True, slots=True)
class Study:
    """What came of one model.

    Attributes:
        metric: What its accuracy is.
        samples, calibrated: Labelled ones, and others that int8 is calibrated on.
        steps, took_s: Of the training after pruning.
    """

    name: str
    metric: str
    samples: int
    calibrated: int
    steps: int
    took_s: float
    results: tuple[Result, ...]

    def of(self, arm: Arm) -> Result | None:
        """What came of an arm, where it was run."""
        return next((one for one in self.results if one.arm == arm), None)


def study_of(name: str, arms: Sequence[Arm], rows: Sequence[Row], steps: int, took_s: float) -> Study:
    """What the rows of a model say, the whole one in fp32 eager being what they are compared with."""
    known = dict(zip(arms, rows, strict=True))
    base = known[BASE]
    if base.status is not Status.OK or base.answers is None:
        raise SystemExit(f"{name}: {base.trouble or base.estimates['accuracy'].why}")
    rules = base.cell.protocol
    calibrated = 0 if rules.calibration is None else rules.calibration.samples
    results = tuple(_result(arm, with_loss(row, base), known) for arm, row in known.items())
    return Study(name, base.answers.metric, base.answers.samples, calibrated, steps, took_s, results)


def _result(arm: Arm, row: Row, known: dict[Arm, Row]) -> Result:
    ok = row.status is Status.OK
    found = row.estimates
    return Result(
        arm,
        "" if ok else row.trouble.what if row.trouble else str(row.status),
        found["latency"],
        _speedup(known.get(Arm(arm.runtime)), row),
        _speedup(known[BASE], row),
        found["host_memory"],
        weights_of(row.cell) if ok else None,
        found["accuracy"],
        found["accuracy_loss"],
        found["deviation"],
        found["energy_package"],
    )


def _speedup(base: Row | None, row: Row) -> Ratio:
    if base is None or base.cell.key == row.cell.key:
        return Ratio(why="nothing else to compare it with")
    return compare_rounds(*paired_medians(base, row))


def weights_of(cell: Cell) -> int | None:
    """Bytes of a module's weights in the cell's format, or of the file that its runtime loads.

    `None` where the weights are changed in memory only, and no file was written.
    """
    if isinstance(catalogue.get(cell.setup.backend), ArtifactBackend):
        folder = cache.artifact_folder(cell)
        made = sorted(folder.parent.glob(f"{folder.name}*"), key=lambda one: one.stat().st_mtime)
        files = [one for one in made[-1].rglob("*") if one.is_file() and one.suffix != ".json"] if made else []
        return sum(one.stat().st_size for one in files) or None
    width = {Precision.FP32: 4, Precision.BF16: 2}.get(cell.setup.precision)
    module = None if width is None else build_for(cell, ())[0].module
    if width is None or module is None:
        return None
    tensors = module.state_dict().values()
    size: int = sum(one.numel() * (width if one.is_floating_point() else one.element_size()) for one in tensors)
    return size


def kept(loss: Estimate, limit: float = LIMIT) -> Kept:
    """Whether the whole interval of a loss lies within the limit, or beyond it."""
    if loss.value is None:
        return Kept.UNKNOWN
    low, high = (loss.value, loss.value) if loss.low is None or loss.high is None else (loss.low, loss.high)
    if high <= limit:
        return Kept.YES
    return Kept.NO if low > limit else Kept.UNDECIDED
