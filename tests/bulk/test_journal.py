"""The journal: what is in it is true, whatever was torn, full or damaged."""

import errno
import json
import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopwatt.bulk.keeping import journal as module
from stopwatt.bulk.keeping.journal import DONE, FAILED, NAME, NOT_DONE, Identity, Journal
from stopwatt.bulk.keeping.lines import is_whole, line, outcome
from stopwatt.bulk.keeping.recorder import Recorder
from stopwatt.errors import StoreError, UsageError
from stopwatt.images.item import Failed, Item, Trouble
from stopwatt.serving.contract import Detection, Found, Placement

RUN = Identity({"model": "m", "data": "d"}, {"batch": 8})
PLACE = Placement(640, 480)
finite = st.floats(allow_nan=False, allow_infinity=False)
detections = st.builds(Detection, finite, finite, finite, finite, finite, st.integers(0, 1000))
arrays = st.tuples(st.just("uint8"), st.just((3,)), st.binary(min_size=3, max_size=3))
results = st.one_of(
    st.builds(Found, detections=st.lists(detections, max_size=3).map(tuple)),
    st.builds(Found, classes=st.lists(st.tuples(st.integers(0, 999), finite), min_size=1, max_size=3).map(tuple)),
    st.builds(Found, arrays=st.lists(arrays, min_size=1, max_size=2).map(tuple)),
    st.builds(Failed, st.sampled_from(list(Trouble)), st.text()),
)


def item(number):
    return Item(number, f"{number}.jpg", f"/data/{number}.jpg", number + 1)


def found(number):
    return line(number, PLACE, Found(classes=((number % 7, 0.5),)))


@given(st.integers(0, 10**7), st.one_of(st.none(), st.builds(Placement, st.integers(1, 9), st.integers(1, 9))), results)
def test_an_outcome_comes_back_as_it_was(number, placement, result):
    text = line(number, placement, result)
    assert is_whole(text)
    assert text.count(b"\n") == 1
    again = outcome(json.loads(text), item(number))
    assert (again.placement, again.found or again.failed) == (placement, result)


@given(results, st.data())
def test_a_changed_byte_is_noticed(result, data):
    text = line(3, PLACE, result)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = bytearray(text)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert not is_whole(bytes(changed))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400))
def test_whatever_is_torn_off_the_end_is_done_again(tmp_path, torn):
    path = tmp_path / NAME
    path.unlink(missing_ok=True)
    with Journal.open(tmp_path, RUN, 10) as begun:
        begun.append(b"".join(found(number) for number in range(6)))
    header = path.read_bytes().index(b"\n") + 1
    whole = path.read_bytes()[: max(header, path.stat().st_size - torn)]
    path.write_bytes(whole)
    with Journal.open(tmp_path, RUN, 10) as again:
        known = whole[header:].count(b"\n")
        assert again.done == bytes([DONE] * known + [NOT_DONE] * (10 - known))
        again.append(b"".join(found(number) for number in range(known, 10)))
    with Journal.open(tmp_path, RUN, 10) as complete:
        assert complete.done == bytes([DONE] * 10)
        assert complete.damaged == 0
        assert [number for number, _ in complete.entries()] == list(range(10))


def test_a_damaged_line_in_the_middle_counts_for_nothing(tmp_path):
    with Journal.open(tmp_path, RUN, 4) as begun:
        begun.append(b"".join(found(number) for number in range(4)))
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"0.5", b"0.6")
    (tmp_path / NAME).write_bytes(b"".join(lines))
    with Journal.open(tmp_path, RUN, 4) as again:
        assert again.done == bytes([DONE, NOT_DONE, DONE, DONE])
        assert again.damaged == 1
        assert [number for number, _ in again.entries()] == [0, 2, 3]


def test_of_two_lines_for_an_image_the_later_counts(tmp_path):
    with Journal.open(tmp_path, RUN, 2) as begun:
        begun.append(line(1, None, Failed(Trouble.MISSING, "not there")) + found(1))
        assert [entry.get("failed") for _, entry in begun.entries()] == [None]


def test_failures_are_known_as_such(tmp_path):
    with Journal.open(tmp_path, RUN, 2) as begun:
        begun.append(found(0) + line(1, PLACE, Failed(Trouble.WRONG_OUTPUTS, "nan")))
    with Journal.open(tmp_path, RUN, 2) as again:
        assert again.done == bytes([DONE, FAILED])


