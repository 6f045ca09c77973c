"""From data on disk to what a backend quantises with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from stopwatt.datasets.opening import calibration_of as calibration_on
from stopwatt.errors import StopwattError, UsageError
from stopwatt.measuring import calibration, reference
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.drawing import SETS, UNREADABLE, require_known_ids
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.worker import perform
from stopwatt.records import Cell, Precision, Protocol, Setup, Status, Workload
from stopwatt.workloads.base import Built

VALUES = np.arange(20, dtype=np.float32).reshape(5, 4)


@pytest.fixture
def job(tmp_path):
    """Draws for a model that takes `x`, float32 [2, 4], from a file of five samples."""
    np.savez(tmp_path / "data.npz", x=VALUES)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    ones = np.ones((2, 4), np.float32)
    Bundle(((ones,),), ((ones,),), classifier=False, reference="fake", input_names=("x",)).save(bundle)
    wanted = calibration_on(str(tmp_path / "data.npz"))
    setup = Setup("onnxruntime", precision=Precision.INT8, batch=2)
    cell = Cell(Workload("mlp"), setup, Protocol(calibration=wanted))
    return Job(JobKind.CALIBRATE, cell, bundle=str(bundle), calibration=str(tmp_path / "drawn.npz"))


def workload():
    """A workload that draws its inputs."""
    return Built(abs, lambda batch, rng: (rng.normal(size=(batch, 4)).astype(np.float32),), ("x",))


def test_samples_are_drawn_into_a_file_that_a_conversion_reads_by_its_digest(job, tmp_path):
    answer = perform(job)
    assert (answer.status, dict(answer.facts)) == (Status.OK, {SETS: 2, UNREADABLE: 0})
    bundle = Bundle.load(tmp_path / "bundle")
    converting = calibration.calibrated(replace(job, kind=JobKind.CONVERT), tmp_path / "drawn.npz")
    first, second = calibration.calibration_of(converting, bundle, workload())
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), VALUES[:4])


def test_without_data_int8_is_calibrated_on_the_workload_s_own_inputs_but_on_none_that_it_is_judged_on(job, tmp_path):
    bundle = Bundle.load(tmp_path / "bundle")
    plain = calibration.calibrated(replace(job, kind=JobKind.CONVERT, calibration=""), None)
    sets = calibration.calibration_of(plain, bundle, workload())
    assert len(sets) == calibration.SETS
    rules = plain.cell.protocol
    judged = workload().make_inputs(2, np.random.default_rng(rules.seed))
    assert not any(np.array_equal(one[0], judged[0]) for one in sets)
    few = replace(plain, cell=replace(plain.cell, protocol=replace(rules, input_sets=2)))
    for one, other in zip(sets, calibration.calibration_of(few, bundle, workload()), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


def test_what_quantises_nothing_gets_the_measured_inputs(job, tmp_path):
    bundle = Bundle.load(tmp_path / "bundle")
    setup = replace(job.cell.setup, precision=Precision.FP32)
    plain = replace(job, kind=JobKind.CONVERT, calibration="", cell=replace(job.cell, setup=setup))
    assert calibration.calibration_of(plain, bundle, workload()) is bundle.inputs


def test_a_file_that_was_exchanged_is_not_used(job, tmp_path):
    perform(job)
    converting = calibration.calibrated(job, tmp_path / "drawn.npz")
    calibration.save(tmp_path / "drawn.npz", [(VALUES[:2] * 2,)])
    with pytest.raises(StopwattError, match="not those that were drawn"):
        calibration.calibration_of(converting, Bundle.load(tmp_path / "bundle"), workload())


def test_data_that_changed_since_they_were_named_are_refused(job, tmp_path):
    np.savez(tmp_path / "data.npz", x=VALUES + 1)
    answer = perform(job)
    assert answer.status is Status.FAILED
    assert "have changed" in answer.trouble.what
    assert not (tmp_path / "drawn.npz").exists()


def test_data_of_another_shape_are_refused_in_three_parts(job, tmp_path):
    np.savez(tmp_path / "data.npz", x=VALUES[:, :3])
    wanted = calibration_on(str(tmp_path / "data.npz"))
    answer = perform(replace(job, cell=replace(job.cell, protocol=Protocol(calibration=wanted))))
    assert answer.trouble.what == "a sample is of shape 3, the model takes 4"
    assert answer.trouble.when.startswith("sample 0 of x in file")
    assert "pad or cut" in answer.trouble.now


@pytest.mark.parametrize(("ids", "named"), [([0, 7, 8], "8"), ([-1, 3, 3], "-1")])
def test_an_id_outside_the_vocabulary_is_named_with_its_range(ids, named):
    import torch

    module = torch.nn.Sequential(torch.nn.Embedding(8, 2), torch.nn.Linear(2, 1))
    built = Built(module, lambda *_: (), ("ids",), module=module)
    known = (np.array([[0, 7, 3]]),)
    require_known_ids(built, [known])
    with pytest.raises(UsageError, match=f"the id {named} is outside the vocabulary, which is 0 to 7"):
        require_known_ids(built, [known, (np.array([ids]),)])
    require_known_ids(built, [known])  # nothing stays behind in the module


def test_what_cannot_be_looked_into_is_left_to_its_runtime():
    require_known_ids(Built(lambda ids: ids, lambda *_: (), ("ids",)), [(np.array([[10**9]]),)])


def test_more_than_memory_holds_is_refused_before_it_is_read(job, monkeypatch):
    monkeypatch.setattr(reference, "read_facts", lambda: SimpleNamespace(values={"memory.available": 100.0}))
    answer = perform(job)
    assert answer.status is Status.OUT_OF_MEMORY
    assert "2 input sets of batch 2 take 64.0 B" in answer.trouble.what
