"""Where memory is short: a shorter queue, no more processes than fit; a worker that cannot be loaded is left out."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from simulated import Line, simulate
from test_oversight_end import overseer

from stopwatt.bulk import run
from stopwatt.bulk.judging import oversight
from stopwatt.bulk.judging.limits import Limits
from stopwatt.bulk.judging.oversight import Oversight
from stopwatt.bulk.judging.tuning import Climb
from stopwatt.bulk.pipeline import coordinator
from stopwatt.bulk.pipeline import ring as rings
from stopwatt.bulk.pipeline.ring import Ring
from stopwatt.bulk.records import Layout
from stopwatt.errors import EnvironmentUnfit
from stopwatt.serving.contract import Preprocess

SMALL = Preprocess(8, 8)
IMAGE = 8 * 8 * 3
LAYOUT = Layout(2, 1, ("cpu",), 4, 64, 1)


@pytest.fixture
def memory_for(monkeypatch):
    """`(images)`: so many may be held, with as much again for everything else."""
    return lambda images: monkeypatch.setattr(rings, "memory_left", lambda: 2 * images * IMAGE)


def opened(layout, *, may_grow=False):
    ring = Ring(lambda: 1)
    found = ring.open(layout, SMALL, may_grow=may_grow)
    ring.close()
    return found, len(ring)


@pytest.mark.parametrize(
    ("images", "queue", "slots"),
    [(1000, 64, 70), (70, 64, 70), (69, 63, 69), (20, 14, 20), (10, 4, 10), (9, 3, 9), (4, 1, 4)],
)
def test_the_queue_is_as_long_as_there_is_memory_for(memory_for, images, queue, slots):
    memory_for(images)
    assert opened(LAYOUT) == (replace(LAYOUT, queue=queue), slots)


def test_slots_to_grow_into_are_within_memory_too(memory_for):
    memory_for(100)
    assert opened(LAYOUT, may_grow=True) == (LAYOUT, 100)
    memory_for(10_000)
    assert opened(LAYOUT, may_grow=True)[1] == 4 * 70


def test_where_nobody_says_what_is_left_the_queue_stays(monkeypatch):
    monkeypatch.setattr(rings, "memory_left", lambda: None)
    assert opened(LAYOUT) == (LAYOUT, 70)


def test_without_memory_for_a_batch_there_is_no_run(memory_for, photos, bulk):
    memory_for(3)
    with pytest.raises(EnvironmentUnfit, match="there is no memory for a batch of 4 images") as refused:
        bulk(photos(8))
    assert refused.value.when == "4 images of 8x8 take 768 B; half of the 1.12 KiB that are left may be used"
    assert "--batch smaller" in refused.value.now


def test_a_run_with_little_memory_says_so_and_finds_the_same(memory_for, photos, bulk, results):
    data = photos(60, broken={7})
    _, plenty, _ = bulk(data, out="plenty", queue=32)
    memory_for(9)
    record, little, listener = bulk(data, out="little", queue=32)
    assert record.layout.queue == 3
    assert "memory is short: a queue of 3 images in place of 32" in listener.said
    assert results(little) == results(plenty)


def test_no_process_is_added_that_memory_is_too_short_for(monkeypatch):
    line = Line(decode_s=0.1, decoders=1)
    ticks, _ = simulate(line, 600)
    members = {0: SimpleNamespace(child=SimpleNamespace(pid=os.getpid()))}
    stand = SimpleNamespace(decoders=members, lanes={}, layout=line.layout)

    def advised(left):
        monkeypatch.setattr(oversight, "memory_left", lambda: left)
        one = overseer(ticks[:12], 10_000)
        one._asked = replace(one._asked, ceilings=False)
        one._ticker.begin = lambda: None
        one.prepare(stand)
        return one.advise(line.layout, line.layout.queue)

    assert advised(1 << 45).decoders > 1
    assert advised(1 << 20) is None


def test_decoders_and_workers_that_are_added_at_once_share_the_memory():
    both = Limits(8.0, memory_bytes=1000, decoder_bytes=300, worker_bytes=300)
    assert both.room_for(300) == 1
    assert not both.hold(1, 1)
    assert both.hold(1, 0)
    assert Limits(8.0).hold(100, 100)


def test_what_could_not_be_done_is_not_tried_again():
    line = Line(decode_s=0.01, model_s=0.1)
    ticks, _ = simulate(line, 600)
    climb = Climb(line.layout, oversight.NO_CEILINGS, Limits(64.0, slots=line.queue))
    (step,) = climb.look(ticks)
    assert step.layout.workers == 2
    climb.undo(line.layout)
    assert climb.layout == line.layout
    (last,) = climb.look(ticks)
    assert last.layout == line.layout
    assert climb.finished


@pytest.fixture
def second_worker(monkeypatch, tmp_path):
    """One is added in mid-run; the run does not end before it is said that this was in vain."""

    class Adding(Oversight):
        added = False

        def advise(self, layout, longest):
            self.added, before = True, self.added
            return None if before else replace(layout, workers=2, devices=("cpu", "cpu"))

        def say(self, sentence):
            super().say(sentence)
            if "goes on without it" in sentence:
                (tmp_path / "go").touch()

    monkeypatch.setattr(run, "Oversight", Adding)
    monkeypatch.setattr(coordinator, "_LOOK_S", 0.05)
    monkeypatch.setenv("LIGHT_FIRST", str(tmp_path / "first"))
    monkeypatch.setenv("LIGHT_GO", str(tmp_path / "go"))


@pytest.mark.usefixtures("second_worker")
@pytest.mark.parametrize(
    ("model", "why"),
    [("refused_twice", "no memory for a second one"), ("killed_twice", "killed by SIGKILL from outside")],
)
def test_a_further_worker_that_cannot_be_loaded_is_done_without(photos, bulk, results, model, why):
    data = photos(40, marked={5, 37})
    record, folder, listener = bulk(data, model, auto=True)
    assert (record.done, record.layout.workers, record.layout.devices) == (40, 1, ("cpu",)), listener.said
    (said,) = [one for one in listener.said if "goes on without it" in one]
    assert why in said
    _, undisturbed, _ = bulk(data, out="undisturbed")
    assert results(folder) == results(undisturbed)
