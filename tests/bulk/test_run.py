"""Bulk runs with real processes: the same results however they are laid out, and a reason for whatever has none."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from stopwatt.bulk.asked import Asked, Model, check
from stopwatt.bulk.keeping.folder import contract_of
from stopwatt.bulk.run import run_bulk
from stopwatt.errors import EnvironmentUnfit, StopwattError, UsageError
from stopwatt.serving.contract import Task
from stopwatt.serving.pixels import normalised


def test_every_image_has_a_result_or_a_reason(photos, bulk):
    record, folder, _ = bulk(photos(30, broken={3, 17}))
    assert (record.images, record.done, record.failed) == (30, 28, {"not-an-image": 2})
    rows = json.loads((folder / "classes.json").read_text())
    assert [row["image_id"] for row in rows] == [n + 1 for n in range(30) if n not in {3, 17}]
    failed = [json.loads(line) for line in (folder / "failed.jsonl").read_text().splitlines()]
    assert [(one["file_name"], one["trouble"]) for one in failed] == [
        ("000003.bmp", "not-an-image"),
        ("000017.bmp", "not-an-image"),
    ]


@pytest.mark.parametrize(
    "layout",
    [
        {"workers": 3, "decoders": 1},
        {"workers": 1, "devices": ("cpu", "cpu"), "decoders": 3},
        {"queue": 0, "workers": 2},
        {"queue": 1},
    ],
    ids=["three workers", "one worker with two models", "no queue", "the shortest queue"],
)
def test_results_do_not_depend_on_the_layout(photos, bulk, results, layout):
    data = photos(45, broken={9})
    _, first, _ = bulk(data, "detector", out="first", per_image=True)
    _, other, _ = bulk(data, "detector", out="other", per_image=True, **layout)
    assert results(other) == results(first)


def test_results_of_other_batches_agree(photos, bulk):
    data = photos(20)
    boxes = []
    for batch in (1, 7):
        _, folder, _ = bulk(data, "detector", out=f"batch{batch}", batch=batch)
        boxes.append(json.loads((folder / "detections.json").read_text()))
    assert len(boxes[0]) == len(boxes[1]) > 0
    for one, other in zip(*boxes, strict=True):
        assert one["image_id"] == other["image_id"]
        assert one["bbox"] == pytest.approx(other["bbox"], abs=2e-3)
        assert one["score"] == pytest.approx(other["score"], abs=2e-6)


def test_vectors_are_those_that_the_model_computes(photos, bulk, light):
    data = photos(10)
    _, folder, _ = bulk(data, "embedder")
    table = pq.read_table(folder / "embeddings.parquet")
    spec = importlib.util.spec_from_file_location("light_models", light("embedder").source.rpartition(":")[0])
    models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(models)
    call, _, contract = models.embedder()
    pixels = np.stack([np.asarray(Image.open(path)) for path in sorted(data.iterdir())])
    expected = call(normalised(pixels, contract.preprocess))
    assert np.allclose(np.stack(table["embedding"].to_numpy()), expected, rtol=1e-5)
    assert table["file_name"].to_pylist() == [f"{n:06d}.bmp" for n in range(10)]


def test_raw_outputs_of_any_model_are_kept_as_they_are(photos, bulk):
    _, folder, _ = bulk(photos(9), "detector", task=Task.RAW)
    table = pq.read_table(folder / "raw.parquet")
    assert table["output_0_shape"].to_pylist() == [[6, 4]] * 9
    assert table["output_1_dtype"].to_pylist() == ["float32"] * 9
    scores = np.frombuffer(table["output_1"][0].as_py(), np.float32)
    assert ((scores > 0) & (scores < 1)).all()
    assert contract_of(folder).task is Task.RAW


def test_a_task_that_the_outputs_cannot_serve_is_refused(photos, bulk):
    with pytest.raises(StopwattError, match="the task detect cannot be read from logits"):
        bulk(photos(4), "classifier", task=Task.DETECT)


@pytest.mark.parametrize(
    ("model", "trouble", "why"),
    [
        ("raising", "model-failed", "ValueError: a marked image"),
        ("infinite", "wrong-outputs", "logits hold NaN or infinities"),
        ("killed", "model-failed", "the model's process died of it: killed by SIGKILL from outside"),
    ],
)
def test_an_image_that_the_model_cannot_take_costs_itself_only(photos, bulk, model, trouble, why):
    data = photos(24, marked={6, 20})
    record, folder, _ = bulk(data, model)
    assert (record.done, record.failed) == (22, {trouble: 2})
    failed = [json.loads(line) for line in (folder / "failed.jsonl").read_text().splitlines()]
    assert [(one["file_name"], one["why"]) for one in failed] == [("000006.bmp", why), ("000020.bmp", why)]


def test_outputs_that_are_not_what_the_contract_says_end_the_run_early(photos, bulk):
    with pytest.raises(StopwattError, match="the model failed on all of the first 6") as caught:
        bulk(photos(200), "wrong")
    assert caught.value.when == "logits are of shape [1, 2, 2], not of 2 dimensions"


def test_a_model_that_cannot_be_loaded_ends_the_run_with_its_reason(photos, bulk):
    with pytest.raises(StopwattError, match="ValueError: no weights"):
        bulk(photos(8), "unloadable")


def test_a_worker_that_hangs_is_ended_and_its_images_go_to_another(photos, bulk, results, tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHT_HANG", str(tmp_path / "hung"))
    data = photos(16, marked={5})
    record, folder, listener = bulk(data, "hanging", timeout_s=2.0)
    assert (record.done, record.restarts) == (16, 1)
    assert any("gave no answer for 2 s" in sentence for sentence in listener.said)
    _, undisturbed, _ = bulk(data, "classifier", out="undisturbed")
    assert results(folder)["classes.json"] == results(undisturbed)["classes.json"]


def test_results_of_another_run_are_neither_mixed_nor_deleted(photos, bulk, results):
    _, folder, _ = bulk(photos(5))
    before = results(folder)
    with pytest.raises(UsageError, match="another run's results are here: data differs"):
        bulk(photos(6, folder="others"))
    with pytest.raises(UsageError, match="another run's results are here: model differs"):
        bulk(folder.parent / "photos", "embedder")
    assert results(folder) == before


def test_fresh_deletes_results_and_nothing_else(photos, bulk):
    _, folder, _ = bulk(photos(5), per_image=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "per-image" / "mine.txt").write_text("mine")
    record, _, _ = bulk(photos(6, folder="others"), "embedder", fresh=True)
    assert record.done == 6
    assert not (folder / "classes.json").exists()
    assert (folder / "notes.txt").read_text() == (folder / "per-image" / "mine.txt").read_text() == "mine"


def test_a_model_that_is_not_there_costs_no_results_and_makes_no_folder(photos, bulk, asking, results):
    data = photos(5)
    _, folder, _ = bulk(data)
    before = results(folder)
    for out in (folder, folder.parent / "new"):
        with pytest.raises(UsageError, match="no such pack"):
            run_bulk(replace(asking(data, out=out, fresh=True), model=Model("nowhere.swpack")))
    assert results(folder) == before
    assert not (folder.parent / "new").exists()


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_file_where_the_folder_of_the_results_should_be_is_said(photos, bulk, tmp_path, place):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(UsageError, match="the results need a folder; this is a file"):
        bulk(photos(3), out=tmp_path / place)
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"workers": -1}, "--workers -1"),
        ({"batch": 5000}, "--batch 5000"),
        ({"queue": -2}, "--queue -2"),
        ({"limit": -3}, "--limit -3"),
        ({"model": Model("classifier", seed=-4)}, "--seed -4"),
        ({"timeout_s": 0.0}, "--timeout 0"),
        ({"devices": ()}, "no device is named"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(tmp_path, change, what):
    with pytest.raises(UsageError, match=what):
        check(replace(Asked("photos", Model("classifier"), tmp_path), **change))


def test_results_that_cannot_be_deleted_are_named(photos, bulk):
    data = photos(5)
    _, folder, _ = bulk(data)
    (folder / "classes.json").unlink()
    (folder / "classes.json").mkdir()
    with pytest.raises(EnvironmentUnfit, match="earlier run's results cannot be deleted") as caught:
        bulk(data, fresh=True)
    assert caught.value.when == str(folder / "classes.json")


def test_results_without_a_journal_are_left_alone(photos, bulk, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "detections.json").write_text("[]")
    with pytest.raises(UsageError, match=r"no journal that says whose they are: detections\.json"):
        bulk(photos(3))


def test_drafts_of_a_killed_run_are_tidied_away(photos, bulk, tmp_path):
    _, folder, _ = bulk(photos(5))
    (folder / ".stopwatt-0123456789abcdef.tmp").write_text("half a file")
    bulk(tmp_path / "photos")
    assert not list(folder.glob(".stopwatt-*"))


def test_a_complete_run_is_complete_without_starting_anything(photos, bulk, results, monkeypatch):
    _, folder, _ = bulk(photos(7))
    before = results(folder)
    (folder / "classes.json").unlink()
    monkeypatch.setenv("PYTHONPATH", "/nowhere")  # a worker would not start
    record, _, _ = bulk(folder.parent / "photos")
    assert (record.done, record.resumed, record.images_per_s) == (7, 7, None)
    assert results(folder) == before
