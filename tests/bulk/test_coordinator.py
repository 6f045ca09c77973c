"""The coordinator with real processes: layouts that change in mid-run, processes that cannot live, nothing left."""

import json
from dataclasses import replace

import pytest

from stopwatt.bulk import run
from stopwatt.bulk.judging.oversight import Oversight
from stopwatt.bulk.pipeline import coordinator, staff
from stopwatt.bulk.pipeline.coordinator import Coordinator
from stopwatt.bulk.pipeline.job import lanes_of
from stopwatt.bulk.records import Layout
from stopwatt.errors import StopwattError


@pytest.fixture
def seen(monkeypatch):
    """The coordinators of all runs."""
    made = []

    class Kept(Coordinator):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(run, "Coordinator", Kept)
    return made


@pytest.mark.parametrize(
    ("devices", "workers", "lanes"),
    [
        (("cpu",), 1, [("cpu",)]),
        (("cuda:0", "cuda:1"), 2, [("cuda:0",), ("cuda:1",)]),
        (("cuda:0", "cuda:1"), 1, [("cuda:0", "cuda:1")]),
        (("cuda:0", "cuda:1"), 4, [("cuda:0",), ("cuda:1",), ("cuda:0",), ("cuda:1",)]),
        (("cuda:0", "cuda:1", "cuda:2", "cuda:3"), 2, [("cuda:0", "cuda:2"), ("cuda:1", "cuda:3")]),
    ],
)
def test_devices_are_shared_out_in_turn(devices, workers, lanes):
    assert lanes_of(Layout(1, workers, devices, 8, 8, 1)) == lanes


def test_layouts_that_change_in_mid_run_change_no_result(photos, bulk, results, monkeypatch, seen):
    data = photos(400)
    _, plain, _ = bulk(data, out="plain")
    changes = [
        {"decoders": 3, "workers": 2, "devices": ("cpu", "cpu")},
        {"decoders": 1, "queue": 40},
        {"decoders": 2, "workers": 1, "devices": ("cpu",)},
    ]

    class Restless(Oversight):
        def advise(self, layout, longest):
            assert layout.queue <= longest
            return replace(layout, **changes.pop(0)) if changes else None

    monkeypatch.setattr(run, "Oversight", Restless)
    monkeypatch.setattr(coordinator, "_LOOK_S", 0.05)
    record, changed, listener = bulk(data, out="changed", auto=True, queue=16, batch=2)
    assert changes == [], "the run was over before all layouts were tried"
    assert (record.done, record.restarts) == (400, 0), listener.said
    assert json.loads((changed / "classes.json").read_text()) == json.loads((plain / "classes.json").read_text())
    assert (record.layout.decoders, record.layout.workers, record.layout.queue) == (2, 1, 40)


def test_nothing_is_kept_of_images_that_are_done(photos, bulk, seen):
    bulk(photos(60, broken={3, 30}), workers=2)
    (one,) = seen
    assert not one._flow._placements
    assert not one._flow.schedule._groups
    assert len(one._flow.schedule._free) == len(one._ring)


def test_an_image_that_kills_its_decoder_costs_itself_only(photos, bulk, monkeypatch):
    monkeypatch.setattr(staff, "DECODER", "light_decoder")
    monkeypatch.setenv("LIGHT_KILLERS", "5,17")
    record, folder, _ = bulk(photos(20))
    assert (record.done, record.failed) == (18, {"killed-the-decoder": 2})
    failed = [json.loads(line) for line in (folder / "failed.jsonl").read_text().splitlines()]
    assert [one["file_name"] for one in failed] == ["000005.bmp", "000017.bmp"]
    assert all("SIGSEGV" in one["why"] for one in failed)


def test_a_process_whose_device_an_image_has_spoiled_is_not_used_again(photos, bulk):
    record, folder, _ = bulk(photos(20, marked={5}), "spoiling")
    assert (record.done, record.failed) == (19, {"model-failed": 1})
    assert record.restarts >= 1
    (line,) = (folder / "failed.jsonl").read_text().splitlines()
    assert json.loads(line)["why"].endswith("RuntimeError: CUDA error: device-side assert triggered")


def test_a_model_that_kills_its_process_while_it_is_loaded_ends_the_run(photos, bulk):
    with pytest.raises(StopwattError, match="3 processes died while the model was loaded") as caught:
        bulk(photos(4), "killed_at_once")
    assert "SIGKILL" in caught.value.when


def test_decoders_that_cannot_start_end_the_run(photos, bulk, monkeypatch, tmp_path):
    monkeypatch.setattr(staff, "DECODER", "no_such_module")
    with pytest.raises(StopwattError, match="2 processes died without any image done") as caught:
        bulk(photos(4))
    assert "No module named no_such_module" in caught.value.when
    assert not (tmp_path / "out" / "journal.jsonl").read_bytes().count(b"killed-the-decoder")


def test_what_was_done_before_is_counted_and_not_done_again(photos, bulk, asking, seen):
    data = photos(30, broken={7})
    _, folder, _ = bulk(data)
    journal = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(journal[:12]))
    record, _, _ = bulk(data)
    assert (record.resumed, record.done, record.failed) == (11, 29, {"not-an-image": 1})
    assert seen[-1].done + seen[-1].failed == 19
