"""A run that is interrupted, or finds its disk full, leaves a journal to go on with, and no process."""

import json
import os
import resource
import signal

import psutil
import pytest
from test_kill import lines_of, numbers_in, start, wait_until  # noqa: F401  (a fixture)

from stopwatt.bulk.keeping import writer
from stopwatt.bulk.keeping.lines import is_whole
from stopwatt.errors import StoreError


@pytest.fixture
def held(photos, monkeypatch, tmp_path):
    """Images of which one holds the model up until the file `go` is there."""
    monkeypatch.setenv("LIGHT_GO", str(tmp_path / "go"))
    return photos(60, marked={41}, broken={3})


def children_of(process):
    return psutil.Process(process.pid).children(recursive=True)


def told(process, what):
    """Wait until a person is told."""
    for line in process.stderr:
        if what in line:
            return
    raise AssertionError("it ended without a word of that")


def gone(children):
    _, alive = psutil.wait_procs(children, timeout=30)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def mapped_memory():
    return {name for name in os.listdir("/dev/shm") if "stopwatt" in name}  # noqa: PTH208


def test_the_first_interrupt_waits_for_what_models_have(start, held, tmp_path):  # noqa: F811
    out = tmp_path / "out"
    process = start(held, out, "patient", batch=4)
    wait_until((tmp_path / "go.waited-for").exists)
    children = children_of(process)
    process.send_signal(signal.SIGINT)
    told(process, "stopping: what models have is finished first; a second Ctrl-C leaves at once")
    assert process.poll() is None
    (tmp_path / "go").touch()
    assert process.wait(60) == 130
    assert gone(children)
    assert 41 in numbers_in(out / "journal.jsonl")


def test_the_second_interrupt_leaves_at_once(start, held, tmp_path):  # noqa: F811
    out, before = tmp_path / "out", mapped_memory()
    process = start(held, out, "patient", batch=4)
    wait_until((tmp_path / "go.waited-for").exists)
    children = children_of(process)
    assert len(children) >= 3
    process.send_signal(signal.SIGINT)
    told(process, "stopping")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert not (tmp_path / "go").exists(), "the model never answered"
    assert gone(children)
    assert mapped_memory() == before
    lines = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert all(is_whole(line) for line in lines)
    assert 41 not in numbers_in(out / "journal.jsonl")
    (tmp_path / "go").touch()
    assert start(held, out, "patient", batch=4).wait(60) == 3
    assert numbers_in(out / "journal.jsonl") == dict.fromkeys(range(60), 1)


def test_processes_that_do_nothing_but_wait_end_with_a_coordinator_that_is_killed(start, held, tmp_path):  # noqa: F811
    process = start(held, tmp_path / "out", "patient", batch=4)
    wait_until((tmp_path / "go.waited-for").exists)
    children = children_of(process)
    process.kill()
    process.wait()
    assert gone(children), "also the worker whose model never answers"


def test_a_run_whose_disk_becomes_full_goes_on_when_there_is_room(start, many, results, tmp_path):  # noqa: F811
    data, out = many(3000), tmp_path / "out"
    process = start(data, out, batch=2)
    wait_until(lambda: lines_of(out / "journal.jsonl") > 20)
    children = children_of(process)
    room = (out / "journal.jsonl").stat().st_size + 1000
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, room))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "the journal cannot be written: File too large" in said
    assert "give the same command again: the run goes on where it stopped" in said
    assert gone(children)
    journal = (out / "journal.jsonl").read_bytes().splitlines(keepends=True)
    assert all(is_whole(line) for line in journal)
    assert len(journal) > 20
    assert start(data, out, batch=2).wait(60) == 3
    assert start(data, tmp_path / "whole", batch=2).wait(60) == 3
    assert results(out) == results(tmp_path / "whole")


def test_where_there_is_no_room_for_the_results_all_images_are_done_all_the_same(photos, bulk, monkeypatch):
    data = photos(20)

    def full(*_, **__):
        raise StoreError("the file cannot be written: No space left on device", when="classes.json", now="free some")

    with monkeypatch.context() as disk:
        disk.setattr(writer, "write_results", full)
        with pytest.raises(StoreError, match="No space left on device") as caught:
            bulk(data)
    assert "all images are done, only files are written" in caught.value.now
    monkeypatch.setenv("PYTHONPATH", "/nowhere")  # no process of the run would start
    record, folder, _ = bulk(data)
    assert (record.done, record.resumed) == (20, 20)
    assert len(json.loads((folder / "classes.json").read_text())) == 20
