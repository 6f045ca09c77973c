"""What is made once, and what is made anew because nobody can tell whether it changed."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from stopwatt import api
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.job import Answer, JobKind
from stopwatt.records import Calibration, Labelled, Precision, Status
from stopwatt.sweeping.executors.process import Outcome
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.sweeping.prepare import Preparation

MODEL = """
import pathlib, torch

def make():
    model = torch.nn.Linear(4, 2)
    torch.nn.init.constant_(model.weight, float(pathlib.Path(__file__).with_name("weight.txt").read_text()))
    return model, (torch.randn(3, 4),)
"""


class Executor:
    """Does no job: writes what the job would have written, from a weight that the test changes."""

    def __init__(self, weight):
        self.weight = weight
        self.kinds = []
        self.jobs = []

    def run(self, job, timeout_s, group):
        self.kinds.append(job.kind)
        if job.kind is JobKind.REFERENCE:
            answers = ((np.full((1, 2), self.weight),),)
            Bundle(((np.ones((1, 4)),),), answers, False, "fake", ("x",)).save(Path(job.bundle))
        if job.kind is JobKind.CALIBRATE:
            Path(job.calibration).write_text(job.cell.calibration.digest)
        self.jobs.append(job)
        return Outcome(Answer(Status.OK), "", 0.0)


@pytest.fixture
def cell(tmp_path, monkeypatch, short):
    """A cell of ONNX Runtime, which converts, with a workload of the given source."""
    monkeypatch.setenv("STOPWATT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.py").write_text(MODEL)

    def make(source=f"{tmp_path / 'model.py'}:make"):
        return make_plan(Request([source], backends=["onnxruntime"], baseline=False, protocol=short())).cells[0]

    return make


def prepared(cell, weight):
    executor = Executor(weight)
    preparation = Preparation(executor, 1.0)
    assert preparation.ready(cell) is None
    assert preparation.ready(cell) is None
    return executor.kinds, preparation.bundle(cell), preparation.artifact(cell)


def test_a_built_in_workload_is_prepared_once_for_all_runs(cell):
    first, *folders = prepared(cell("mlp"), 1.0)
    second, *same = prepared(cell("mlp"), 1.0)
    assert (first, second) == ([JobKind.REFERENCE, JobKind.CONVERT], [])
    assert folders == same


def test_foreign_code_answers_anew_in_every_run_and_keeps_what_fits_its_answers(cell):
    first, *folders = prepared(cell(), 1.0)
    second, *same = prepared(cell(), 1.0)
    assert (first, second) == ([JobKind.REFERENCE, JobKind.CONVERT], [JobKind.REFERENCE])
    assert folders == same


def test_other_answers_of_foreign_code_have_a_bundle_and_a_converted_model_of_their_own(cell):
    _, *folders = prepared(cell(), 1.0)
    kinds, *others = prepared(cell(), 2.0)
    assert kinds == [JobKind.REFERENCE, JobKind.CONVERT]
    assert not set(folders) & set(others)
    assert Bundle.load(others[0]).outputs[0][0][0, 0] == 2.0


def test_data_to_calibrate_on_are_drawn_once_and_given_to_conversions_by_their_digest(cell):
    def with_data(digest):
        plain = cell("mlp")
        data = Calibration("photos", digest, 8)
        setup = replace(plain.setup, precision=Precision.INT8)
        return replace(plain, setup=setup, protocol=replace(plain.protocol, calibration=data))

    executor = Executor(1.0)
    preparation = Preparation(executor, 1.0)
    for digest in ("a", "a", "b"):
        assert preparation.ready(with_data(digest)) is None
    assert executor.kinds == [JobKind.REFERENCE, *[JobKind.CALIBRATE, JobKind.CONVERT] * 2]
    files = [preparation.calibration(with_data(digest)) for digest in ("a", "b")]
    assert [file.read_text() for file in files] == ["a", "b"]
    assert [job.calibration for job in executor.jobs[2::2]] == [str(file) for file in files]
    assert executor.jobs[2].calibration_digest == sha256(b"a").hexdigest()
    assert preparation.calibration(cell("mlp")) is None


def test_labelled_samples_are_drawn_once_for_all_batches_and_precisions(cell):
    def with_labels(digest, batch):
        plain = cell("mlp")
        labelled = Labelled("photos", "", digest, 8)
        setup = replace(plain.setup, batch=batch)
        return replace(plain, setup=setup, protocol=replace(plain.protocol, accuracy=labelled))

    executor = Executor(1.0)
    preparation = Preparation(executor, 1.0)
    for digest, batch in (("a", 1), ("a", 2), ("b", 1)):
        assert preparation.ready(with_labels(digest, batch)) is None
    assert executor.kinds.count(JobKind.LABEL) == 2
    folders = {preparation.labelled(with_labels(digest, 1)) for digest in "ab"}
    assert len(folders) == 2
    assert all(folder.is_dir() for folder in folders)
    assert preparation.labelled(cell("mlp")) is None


@pytest.mark.slow
def test_weights_that_change_between_two_runs_are_not_wrong_answers(tmp_path, short):
    (tmp_path / "model.py").write_text(MODEL)
    for number in (1, 2):
        (tmp_path / "weight.txt").write_text(str(number))
        result = api.bench(
            f"{tmp_path / 'model.py'}:make",
            backends="eager",
            protocol=short(),
            store=str(tmp_path / "r.db"),
            allow=True,
        )
        assert result.rows[0].status is Status.OK, result.rows[0].trouble
