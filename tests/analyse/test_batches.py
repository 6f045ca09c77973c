"""What a batch brings each setup: from rows to knees, most samples/s, least energy and memory limits."""

import numpy as np
import pytest

from stopwatt.analyse.batches import LATENCY, batch_lines_of, batch_lines_of_rows
from stopwatt.analyse.batches_document import batches_document
from stopwatt.analyse.grid import arrange
from stopwatt.analyse.summary import summarise
from stopwatt.records import Measured, Samples, Status, Trouble
from stopwatt.stats.saturation import Course
from stopwatt.sweeping.toolarge import NOT_TRIED

MIB = 2.0**20
FACTS = {"memory.total": 8 * 1024 * MIB}
BATCHES = (1, 2, 4, 8, 16, 32, 64)
NO_ROOM = Trouble("out of memory: tried to allocate 2.10 GiB")
SKIPPED = Trouble(f"{NOT_TRIED}batch 32 did not fit into memory")


@pytest.fixture
def line(measurement):
    """Rounds of one setup over batch, its samples/s those of a call with a fixed cost worth `half` samples."""

    def make(half=2.0, batches=BATCHES, *, rounds=3, throughput=True, endings=None, memory=40 * MIB, **setup):
        found = []
        for batch in batches:
            if batch in (endings or {}):
                status, trouble = endings[batch]
                found.append(measurement(batch=batch, status=status, trouble=trouble, **setup))
                continue
            for number in range(rounds):
                dice = np.random.default_rng([batch, number])
                seconds = (half + batch) / 1000 * dice.lognormal(0, 0.003)
                samples = {"throughput": Samples(1.5 * batch / seconds * np.ones(3), "samples/s")} if throughput else {}
                readings = {"host_memory": Measured(300 * MIB + memory * batch, "B")}
                found.append(
                    measurement(
                        number, np.full(30, seconds * 1e9), batch=batch, samples=samples, readings=readings, **setup
                    )
                )
        return found

    return make


def only(measurements, facts=FACTS):
    (found,) = batch_lines_of(arrange(summarise(measurements)), facts)
    return found


def test_the_knee_is_that_of_the_throughput_with_its_interval(line):
    found = only(line())
    assert found.metric == "throughput"
    assert (found.knee.course, found.knee.batch) == (Course.KNEE, 16)
    assert found.knee.low <= 16 <= found.knee.high
    assert found.rates[-1].value == pytest.approx(1.5 * 64 / 66 * 1000, rel=0.01)
    assert (found.best.batch, found.best.value) == (64, found.rates[-1].value)


def test_without_a_throughput_it_is_that_of_one_call_at_a_time(line):
    found = only(line(throughput=False))
    assert found.metric == LATENCY
    assert found.knee.batch == 16
    assert found.best.value == pytest.approx(64 / 66 * 1000, rel=0.01)


def test_every_setup_has_a_line_and_two_batches_are_none(line):
    rows = summarise([*line(), *line(backend="onnxruntime"), *line(backend="openvino", batches=(1, 2))])
    assert [one.row.cell.setup.backend for one in batch_lines_of_rows(rows, FACTS)] == ["eager", "onnxruntime"]


def test_rows_of_one_batch_have_no_lines(line):
    assert batch_lines_of_rows(summarise(line(batches=(8,))), FACTS) == ()


def test_too_few_rounds_leave_the_knee_unknown_and_the_most_samples_known(line):
    found = only(line(rounds=1))
    assert found.knee.course is Course.UNKNOWN
    assert found.knee.why == "needs 3 rounds (has 1)"
    assert found.best.batch == 64


def test_a_straight_line_rises_and_says_where(line):
    found = only(line(half=1000.0))
    assert found.knee.course is Course.RISING
    assert found.knee.why == "samples/s still rise at batch 64"


def test_memory_ends_between_what_ran_and_what_did_not_fit(line):
    found = only(line(endings={32: (Status.OUT_OF_MEMORY, NO_ROOM), 64: (Status.OUT_OF_MEMORY, SKIPPED)})).memory
    assert (found.ran, found.failed, found.not_tried, found.probable) == (16, 32, (64,), False)


def test_answers_that_fail_the_gate_still_fit(line):
    found = only(line(endings={64: (Status.INVALID, Trouble("wrong answers"))})).memory
    assert (found.ran, found.failed) == (64, None)


def test_what_the_kernel_killed_for_memory_is_only_probable(line):
    endings = {64: (Status.KILLED, Trouble("killed, probably out of memory"))}
    assert only(line(endings=endings)).memory.probable
    assert only(line(endings={64: (Status.CRASHED, Trouble("crashed"))})).memory.failed is None


def test_the_memory_of_samples_says_where_it_would_end(line):
    found = only(line()).memory
    assert found.metric == "host_memory"
    assert found.reach.batch == int((8 * 1024 - 300) / 40)
    assert only(line(), {}).memory.reach.why == "how much memory there is is not known"
    assert only(line(), FACTS | {"memory.limit": 4 * 1024 * MIB}).memory.reach.batch == int((4 * 1024 - 300) / 40)


def test_where_it_would_end_is_not_told_against_what_was_tried(line):
    too_early = only(line(), {"memory.total": 1500 * MIB}).memory.reach
    assert (too_early.batch, too_early.why) == (None, "memory per sample says 30, but batch 64 ran")
    endings = {64: (Status.OUT_OF_MEMORY, NO_ROOM)}
    too_late = only(line(endings=endings)).memory.reach
    assert (too_late.batch, too_late.why) == (None, "memory per sample says 197, but batch 64 did not fit")


def test_a_setup_of_which_nothing_ran_has_no_numbers(line):
    endings = dict.fromkeys(BATCHES, (Status.CRASHED, Trouble("crashed with SIGSEGV")))
    (found,) = batches_document(summarise(line(endings=endings)), FACTS)
    assert (found["best"], found["rates"], found["memory"]["ran"]) == (None, [], None)
    assert found["knee"]["course"] == "unknown"


def test_the_document_says_why_there_is_no_knee(line):
    known, unknown = (batches_document(summarise(line(rounds=rounds)), FACTS)[0]["knee"] for rounds in (3, 1))
    assert (known["batch"], known["why"]) == (16, None)
    assert (unknown["batch"], unknown["why"]) == (None, "needs 3 rounds (has 1)")
