"""Bulk runs on a CUDA device: the same answers as on a CPU, shared devices, and processes that a device has spoiled."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from light_run import Unmetered

from stopwatt.bulk import run
from stopwatt.bulk.asked import Asked, Model
from stopwatt.bulk.pipeline.serve import page_locked
from stopwatt.bulk.run import run_bulk

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
MODELS = Path(__file__).with_name("gpu_models.py")


@pytest.fixture
def on_gpu(tmp_path, monkeypatch):
    """`(data, model="classifier", out="out", **changes)`: a run on the GPU; `(record, folder)`."""
    monkeypatch.setattr(run, "Ticker", Unmetered)

    def carry_out(data, model="classifier", out="out", **changes):
        plain = Asked(
            str(data), Model(f"{MODELS}:{model}"), tmp_path / out, decoders=2, batch=4, devices=("cuda",),
            ceilings=False,
        )  # fmt: skip
        asked = replace(plain, **changes)
        return run_bulk(asked), asked.out

    return carry_out


def classes(folder):
    return json.loads((folder / "classes.json").read_text())


def test_a_gpu_answers_as_a_cpu_does(photos, on_gpu):
    data = photos(30, broken={3})
    record, folder = on_gpu(data)
    _, plain = on_gpu(data, out="cpu", devices=("cpu",))
    assert (record.done, record.failed) == (29, {"not-an-image": 1})
    for ours, theirs in zip(classes(folder), classes(plain), strict=True):
        assert ours["image_id"] == theirs["image_id"]
        scores = [one["score"] for one in ours["classes"]]
        assert scores == pytest.approx([one["score"] for one in theirs["classes"]], abs=1e-5)


@pytest.mark.parametrize(
    "layout",
    [{"workers": 2}, {"workers": 1, "devices": ("cuda:0", "cuda:0")}, {"queue": 0, "workers": 2}],
    ids=["two processes", "one process with two models", "no queue"],
)
def test_results_of_one_gpu_do_not_depend_on_the_layout(photos, on_gpu, results, layout):
    data = photos(45)
    _, first = on_gpu(data, out="first")
    _, other = on_gpu(data, out="other", **layout)
    assert results(other) == results(first)


@pytest.mark.parametrize("layout", [{"workers": 2}, {"workers": 1}], ids=["a process each", "one process"])
def test_two_gpus_answer_as_one_does(photos, on_gpu, results, layout):
    import torch

    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU only")
    data = photos(45)
    _, first = on_gpu(data, "unplaced", out="first", devices=("cuda:0",))
    _, other = on_gpu(data, "unplaced", out="other", devices=("cuda:1",))
    record, both = on_gpu(data, "unplaced", out="both", devices=("cuda:0", "cuda:1"), **layout)
    assert results(first) == results(other) == results(both)
    assert record.layout.devices == ("cuda:0", "cuda:1")


@pytest.mark.parametrize(
    ("model", "why"), [("killed", "killed by SIGKILL"), ("asserting", "device-side assert triggered")]
)
def test_a_process_that_an_image_spoils_is_not_used_again(photos, on_gpu, model, why):
    data = photos(24, marked={6, 20})
    record, folder = on_gpu(data, model)
    _, undisturbed = on_gpu(data, out="undisturbed")
    assert (record.done, record.failed) == (22, {"model-failed": 2})
    assert record.restarts >= 2
    failed = [json.loads(text) for text in (folder / "failed.jsonl").read_text().splitlines()]
    assert [one["file_name"] for one in failed] == ["000006.bmp", "000020.bmp"]
    assert all(why in one["why"] for one in failed)
    kept = [row for row in classes(undisturbed) if row["file_name"] not in {one["file_name"] for one in failed}]
    assert classes(folder) == kept


def test_bytes_for_a_gpu_lie_where_it_copies_them_from_by_itself():
    import numpy as np
    import torch

    zeros = np.zeros((2, 4, 4, 3), np.uint8)
    assert torch.from_numpy(page_locked(zeros)).is_pinned()
    assert not torch.from_numpy(zeros).is_pinned()
