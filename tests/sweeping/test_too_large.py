"""A batch that is larger than one that did not fit into memory is not tried, and says so."""

import contextlib
from collections import deque
from dataclasses import replace

import pytest

from stopwatt.records import Cell, Measurement, Precision, Protocol, Setup, Status, Trouble, Workload
from stopwatt.running import Silent
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.execute import Interrupted, execute
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.rounds import Finished
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


class Full:
    """Rounds in which memory holds 4 samples; interrupted after so many."""

    def __init__(self, interrupt_at=10**9):
        self.tried, self.waiting, self.interrupt_at = [], deque(), interrupt_at

    def capacity(self):
        return 1

    def start(self, turn):
        self.waiting.append(turn)

    def finished(self):
        turn = self.waiting.popleft()
        batch = turn.cell.setup.batch
        if len(self.tried) == self.interrupt_at:
            raise Interrupted("stopped on request")
        self.tried.append(batch)
        status, trouble = (Status.OUT_OF_MEMORY, NO_ROOM) if batch > 4 else (Status.OK, None)
        return Finished(turn, Measurement(turn.cell, turn.round, status, trouble), 1.0)

    def close(self):
        pass


@pytest.fixture
def measured(tmp_path):
    """Measure seven batches in three rounds, or go on with it: what was tried, and what is stored."""

    def go(seed, **how):
        rules = Protocol(rounds=3, seed=seed)
        plan = Plan(tuple(replace(cell(2**power), protocol=rules) for power in range(7)), rules, {"os.name": "here"})
        rounds = Full(**how)
        with open_store(tmp_path / f"{seed}.db") as store:
            run = store.find_unfinished(plan.digest) or store.begin_run("bench", plan.digest, "", "")
            with contextlib.suppress(Interrupted):
                execute(plan, store, run, Silent(), rounds)
            return rounds.tried, list(store.measurements(Selection()))

    return go


@pytest.mark.parametrize("seed", range(5))
def test_each_batch_is_tried_once_at_most_and_what_was_not_is_recorded_once_with_the_reason(measured, seed):
    tried, stored = measured(seed)
    large = [batch for batch in tried if batch > 4]
    assert len(large) == len(set(large))
    assert 8 in large
    assert large == sorted(large, reverse=True)  # after one that did not fit only smaller ones are tried
    without = {one.cell.setup.batch: one for one in stored if one.status is Status.OUT_OF_MEMORY}
    assert sorted(without) == [8, 16, 32, 64]
    assert [batch for batch, one in without.items() if not left_out(one.trouble)] == large
    assert sum(one.status is Status.OUT_OF_MEMORY for one in stored) == 4
    assert all(one.facts for one in stored if left_out(one.trouble))
    assert [tried.count(batch) for batch in (1, 2, 4)] == [3, 3, 3]


def test_a_run_that_goes_on_remembers_what_did_not_fit(measured):
    before, _ = measured(1, interrupt_at=5)
    after, stored = measured(1)
    large = [batch for batch in (*before, *after) if batch > 4]
    assert large == sorted(set(large), reverse=True)
    assert len({(one.cell.setup.batch, one.round) for one in stored}) == len(stored)
