"""Accuracy through real workers: the samples, the batch that is filled up, and what does not fit."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from stopwatt import api
from stopwatt.datasets.labelled import Data, with_data
from stopwatt.datasets.truth import RESAMPLES
from stopwatt.datasets.truth import Truth as DataTruth
from stopwatt.measuring.accuracy import measure_accuracy
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.labelling import batches_of, truth_in
from stopwatt.measuring.worker import perform
from stopwatt.metrics import ACCURACY, ANSWERS, MEAN_AP, TOP1
from stopwatt.records import Cell, Labelled, Measured, Precision, Protocol, Setup, Status, Workload
from stopwatt.serving.coco import AnnotatedImage, Annotations, Truth
from stopwatt.serving.contract import Contract, Decoding, Placement, Preprocess, Task
from stopwatt.wire import to_json

MODEL = """
import torch

def signs():
    model = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.eye(2))
    return model, (torch.randn(3, 2),)
"""
VALUES = np.array([[2, 1], [1, 2], [3, 0], [0, 3], [5, 1], [1, 5], [4, 1]], np.float32)
RIGHT = VALUES.argmax(1)


class Argmax:
    """A runner that answers its input."""

    def __init__(self):
        self.calls = []

    def stage(self, inputs):
        return inputs

    def call(self, inputs):
        self.calls.append(inputs[0].shape)
        return inputs

    def fetch(self, outputs):
        return outputs


@pytest.fixture
def job(tmp_path):
    """Draws labelled samples for a model that takes `x`, float32 [3, 2], and answers two classes."""

    def make(label=RIGHT, source="planted.py:model", **changes):
        np.savez(tmp_path / "data.npz", **{"x": VALUES, **changes})
        np.savez(tmp_path / "labels.npz", label=np.array(label))
        named = str(tmp_path / "labels.npz")
        rules = with_data(Protocol(), Data(str(tmp_path / "data.npz"), named, samples=7, calibrate=1))
        bundle = tmp_path / "bundle"
        bundle.mkdir(exist_ok=True)
        ones = np.ones((3, 2), np.float32)
        Bundle(((ones,),), ((ones,),), classifier=False, reference="fake", input_names=("x",)).save(bundle)
        (tmp_path / "labelled").mkdir(exist_ok=True)
        cell = Cell(Workload(source), Setup(batch=3, precision=Precision.INT8), rules)
        return Job(JobKind.LABEL, cell, bundle=str(bundle), labelled=str(tmp_path / "labelled"))

    return make


def judged(job, tmp_path, left_s=60.0):
    (tmp_path / "planted.py").write_text(MODEL.replace("signs", "model"))
    cell = replace(job.cell, workload=Workload(f"{tmp_path / 'planted.py'}:model"))
    runner = Argmax()
    return measure_accuracy(replace(job, cell=cell), runner, None, left_s), runner


def test_all_samples_are_answered_in_the_setup_s_batch_the_last_one_filled_up(job, tmp_path):
    asked = job(label=[0, 1, 0, 1, 0, 1, 1])
    assert perform(asked).status is Status.OK
    found, runner = judged(asked, tmp_path)
    assert runner.calls == [(3, 2)] * 3
    assert found.readings == {ACCURACY: Measured(6 / 7, "1")}
    assert found.samples[ANSWERS].values.tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert (found.facts["accuracy.metric"], found.facts["accuracy.samples"]) == (TOP1, 7)
    assert [note.kind for note in found.notes] == ["accuracy-shared", "accuracy-guessing"]


def test_the_last_batch_repeats_its_last_sample(job):
    asked = job()
    perform(asked)
    folder = Path(asked.labelled)
    *_, ((last,), real) = batches_of(folder, len(truth_in(folder)), 3)
    assert real == 1
    np.testing.assert_array_equal(last, [VALUES[6]] * 3)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"label": [0, 1, 2, 0, 1, 0, 1]}, "class 2 is outside the model's range, which is 0 to 1"),
        ({"label": ["yes"] * 7}, "'yes' is no class of the model"),
        ({"x": VALUES[:, :1]}, "a sample is of shape 1, the model takes 2"),
    ],
)
def test_labels_and_samples_that_do_not_fit_the_model_end_with_what_is_wrong(job, changes, what):
    answer = perform(job(**changes))
    assert (answer.status, answer.trouble.what) == (Status.FAILED, what)
    assert answer.trouble.now


def test_labels_within_the_data_that_do_not_fit_leave_the_accuracy_unavailable(job, tmp_path):
    asked = job()
    np.savez(tmp_path / "data.npz", x=VALUES, label=["left", "right"] * 3 + ["left"])
    rules = with_data(Protocol(), Data(str(tmp_path / "data.npz"), samples=7, calibrate=1))
    asked = replace(asked, cell=replace(asked.cell, protocol=rules))
    assert perform(asked).status is Status.OK
    found, runner = judged(asked, tmp_path)
    assert "'left' is no class of the model" in found.readings[ACCURACY].why
    assert not runner.calls


def test_labels_that_changed_since_they_were_drawn_are_refused(job, tmp_path):
    asked = job()
    np.savez(tmp_path / "labels.npz", label=1 - RIGHT)
    assert "have changed" in perform(asked).trouble.what


def test_what_does_not_end_in_time_is_not_measured(job, tmp_path):
    asked = job()
    perform(asked)
    found, runner = judged(asked, tmp_path, left_s=0.0)
    assert "would take" in found.readings[ACCURACY].why
    assert len(runner.calls) == 2  # the first batch may hold what is done once


class Boxes(Argmax):
    """A runner that finds the one box of each image, but for images 2 and 5, where it is unsure and looks elsewhere."""

    def fetch(self, outputs):
        lost = np.isin(outputs[0], (2, 5))
        left = np.where(lost, 60.0, 10.0)
        boxes = np.stack([left, left, left + 20, left + 20], axis=-1)
        return boxes, np.where(lost, 0.1, 0.9), np.zeros(boxes.shape[:2])


def test_detections_are_judged_by_average_precision_and_its_resamples(tmp_path):
    count = 8
    images = tuple(AnnotatedImage(number + 1, str(number), 100, 100) for number in range(count))
    objects = {number + 1: (Truth(10, 10, 20, 20, 1),) for number in range(count)}
    truth = DataTruth(
        MEAN_AP, objects=Annotations(images, objects, {1: "disc"}), placements=(Placement(100, 100),) * count, number=1
    )
    np.save(tmp_path / "input_0.npy", np.arange(count, dtype=np.float32)[:, None])
    (tmp_path / "truth.json").write_bytes(to_json(truth))
    contract = Contract(Task.DETECT, Preprocess(100, 100), Decoding.BOXES, labels=("disc",))
    cell = Cell(Workload("detector"), Setup(batch=3), Protocol(accuracy=Labelled("d", "", "digest", count)))
    job = Job(JobKind.MEASURE, cell, bundle="", labelled=str(tmp_path))
    found = measure_accuracy(job, Boxes(), contract, 60.0)
    assert found.readings[ACCURACY].value == pytest.approx(76 / 101)  # the precision is 1 up to a recall of 0.75
    assert found.facts["accuracy.metric"] == MEAN_AP
    assert found.samples[ANSWERS].values.size == RESAMPLES
    assert [note.kind for note in found.notes] == ["accuracy-random-weights"]


def test_a_bench_measures_accuracy_once_and_beside_the_gate(tmp_path, short, store, stored):
    (tmp_path / "model.py").write_text(MODEL)
    np.savez(tmp_path / "data.npz", input_0=VALUES, label=[0, 1, 0, 1, 0, 1, 1])
    result = api.bench(
        f"{tmp_path / 'model.py'}:signs",
        backends="eager",
        batch=2,
        protocol=short(rounds=2),
        data=Data(str(tmp_path / "data.npz"), samples=7, calibrate=1),
        store=store,
        allow=True,
    )
    (row,) = result.rows
    assert row.estimates[ACCURACY].value == pytest.approx(6 / 7)
    assert row.estimates["deviation"].value == 0
    assert sorted((one.round, ACCURACY in one.readings) for one in stored()) == [(0, True), (1, False)]
    console = Console(width=100, file=StringIO())
    result.print_to(console)
    assert "accuracy: top-1 of 7 labelled samples" in console.file.getvalue()
