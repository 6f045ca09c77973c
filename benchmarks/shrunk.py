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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from result import RESULTS
from shrunk_page import page_of
from shrunk_study import ARMS, PRUNED, Arm, study_of
from stopwatt.analyse.row import Row
from stopwatt.datasets.labelled import Data, with_data
from stopwatt.energy import SCREENING
from stopwatt.records import QUICK, Protocol
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.running import run_plan
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.plan import plan_grid

if TYPE_CHECKING:
    from stopwatt.sweeping.execute import Watcher

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
DRAWN = BUILD / "shrunk"
EXAMPLES = ROOT / "examples"
SEED = 20261121
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
    page_of(studies, rounds=scale.rules.rounds, size=scale.size, seed=SEED).write(out)


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