@pytest.mark.parametrize("part", ["model", "data"])
def test_another_run_is_refused_and_named(tmp_path, part):
    with Journal.open(tmp_path, RUN, 2) as begun:
        begun.append(found(0))
    before = (tmp_path / NAME).read_bytes()
    other = replace(RUN, parts={**RUN.parts, part: "another"})
    with pytest.raises(UsageError, match=f"another run's results are here: {part} differs"):
        Journal.open(tmp_path, other, 2)
    assert (tmp_path / NAME).read_bytes() == before


@pytest.mark.parametrize("model", ["n", "a model with a long name" * 20])
def test_a_run_that_did_nothing_leaves_its_place_to_another(tmp_path, model):
    Journal.open(tmp_path, RUN, 2).close()
    other = Identity({**RUN.parts, "model": model}, {"batch": 3})
    with Journal.open(tmp_path, other, 2) as begun:
        assert begun.settings == {"batch": 3}
        begun.append(found(0))
    with Journal.open(tmp_path, other, 2) as again:
        assert (again.done, again.settings) == (bytes([DONE, NOT_DONE]), {"batch": 3})
    with pytest.raises(UsageError, match="another run's results"):
        Journal.open(tmp_path, RUN, 2)


def test_settings_may_differ_and_those_of_the_beginning_stay(tmp_path):
    Journal.open(tmp_path, RUN, 2).close()
    with Journal.open(tmp_path, replace(RUN, settings={"batch": 1}), 2) as again:
        assert again.settings == {"batch": 8}


@pytest.mark.parametrize("content", [b"", b"hello\n", b'{"a": 1}\n', b"\0" * 100])
def test_what_is_no_journal_is_left_alone(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(StoreError, match="this is no journal"):
        Journal.open(tmp_path, RUN, 2)
    assert (tmp_path / NAME).read_bytes() == content


def test_a_journal_of_a_later_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FORMAT", 2)
    Journal.open(tmp_path, RUN, 2).close()
    monkeypatch.undo()
    with pytest.raises(StoreError, match="format 2; this stopwatt reads 1"):
        Journal.open(tmp_path, RUN, 2)


def test_only_one_process_writes(tmp_path):
    with Journal.open(tmp_path, RUN, 2), pytest.raises(UsageError, match="another process is writing results here"):
        Journal.open(tmp_path, RUN, 2)


def test_the_lock_goes_with_the_journal(tmp_path):
    first = Journal.open(tmp_path, RUN, 2)
    first.append(found(0))
    first.close()
    with Journal.open(tmp_path, RUN, 2) as second:
        assert sum(map(bool, second.done)) == 1


@pytest.mark.parametrize("room", range(0, 300, 23))
def test_a_full_disk_leaves_whole_lines_only(tmp_path, monkeypatch, room):
    begun = Journal.open(tmp_path, RUN, 8)
    begun.append(found(0))
    write, left = os.write, [room]

    def full(descriptor, data):
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(descriptor, data[: left[0]])
        left[0] -= written
        return written

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(StoreError, match="the journal cannot be written: No space left on device") as caught:
        begun.append(b"".join(found(number) for number in range(1, 8)))
    assert "goes on where it stopped" in caught.value.now
    monkeypatch.undo()
    begun.close()
    with Journal.open(tmp_path, RUN, 8) as again:
        assert again.done == bytes([DONE] + [NOT_DONE] * 7)
        again.append(found(1))
    assert all(is_whole(text) for text in (tmp_path / NAME).read_bytes().splitlines(keepends=True))


def test_a_recorder_writes_everything_in_order(tmp_path):
    with Journal.open(tmp_path, RUN, 500) as begun:
        with Recorder(begun, write_every_s=0.001) as recorder:
            for number in range(500):
                recorder.put([found(number)])
        assert recorder.unwritten == 0
        assert [number for number, _ in begun.entries()] == list(range(500))


def test_a_recorder_hands_on_what_went_wrong(tmp_path, monkeypatch):
    with Journal.open(tmp_path, RUN, 5) as begun:
        monkeypatch.setattr(begun, "append", _refuse)
        recorder = Recorder(begun, write_every_s=0.001)
        recorder.put([found(0)])
        with pytest.raises(StoreError, match="full"):
            recorder.flush()


def test_a_recorder_holds_back_whoever_is_too_quick(tmp_path, monkeypatch):
    monkeypatch.setattr("stopwatt.bulk.keeping.recorder.MOST_BYTES", 1000)
    with Journal.open(tmp_path, RUN, 1) as begun, Recorder(begun, write_every_s=0.001) as recorder:
        for _ in range(200):
            recorder.put([found(0)])
            assert recorder.unwritten <= 1000 / len(found(0)) + 1


def _refuse(_lines):
    raise StoreError("the disk is full")
