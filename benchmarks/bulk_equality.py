"""Do packs find what eager fp32 finds, and what do number formats and calibration cost in accuracy?"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from result import RESULTS, Page
from stopwatt.errors import UsageError
from stopwatt.images.accuracy import accuracy
from stopwatt.measuring.parity import TOLERANCE
from stopwatt.records import Precision
from stopwatt.serving.coco import Annotations, read_annotations, read_results
from stopwatt.units import percent

MODEL = Path(__file__).parents[1] / "examples" / "detector" / "model.py"
SIZE, IMAGES, FOR_VALIDATION, SEED = "1920x1080", 300, 0.66, 20261121
BATCH, CALIBRATED = 8, 96
INPUT, SHAPE = "input_0", (256, 448, 3)
LEAST_MATCHED, DECIMALS = 0.999, 3
RESAMPLES = 30
OWN, PHOTOS, NOISE = "8 batches of its own inputs", f"{CALIBRATED} images", f"{CALIBRATED} images of noise"
ANY = 1e3
_MODULES = ("eager", "compile")
"""Backends that run the Python module; the others run packs."""


@dataclass(frozen=True)
class Arm:
    """A way of running the detector: what it is calibrated on where it is int8."""

    backend: str
    precision: str = "fp32"
    data: str = ""

    @property
    def name(self) -> str:
        """Of its files."""
        return "-".join((self.backend, self.precision, *self.data.split()))


REFERENCE = Arm("eager")
ARMS = (
    *(Arm(backend) for backend in ("compile", "aoti", "torchscript", "onnxruntime", "openvino")),
    *(Arm(backend, "bf16") for backend in ("eager", "aoti", "openvino")),
    Arm("eager", "fp16"),
    *(Arm(backend, "int8", data) for backend in ("onnxruntime", "openvino", "aoti") for data in (OWN, PHOTOS)),
    *(Arm(backend, "int8", NOISE) for backend in ("onnxruntime", "openvino")),
)


class Failed(Exception):  # noqa: N818  (an outcome, which the page shows)
    """A command ended otherwise than well, and what it said."""


def main(out: Path = RESULTS, images: int = IMAGES, size: str = SIZE, arms: Sequence[Arm] = ARMS) -> None:
    """Draw, pack, run, compare, and write the page."""
    with tempfile.TemporaryDirectory() as name:
        study = Study(Path(name))
        drawn = study.draw(images, size)
        study.run(REFERENCE)
        rows = [study.compared(arm) for arm in (REFERENCE, *arms)]
        add_doubt(rows, study.folder)
    page_of(rows, drawn, size).write(out)


@dataclass(frozen=True)
class Study:
    """All files of one study."""

    folder: Path

    def draw(self, images: int, size: str) -> dict[str, Any]:
        """The data set, and a file of noise in the model's own size."""
        options = ("--images", images, "--size", size, "--val", FOR_VALIDATION, "--seed", SEED, "--threads", 1)
        drawn: dict[str, Any] = json.loads(stopwatt("data", "shapes", self.folder / "shapes", *options, "--json"))
        noise = np.random.default_rng(SEED).integers(0, 256, (CALIBRATED, *SHAPE), np.uint8)
        np.savez(self.folder / "noise.npz", allow_pickle=False, **{INPUT: noise})
        return drawn

    def run(self, arm: Arm) -> dict[str, Any]:
        """The validation images through an arm, their results in its folder; how its pack compared with eager."""
        model: tuple[object, ...] = (f"{MODEL}:detector", "--backend", arm.backend, "--precision", arm.precision)
        facts: dict[str, Any] = {}
        if arm.backend not in _MODULES:
            path = self.folder / f"{arm.name}.swpack"
            model, facts = (path,), self.pack(arm, path)
        layout = ("--batch", BATCH, "--workers", 1, "--decoders", 1, "--threads", 1, "--no-ceilings")
        out = self.folder / arm.name
        stopwatt("run", self.folder / "shapes" / "val.json", "--model", *model, *layout, "--out", out)
        return facts

    def pack(self, arm: Arm, path: Path) -> dict[str, Any]:
        """Write the pack of an arm; how far it deviates. int8 may deviate by anything: its loss is the question."""
        data = {PHOTOS: self.folder / "shapes" / "train.json", NOISE: self.folder / "noise.npz"}.get(arm.data)
        calibration = () if data is None else ("--data", data, "--calibrate", min(CALIBRATED, _samples(data)))
        how = ("--backend", arm.backend, "--precision", arm.precision, "--batch", BATCH, "--threads", 1)
        allowed = ("--tolerance", ANY) if arm.precision == Precision.INT8 else ()
        made = stopwatt("pack", f"{MODEL}:detector", *how, *allowed, *calibration, "--out", path, "--json")
        parity = json.loads(made)["manifest"]["artifacts"][0]["parity"]
        return {"deviation": parity["deviation"], "cosine": parity["cosine"]}

    def compared(self, arm: Arm) -> dict[str, Any]:
        """An arm beside the reference, as `stopwatt run compare` has it; or why there is nothing."""
        print(arm.name, flush=True)
        facts = {"backend": arm.backend, "precision": arm.precision, "data": arm.data, "folder": arm.name}
        results = self.folder / arm.name
        try:
            facts |= {} if arm == REFERENCE else self.run(arm)
        except Failed as failed:
            return facts | {"refused": str(failed)}
        truth = self.folder / "shapes" / "val.json"
        found: dict[str, Any] = json.loads(
            stopwatt("run", "compare", self.folder / REFERENCE.name, results, "--annotations", truth, "--json")
        )
        del found["worst"]
        found["a"].pop("facts"), found["b"].pop("facts")
        return facts | found


