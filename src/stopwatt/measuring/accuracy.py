"""How right a setup's answers to labelled samples are: after everything that is timed, in the setup's own batch."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends.base import Runner
from stopwatt.datasets.truth import Judged, Truth, judge_classes, judge_detections
from stopwatt.errors import StopwattError
from stopwatt.measuring.job import Job
from stopwatt.measuring.labelling import batches_of, truth_in
from stopwatt.metrics import ACCURACY, ANSWERS, TOP1
from stopwatt.records import Labelled, Measured, Note, Reading, Samples, Scalar, Unavailable
from stopwatt.serving.contract import Contract, Detection
from stopwatt.serving.decoding import WrongOutputs, decoded
from stopwatt.stats.proportions import wilson
from stopwatt.text import counted
from stopwatt.units import duration
from stopwatt.workloads.base import Arrays
from stopwatt.workloads.resolve import draws_weights

METRIC, SAMPLES, CLASSES = "accuracy.metric", "accuracy.samples", "accuracy.classes"
"""Facts of a round that measured accuracy."""


@dataclass(frozen=True, slots=True)
class Accurate:
    """What a round says of accuracy, as the parts of its answer."""

    readings: dict[str, Reading]
    samples: dict[str, Samples] = field(default_factory=dict)
    facts: dict[str, Scalar] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


class _TooLong(Exception):  # noqa: N818  (answered by a reading that says why)
    """The round's time would be over before the last sample."""


def measure_accuracy(job: Job, runner: Runner, contract: Contract | None, left_s: float) -> Accurate:
    """Give a model all labelled samples and judge its answers.

    Args:
        job: Of the round, with the folder of the samples (`labelling`).
        runner: The model, ready.
        contract: What its outputs mean, where it says so.
        left_s: Seconds that the round may still take.
    """
    cell, folder = job.cell, Path(job.labelled)
    truth, wanted = truth_in(folder), cell.protocol.accuracy
    assert wanted is not None  # noqa: S101  (a job with labelled samples)
    if truth.why:
        return _unavailable(truth.why)
    try:
        judged = _judged(_outputs(runner, folder, truth, cell.setup.batch, left_s), truth, contract, wanted.seed)
    except _TooLong as reason:
        return _unavailable(str(reason))
    except (WrongOutputs, _NotFinite) as error:
        return _unavailable(f"the answers to labelled samples cannot be read: {error}")
    if judged.accuracy is None:
        return _unavailable("the labelled samples hold no object to find")
    return Accurate(
        {ACCURACY: Measured(judged.accuracy, "1")},
        {ANSWERS: Samples(judged.parts, "1")},
        {METRIC: truth.metric, SAMPLES: len(truth), CLASSES: truth.number},
        (
            *_of_samples(truth, wanted, calibrated=cell.calibration is not None),
            *_of_model(cell.workload.source, truth, judged),
        ),
    )


def _unavailable(why: str) -> Accurate:
    return Accurate({ACCURACY: Unavailable(why)})


def _outputs(runner: Runner, folder: Path, truth: Truth, batch: int, left_s: float) -> Iterator[tuple[Arrays, int]]:
    """Outputs of each batch, and how many of its samples count.

    Raises:
        _TooLong: After the second batch or later, as soon as it shows.
    """
    began, done = time.monotonic(), 0
    for inputs, real in batches_of(folder, len(truth), batch):
        yield runner.fetch(runner.call(runner.stage(inputs))), real
        done += real
        spent_s = time.monotonic() - began
        if done > batch and spent_s / done * len(truth) > left_s:
            takes = duration(spent_s / done * len(truth))
            raise _TooLong(
                f"{counted(len(truth), 'sample')} would take {takes}, and the round may take {duration(left_s)} more: "
                "ask for fewer --samples, or a longer --timeout"
            )


class _NotFinite(StopwattError):  # noqa: N818  (says what the outputs are)
    """Scores that no class can be read from."""


def _judged(outputs: Iterator[tuple[Arrays, int]], truth: Truth, contract: Contract | None, seed: int) -> Judged:
    if truth.objects is None:
        best = np.concatenate([_best(arrays[0][:real]) for arrays, real in outputs])
        return judge_classes(best, truth)
    assert contract is not None  # noqa: S101  (a detector has one)
    found: dict[int, tuple[Detection, ...]] = {}
    for arrays, real in outputs:
        placements = truth.placements[len(found) : len(found) + real]
        for one in decoded(arrays, contract, placements):
            found[len(found) + 1] = one.detections
    return judge_detections(found, truth, seed)


def _best(scores: NDArray[Any]) -> NDArray[np.int64]:
    if not np.isfinite(scores).all():
        raise _NotFinite("they hold NaN or infinities")
    best: NDArray[np.int64] = np.argmax(scores, axis=1)
    return best


def _of_samples(truth: Truth, wanted: Labelled, *, calibrated: bool) -> Iterator[Note]:
    if truth.unreadable:
        yield Note("accuracy-unreadable", f"{counted(truth.unreadable, 'labelled sample')} could not be read")
    if wanted.shared and calibrated:
        yield Note(
            "accuracy-shared",
            f"{wanted.shared} of {counted(wanted.samples, 'labelled sample')} are calibrated on too: the model may "
            "look more accurate than it is",
            now="name more data, or ask for fewer: --samples, --calibrate",
        )


def _of_model(source: str, truth: Truth, judged: Judged) -> Iterator[Note]:
    """What makes an accuracy say nothing."""
    if draws_weights(source):
        yield Note(
            "accuracy-random-weights",
            "the weights are drawn at random: the accuracy says nothing, and neither does what is lost of it",
            now="name a trained model: FILE.py:FUNCTION, FILE.onnx, FILE.pt2, a folder of Hugging Face",
        )
    elif truth.metric == TOP1 and wilson(int(judged.parts.sum()), judged.parts.size)[0] <= 1 / truth.number:
        yield Note(
            "accuracy-guessing",
            f"the accuracy is not shown to be better than guessing among {truth.number} classes",
            now="look whether the weights are trained, and whether classes are numbered as the labels are",
        )
