import os
from dataclasses import replace

import pytest

from stopwatt.errors import EnvironmentUnfit
from stopwatt.records import Calibration, Cell, Precision, Protocol, Setup, Workload
from stopwatt.sweeping import cache

CELL = Cell(Workload("mlp", {"hidden": 8}), Setup(backend="onnxruntime", batch=2, threads=1), Protocol(), code="a")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STOPWATT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_setups_of_one_function_share_their_inputs_and_reference(folder):
    other = replace(CELL, setup=replace(CELL.setup, backend="openvino", precision=Precision.INT8))
    assert cache.bundle_folder(CELL) == cache.bundle_folder(other)


@pytest.mark.parametrize(
    "other",
    [
        replace(CELL, code="b"),
        replace(CELL, setup=replace(CELL.setup, batch=3)),
        replace(CELL, workload=Workload("mlp", {"hidden": 9})),
        replace(CELL, protocol=Protocol(seed=1)),
    ],
)
def test_another_function_or_other_inputs_have_their_own(folder, other):
    assert cache.bundle_folder(CELL) != cache.bundle_folder(other)
    assert cache.artifact_folder(CELL) != cache.artifact_folder(other)


def test_threads_do_not_change_a_converted_model_but_versions_do(folder):
    assert cache.artifact_folder(CELL) == cache.artifact_folder(replace(CELL, setup=replace(CELL.setup, threads=2)))
    assert cache.artifact_folder(CELL) != cache.artifact_folder(replace(CELL, software={"onnxruntime": "2"}))


def test_a_folder_appears_whole_or_not_at_all(folder):
    target = folder / "artifacts" / "x"
    with cache.draft_of(target) as draft:
        (draft / "half").write_text("")
    assert list(target.parent.iterdir()) == []
    with cache.draft_of(target) as draft:
        (draft / "whole").write_text("")
        cache.publish(draft, target)
    assert [file.name for file in target.iterdir()] == ["whole"]
    assert [entry.name for entry in target.parent.iterdir()] == ["x"]


def test_who_comes_second_finds_the_folder_of_the_first(folder):
    target = folder / "artifacts" / "x"
    for content in ("first", "second"):
        with cache.draft_of(target) as draft:
            (draft / content).write_text("")
            cache.publish(draft, target)
    assert [file.name for file in target.iterdir()] == ["first"]


def test_a_folder_open_to_others_is_refused_with_the_remedy(folder):
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(EnvironmentUnfit, match="open to others") as caught:
        cache.root()
    assert "chmod 700" in caught.value.now


def test_a_cache_made_here_is_closed_to_others(folder):
    assert cache.root().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["artifacts", "labelled"])
def test_pruning_keeps_what_was_used_last(folder, kind):
    for age, name in enumerate(["new", "old"]):
        with cache.draft_of(folder / kind / name) as draft:
            (draft / "data").write_bytes(b"x" * 1000)
            cache.publish(draft, folder / kind / name)
        os.utime(folder / kind / name, (1e9 - age, 1e9 - age))
    cache.prune(keep_bytes=1500)
    assert [entry.name for entry in (folder / kind).iterdir()] == ["new"]


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/full"])
def test_a_cache_that_cannot_be_made_is_named_with_the_remedy(monkeypatch, place):
    monkeypatch.setenv("STOPWATT_CACHE", place)
    with pytest.raises(EnvironmentUnfit, match="cannot be used") as caught:
        cache.root()
    assert caught.value.when == place
    assert "STOPWATT_CACHE" in caught.value.now


def test_a_draft_that_cannot_be_made_is_named_with_the_remedy(folder):
    cache.root().joinpath("bundles").write_text("a file where a folder should be")
    with pytest.raises(EnvironmentUnfit, match="cannot be used"), cache.draft_of(folder / "bundles" / "x"):
        pass


def test_pruning_survives_a_draft_that_another_process_publishes_meanwhile(folder, monkeypatch):
    (cache.root() / "bundles").mkdir()
    with cache.draft_of(cache.root() / "artifacts" / "old") as draft:
        (draft / "data").write_bytes(b"x")
        cache.publish(draft, cache.root() / "artifacts" / "old")
    found = {"bundles": [".draft-gone"], "artifacts": ["old"], "calibrations": [], "labelled": [], "packs": []}
    monkeypatch.setattr(type(folder), "glob", lambda self, _: iter([self / name for name in found[self.name]]))
    cache.prune(keep_bytes=0)
    assert not (folder / "artifacts" / "old").exists(), "what is there is pruned all the same"


def test_a_model_that_was_calibrated_on_other_data_is_another_one(folder):
    def int8(digest, **said):
        data = Calibration(digest=digest, samples=8, **{"data": "photos", **said})
        setup = replace(CELL.setup, precision=Precision.INT8)
        return replace(CELL, setup=setup, protocol=Protocol(calibration=data))

    own = replace(int8("a"), protocol=Protocol())
    folders = [cache.artifact_folder(cell) for cell in (own, int8("a"), int8("b"))]
    assert len(set(folders)) == 3
    assert cache.artifact_folder(int8("a", data="moved")) == folders[1]
    fp32 = replace(CELL, protocol=int8("a").protocol)
    assert cache.artifact_folder(fp32) == cache.artifact_folder(CELL)
