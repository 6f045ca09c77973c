"""What int8, bf16 and pruning make of two trained models: how fast, in how much memory, and how accurate still.

The data are drawn here, from a seed of their own: images that neither model was trained on. Half of the channels
between layers is also taken out and what is left trained on for a while, with the examples' own `train.py --prune`.
Everything is measured by `stopwatt` itself, the cells of a model side by side; rounds stay in `build/`, and a run that
was interrupted goes on from there, since equal seeds draw and train the same again.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from result import RESULTS, Page
from stopwatt.analyse.accuracy import with_loss
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row, paired_medians
from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.datasets.labelled import Data, with_data
from stopwatt.energy import SCREENING
from stopwatt.measuring.building import build_for
from stopwatt.records import QUICK, Cell, Precision, Protocol, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.running import run_plan
from stopwatt.stats.ratios import Ratio, Verdict, compare_rounds
from stopwatt.sweeping import cache
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.plan import plan_grid
from stopwatt.text import counted
from stopwatt.units import duration, interval, percent, quantity

if TYPE_CHECKING:
    from stopwatt.sweeping.execute import Watcher

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
DRAWN = BUILD / "shrunk"
EXAMPLES = ROOT / "examples"
SEED = 20261121
LIMIT = 0.01
"""Of all samples, or of the average precision: what may be lost by a setup that is said to keep its accuracy."""
PRUNED = 0.5
"""Share of the channels that are gone where training went on."""
RULES = replace(
    QUICK,
    trials=300,
    trial_seconds=0.7,
    throughput_windows=1,
    throughput_seconds=0.05,
    warmup=replace(QUICK.warmup, min_seconds=0.5, window_cap_seconds=0.5, cap_seconds=3.0),
    tolerance=1e3,
    energy=SCREENING,
)
"""Three fresh processes for each setup. The gate lets any deviation pass: what it costs is what is asked here."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is drawn, trained and measured.

    Attributes:
        images, size, val: Of the detector's data, and the share of them that is not trained on.
        scenes, scenes_val: The same of the scenes that the classifier's crops are cut from.
        steps: Of the training after pruning, of the detector and of the classifier.
        calibrate: Samples that int8 is calibrated on, of each.
        samples: Labelled samples of each.
        rules: Of measuring.
    """

    images: int = 1000
    size: str = "640x360"
    val: float = 0.32
    scenes: int = 900
    scenes_val: float = 0.4
    steps: tuple[int, int] = (200, 150)
    calibrate: tuple[int, int] = (64, 128)
    samples: tuple[int, int] = (250, 1600)
    rules: Protocol = RULES


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


_RUNTIMES = ("eager", "compile", "onnxruntime", "openvino")
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


def main(out: Path = RESULTS, scale: Scale | None = None, arms: Sequence[Arm] = ARMS) -> None:
    """Draw, prune and train, measure, and write the page."""
    scale = scale or Scale()
    draw(scale)
    labelled = {"detector": DRAWN / "shapes" / "val.json", "classifier": DRAWN / "crops" / "val"}
    studies = []
    with show_progress(console_for(sys.stderr)) as watcher:
        for place, (name, data) in enumerate(labelled.items()):
            took_s = train(name, data.parent, scale.steps[place])
            asked = Data(str(data), samples=scale.samples[place], calibrate=scale.calibrate[place])
            rules = with_data(replace(scale.rules, seed=SEED), asked)
            rows = measured(name, arms, rules, watcher)
            studies.append(study_of(name, arms, rows, scale.steps[place], took_s))
    page_of(studies, scale).write(out)


def draw(scale: Scale) -> None:
    """The data of both models, anew: what lay there may be of another size."""
    shutil.rmtree(DRAWN, ignore_errors=True)
    DRAWN.mkdir(parents=True)
    images = ("--images", scale.images, "--size", scale.size, "--val", scale.val, "--seed", SEED)
    run("-m", "stopwatt", "data", "shapes", DRAWN / "shapes", *images)
    scenes = ("--scenes", scale.scenes, "--val", scale.scenes_val, "--seed", SEED)
    run(EXAMPLES / "classifier" / "crops.py", DRAWN / "crops", *scenes)


def train(name: str, data: Path, steps: int) -> float:
    """Prune the trained model and train it on; the seconds that it took."""
    begin = time.monotonic()
    how = ("--prune", PRUNED, "--steps", steps, "--seed", SEED, "--threads", len(os.sched_getaffinity(0)))
    run(EXAMPLES / name / "train.py", data, *how, "--out", checkpoint(name))
    return time.monotonic() - begin


def checkpoint(name: str) -> Path:
    """Weights of a model that was pruned and trained on."""
    return DRAWN / f"{name}.safetensors"


def run(*words: object) -> None:
    """A script or a module of Python, as a user starts it."""
    subprocess.run([sys.executable, *map(str, words)], check=True)


def measured(name: str, arms: Sequence[Arm], rules: Protocol, watcher: "Watcher") -> list[Row]:
    """All arms of a model side by side, in their order."""
    columns = {
        "checkpoint": [str(checkpoint(name)) if arm.trained else "" for arm in arms],
        "backend": [arm.backend for arm in arms],
        "precision": [str(arm.precision) for arm in arms],
    }
    together = tuple(Axis(column, tuple(values)) for column, values in columns.items())
    source = f"{EXAMPLES / name / 'model.py'}:{name}"
    grid = Grid(((Axis("workload", (source,)),), together), protocol=rules, tag=f"shrunk {name}")
    return list(run_plan(plan_grid(grid), {}, store=str(BUILD / "shrunk.db"), watcher=watcher, allow=True).rows)


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


# --- the page ---


def page_of(studies: Sequence[Study], scale: Scale) -> Page:
    """The page of what was found."""
    return Page(
        name="shrunk",
        title="int8, bf16 and pruned: what two trained models gain, and what accuracy they lose",
        command="python benchmarks/run.py shrunk",
        sentences=[
            "The detector and the classifier of `examples/`, batch 1, all cores, each setup in "
            f"{scale.rules.rounds} fresh processes, which take turns in random order. Data that neither was trained on "
            f"are drawn for this page (seed {SEED}; images of {scale.size}); int8 is calibrated on samples beside the "
            "labelled ones. Speed-ups are ratios of times, paired by round; intervals are 95 %. *Lost* is the accuracy "
            "of the whole model in fp32 eager less that of the setup, on the same samples; it is *kept* where the "
            f"whole interval is within {LIMIT:g}.",
            *(sentence for study in studies for sentence in sentences(study)),
            _of_energy([one for study in studies for one in study.results]),
            "Weights are those of the module in its format, of ONNX Runtime and OpenVINO the files that they load "
            "(OpenVINO makes bf16 of fp32 as it loads). Memory is the peak of the whole process, with its runtime and, "
            "on eager and compile, PyTorch; where a technique prunes, what it took for that stays in eager's process, "
            "which a pruned checkpoint does not have. The deviation is that of the answers to the model's own inputs "
            "from those of fp32 eager: of the whole model where a technique prunes it, of the pruned one where that "
            "was trained on. It refuses nothing here, other than int8 of a cosine below 0.9.",
        ],
        tables=[_table(study) for study in studies],
        data={"limit": LIMIT, "seed": SEED, "models": [_document(study) for study in studies]},
    )


def sentences(study: Study) -> Iterator[str]:
    """What the figures of one model say."""
    base = study.of(BASE)
    assert base is not None
    yield (
        f"**The {study.name}**: {study.metric} of {_text(base.accuracy)} on {counted(study.samples, 'labelled sample')}"
        f", {study.calibrated} others to calibrate on. {_of_accuracy(study)}"
    )
    yield _of_best(study)
    for what, chosen in _KINDS:
        listed = [_gain(one) for one in study.results if chosen(one.arm) and not one.refused]
        if listed:
            yield f"{what} (speed-up over fp32 of the whole {study.name} on the same runtime): {'; '.join(listed)}."
    yield from _of_training(study)
    refused = [f"{one.arm.name} ({one.refused})" for one in study.results if one.refused]
    if refused:
        yield f"Not to be had: {'; '.join(refused)}."


_KINDS: tuple[tuple[str, Callable[[Arm], bool]], ...] = (
    ("bf16", lambda arm: arm.precision is Precision.BF16),
    ("int8", lambda arm: arm.precision is Precision.INT8 and not arm.trained),
    ("Pruned without training", lambda arm: "+" in arm.backend),
    ("Pruned and trained on", lambda arm: arm.trained),
)


def _of_accuracy(study: Study) -> str:
    """Which setups keep the accuracy, which do not, and of which the samples do not say."""
    others = [one for one in study.results if one.arm != BASE and not one.refused]
    said = {
        Kept.YES: f"Within {LIMIT:g} of it with their whole interval",
        Kept.UNDECIDED: f"Not decided by {study.samples} samples",
        Kept.NO: f"More than {LIMIT:g} is lost by",
        Kept.UNKNOWN: "Not known of",
    }
    groups = []
    for verdict, words in said.items():
        names = [
            one.arm.name + ("" if verdict is Kept.YES else f" ({_text(one.loss)})")
            for one in others
            if one.kept is verdict
        ]
        groups += [f"{words}: {', '.join(names)}."] if names else []
    return " ".join(groups)


def _of_best(study: Study) -> str:
    """The fastest, and the one with the least memory, among those that keep the accuracy."""
    base = study.of(BASE)
    good = [one for one in study.results if one.kept is Kept.YES and not one.refused]
    fast = [one for one in good if one.eager.value is not None]
    small = [one for one in good if one.memory.measured is not None]
    parts = []
    if fast:
        best = max(fast, key=lambda one: one.eager.value or 0.0)
        weights = "" if best.weights is None else f", {quantity(best.weights, 'B')} of weights"
        parts.append(f"the fastest is {best.arm.name}: {_ratio(best.eager)} fp32 eager{weights}")
    if small and base is not None and base.memory.value:
        least = min(small, key=lambda one: one.memory.value or 0.0)
        beside = f" (fp32 eager {quantity(base.memory.value, 'B')})" if least.arm != BASE else ""
        parts.append(f"the least memory is that of {least.arm.name}: {_text(least.memory)}{beside}")
    return f"Of those that keep its accuracy, {'; '.join(parts)}." if parts else "None keeps its accuracy."


def _gain(one: Result) -> str:
    """`openvino int8 1.52 x [1.48, 1.56], loses 0.002 [-0.001, 0.005]`, and what is not shown to be faster."""
    name = f"{one.arm.name} {_ratio(one.same)}"
    doubtful = {
        Verdict.SLOWER: ", slower",
        Verdict.EQUIVALENT: ", as fast",
        Verdict.INCONCLUSIVE: ", speed not decided",
    }
    faster = "" if one.same.verdict is None else doubtful.get(one.same.verdict, "")
    return f"{name}{faster}, loses {_text(one.loss)}"


def _of_training(study: Study) -> Iterator[str]:
    """What pruning loses by itself, and after training."""
    before, after = study.of(Arm(f"eager+prune:{PRUNED:g}")), study.of(Arm("eager", trained=True))
    if before is None or after is None or before.refused or after.refused:
        return
    yield (
        f"Taking {percent(PRUNED)} of the channels between layers out loses {_text(before.loss)} by itself, and "
        f"{_text(after.loss)} after {counted(study.steps, 'step')} of training on other samples "
        f"({duration(study.took_s)} with reading them and a last check, `examples/{study.name}/train.py --prune "
        f"{PRUNED:g}`)."
    )


def _of_energy(results: Sequence[Result]) -> str:
    """Which took the least energy; where nothing counts it, why."""
    known = [one for one in results if one.energy.value is not None]
    if known:
        return "Energy is that of the processor's package for a sample, queue kept full."
    reasons = dict.fromkeys(one.energy.why for one in results if not one.refused)
    return f"Energy: unavailable ({'; '.join(reasons)})."


def _table(study: Study) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    energy = any(one.energy.value is not None for one in study.results)
    head = (
        "model",
        "setup",
        "latency",
        "x fp32, same runtime",
        "x fp32 eager",
        "peak memory",
        *(("energy",) if energy else ()),
        "weights",
        f"accuracy ({study.metric})",
        "lost",
        "kept",
        "deviation",
    )
    rows = [_line(one, energy=energy) for one in study.results]
    return f"The {study.name}, {counted(study.samples, 'labelled sample')}", head, rows


def _line(one: Result, *, energy: bool) -> tuple[str, ...]:
    start = (one.arm.model, f"{one.arm.runtime} {one.arm.precision}")
    if one.refused:
        return (*start, "refused", *["-"] * (8 + energy))
    return (
        *start,
        _text(one.latency),
        _ratio(one.same),
        _ratio(one.eager),
        _text(one.memory),
        *((_text(one.energy),) if energy else ()),
        "-" if one.weights is None else quantity(one.weights, "B"),
        _text(one.accuracy),
        "-" if one.arm == BASE else _text(one.loss),
        "-" if one.arm == BASE else str(one.kept),
        "-" if one.deviation.value is None else f"{one.deviation.value:.1e}" if one.deviation.value else "0",
    )


def _text(one: Estimate) -> str:
    if one.value is None:
        return "-"
    if one.low is None or one.high is None:
        return quantity(one.value, one.unit)
    return interval(one.value, one.low, one.high, one.unit)


def _ratio(one: Ratio) -> str:
    if one.value is None:
        return "-"
    if one.low is None or one.high is None:
        return f"{one.value:.3g} x"
    return interval(one.value, one.low, one.high, "x")


def _document(study: Study) -> dict[str, Any]:
    about = {
        "model": study.name,
        "metric": study.metric,
        "samples": study.samples,
        "calibrated": study.calibrated,
        "steps": study.steps,
        "training_s": study.took_s,
    }
    return about | {"setups": [_setup(one) for one in study.results]}


def _setup(one: Result) -> dict[str, Any]:
    estimates = {
        "latency": one.latency,
        "host_memory": one.memory,
        "energy_package": one.energy,
        "accuracy": one.accuracy,
        "accuracy_loss": one.loss,
        "deviation": one.deviation,
    }
    ratios = {"times_fp32_same_runtime": one.same, "times_fp32_eager": one.eager}
    return {
        "model": one.arm.model,
        "backend": one.arm.runtime,
        "precision": str(one.arm.precision),
        "refused": one.refused or None,
        "kept": str(one.kept),
        "weight_bytes": one.weights,
        **{name: {"value": each.value, "low": each.low, "high": each.high} for name, each in ratios.items()},
        **{
            name: {"value": each.value, "low": each.low, "high": each.high, "unit": each.unit, "why": each.why}
            for name, each in estimates.items()
        },
    }