def add_doubt(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """By how much the change of AP of the cheaper formats may be off: 1.96 standard deviations over images drawn anew.

    All rows and the reference see the same images in each draw.
    """
    truth = read_annotations(folder / "shapes" / "val.json")
    doubted = [row for row in rows if row["precision"] != "fp32" and "refused" not in row]
    found = [read_results(folder / one["folder"] / "detections.json") for one in (rows[0], *doubted)]
    generator = np.random.default_rng(SEED)
    ids = np.array([image.id for image in truth.images])
    draws = [generator.choice(ids, len(ids)).tolist() for _ in range(RESAMPLES if doubted else 0)]
    changes = [[ap - aps[0] for ap in aps[1:]] for aps in (_average_precisions(found, truth, draw) for draw in draws)]
    for row, of_row in zip(doubted, np.array(changes).T, strict=True) if doubted else ():
        row["half_width"] = 1.96 * float(np.std(of_row, ddof=1))


def _average_precisions(found: Sequence[Any], truth: Annotations, draw: Sequence[int]) -> list[float]:
    by_id = {image.id: image for image in truth.images}
    numbered = list(enumerate(draw, 1))
    again = Annotations(
        tuple(replace(by_id[image], id=number) for number, image in numbered),
        {number: truth.objects.get(image, ()) for number, image in numbered},
        truth.categories,
    )
    results = ({number: one.get(image, ()) for number, image in numbered} for one in found)
    return [accuracy(one, again).ap or 0.0 for one in results]


def _samples(path: Path) -> int:
    """In a file that this study made."""
    return len(json.loads(path.read_text())["images"]) if path.suffix == ".json" else CALIBRATED


def stopwatt(*words: object) -> str:
    """What a command prints, in a process of its own as users start it.

    Raises:
        Failed: It ended otherwise than well.
    """
    command = [sys.executable, "-m", "stopwatt", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        first = (line for line in done.stderr.splitlines() if line.startswith("stopwatt:"))
        raise Failed(next(first, done.stderr[-300:]).removeprefix("stopwatt: "))
    return done.stdout


def met(row: dict[str, Any]) -> bool:
    """Whether an fp32 row reaches the bar: nearly every detection, and the same accuracy."""
    if "refused" in row:
        return False
    same = round(row["a"]["accuracy"]["ap"], DECIMALS) == round(row["b"]["accuracy"]["ap"], DECIMALS)
    return same and bool(row["share_identical"] >= LEAST_MATCHED)


def page_of(rows: Sequence[dict[str, Any]], drawn: dict[str, Any], size: str) -> Page:
    """The page of what was found; the first row is the reference against itself."""
    if not rows or "refused" in rows[0]:
        raise UsageError("there is no reference to compare with")
    others = rows[1:]
    exact = [row for row in others if row["precision"] == "fp32"]
    cheaper = [row for row in others if row["precision"] != "fp32"]
    good = sum(map(met, exact))
    reference = rows[0]["b"]["accuracy"]
    return Page(
        name="bulk-equality",
        title="What packs find, beside eager fp32",
        command="python benchmarks/run.py bulk-equality",
        sentences=[
            f"The trained detector of `examples/detector` on {drawn['val']} validation images of {size} that "
            f"`stopwatt data shapes` drew (seed {SEED}), batches of {BATCH}, one thread; `stopwatt pack`, `stopwatt "
            "run` and `stopwatt run compare` themselves. Eager fp32 runs the module itself, which is given normalised "
            f"floats; packs are given bytes. It finds {rows[0]['b']['detections']:,} objects of score 0.05 or more, "
            f"with an average precision (COCO) of {reference['ap']:.3f}, at IoU 0.50 {reference['ap50']:.3f}.",
            f"fp32: {good} of {len(exact)} backends meet the bar: {percent(LEAST_MATCHED)} of the detections have a "
            "partner of IoU 0.99 whose score is within 0.001, and the average precision is equal to "
            f"{DECIMALS} decimals.{_narrowest(exact)}",
            "The same is counted as matched in other formats, whose scores are seldom within 0.001; paired is what has "
            "a partner of the same class that overlaps by half.",
            "int8 is calibrated on three kinds of inputs: the detector's own, which are drawn scenes of the size that "
            "it takes; images of the training part; and noise, which stands for inputs of another kind.",
            _of_calibration(cheaper),
            f"A pack of int8 that deviates by more than {TOLERANCE[Precision.INT8]:g} on the model's own inputs would "
            "not have been written; here `--tolerance` let it pass, so that its loss can be seen. ± is 1.96 standard "
            f"deviations of the change over {RESAMPLES} draws of as many images.",
            "How fast each is stands elsewhere: accuracy needs no quiet machine, time does. The data are drawn, and so "
            "were those that the detector was trained on; another model loses other shares.",
        ],
        tables=[
            ("fp32", _HEAD, [_cells(row) for row in exact]),
            (
                "Other formats",
                (*_HEAD, "paired at IoU 0.5", "deviation", "calibrated on"),
                [_cheaper(row) for row in cheaper],
            ),
        ],
        data={"images": drawn["val"], "size": size, "seed": SEED, "rows": list(rows)},
    )


_HEAD = (
    "backend", "precision", "matched", "largest score difference", "least IoU", "AP", "change of AP", "AP at 0.50",
    "AP at 0.75",
)  # fmt: skip


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "refused" in row:
        return (row["backend"], row["precision"], row["refused"], *["-"] * (len(_HEAD) - 3))
    b = row["b"]["accuracy"]
    figures = (percent(row["share_identical"]), f"{row['score_difference']:.1e}", f"{row['least_iou']:.4f}")
    accuracy_of = (f"{b['ap']:.4f}", _change(row), f"{b['ap50']:.4f}", f"{b['ap75']:.4f}")
    return (row["backend"], row["precision"], *figures, *accuracy_of)


def _change(row: dict[str, Any]) -> str:
    change = round(row["b"]["accuracy"]["ap"] - row["a"]["accuracy"]["ap"], 4) + 0.0  # no minus before a zero
    return f"{change:+.4f}" + (f" ± {row['half_width']:.4f}" if "half_width" in row else "")


def _cheaper(row: dict[str, Any]) -> tuple[str, ...]:
    deviation = f"{row['deviation']:.2f}" if "deviation" in row else "-"
    return (*_cells(row), _alike(row), deviation, row["data"] or "-")


def _alike(row: dict[str, Any]) -> str:
    """Share of the detections of both with a partner of the same class that overlaps by half."""
    if "refused" in row:
        return "-"
    return percent(2 * row["matched"] / (row["a"]["detections"] + row["b"]["detections"]))


def _narrowest(rows: Sequence[dict[str, Any]]) -> str:
    found = [row for row in rows if "refused" not in row]
    if not found:
        return ""
    worst = min(found, key=lambda row: row["share_identical"])
    return f" The least matched is {worst['backend']}, with {percent(worst['share_identical'])}."


def _of_calibration(rows: Sequence[dict[str, Any]]) -> str:
    """What int8 loses by what it was calibrated on."""
    losses = [
        f"{row['backend']} on {row['data']} " + ("is refused" if "refused" in row else _change(row))
        for row in rows
        if row["precision"] == "int8"
    ]
    return f"int8, change of AP by what it was calibrated on: {'; '.join(losses)}." if losses else "No int8 was run."


if __name__ == "__main__":
    main()
