"""A batch that is larger than one that did not fit into memory is not tried, and says so."""

from dataclasses import replace

import pytest

from stopwatt.records import Cell, Precision, Protocol, Setup, Status, Trouble, Workload
from stopwatt.sweeping.toolarge import TooLarge, left_out

NO_ROOM = Trouble("out of memory: the allocation of 3.2 GiB failed")


def cell(batch, **setup):
    return Cell(Workload("mlp", {"hidden": 64}), Setup(batch=batch, **setup), Protocol())


def heard(*endings):
    rule = TooLarge()
    for batch, status, trouble in endings:
        rule.hear(cell(batch), status, trouble)
    return rule


def test_larger_batches_are_left_out_and_smaller_ones_are_not():
    rule = heard((1, Status.OK, None), (16, Status.OUT_OF_MEMORY, NO_ROOM))
    assert [batch for batch in (1, 2, 8, 16, 32, 64) if rule.trouble(cell(batch))] == [32, 64]
    assert rule.trouble(cell(32)).what == "not tried: batch 16 did not fit into memory"
    assert left_out(rule.trouble(cell(32)))
    assert not left_out(NO_ROOM)


def test_the_smallest_that_failed_is_the_reason():
    rule = heard((32, Status.OUT_OF_MEMORY, NO_ROOM), (8, Status.OUT_OF_MEMORY, NO_ROOM))
    assert "batch 8 " in rule.trouble(cell(64)).what
    assert rule.trouble(cell(16)) is not None


def test_a_larger_batch_that_ran_speaks_against_it():
    rule = heard((8, Status.OUT_OF_MEMORY, NO_ROOM), (16, Status.OK, None))
    assert rule.trouble(cell(32)) is None


@pytest.mark.parametrize("other", [{"precision": Precision.BF16}, {"backend": "onnxruntime"}, {"threads": 2}])
def test_other_setups_are_tried(other):
    rule = heard((8, Status.OUT_OF_MEMORY, NO_ROOM))
    assert rule.trouble(cell(16, **other)) is None
    assert rule.trouble(replace(cell(16), workload=Workload("mlp", {"hidden": 65}))) is None


def test_a_process_that_was_probably_killed_for_memory_counts_and_another_does_not():
    kernel = Trouble("killed, probably out of memory")
    outside = Trouble("killed by SIGKILL from outside")
    assert heard((8, Status.KILLED, kernel)).trouble(cell(16)) is not None
    assert heard((8, Status.KILLED, outside)).trouble(cell(16)) is None
    assert heard((8, Status.CRASHED, Trouble("crashed with SIGSEGV"))).trouble(cell(16)) is None
