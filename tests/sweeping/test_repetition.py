"""Rounds that are measured again because their sentinel moved: by whom, how often, and what counts afterwards."""

import contextlib
from collections import deque
from dataclasses import dataclass, field, replace

import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.energy import SCREENING
from stopwatt.meters.sentinel import REPEATS
from stopwatt.records import Cell, Measured, Measurement, Protocol, Setup, Status, Suspect, Workload
from stopwatt.running import Silent
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.execute import Interrupted, execute
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.rounds import Finished

RULES = Protocol(rounds=3, energy=SCREENING)
CELLS = tuple(Cell(Workload("mlp"), Setup(batch=batch, device="cuda"), RULES, machine="here") for batch in (1, 2))
PLAN = Plan(CELLS, RULES, {})


@dataclass
class FakeRounds:
    """Rounds whose energy, and whose sentinel, is as told: 1 J but where (batch, round) says otherwise, try by try."""

    told: dict = field(default_factory=dict)
    room: int = 1
    interrupt_at: int = 10**9
    waiting: deque = field(default_factory=deque)
    done: list = field(default_factory=list)

    def capacity(self):
        return self.room

    def start(self, turn):
        self.waiting.append(turn)

    def finished(self):
        turn = self.waiting.popleft()
        place = (turn.cell.setup.batch, turn.round)
        joules = self.told[place].pop(0) if self.told.get(place) else 1.0
        self.done.append(place)
        if len(self.done) > self.interrupt_at:
            raise Interrupted("stopped on request")
        known = joules is not None
        facts = {"energy.gpu.sentinel_j": joules, "energy.gpu.sentinel_half_width": 0.002} if known else {}
        readings = {"energy_gpu": Measured(joules, "J")} if known else {}
        status = Status.OK if known else Status.FAILED
        return Finished(turn, Measurement(turn.cell, turn.round, status, facts=facts, readings=readings), 1.0)

    def interrupt(self):
        pass

    def kill(self):
        pass

    def close(self):
        pass


@dataclass
class Diary(Silent):
    begun: list = field(default_factory=list)

    def begin(self, total, done):
        self.begun.append((total, done))


@pytest.fixture
def measured(tmp_path):
    """Measure the plan once, or go on with it; `(rounds, what is stored, what the watcher was told)`."""

    def go(plan=PLAN, **how):
        rounds, diary = FakeRounds(**how), Diary()
        with open_store(tmp_path / "results.db") as store:
            run = store.find_unfinished(plan.digest) or store.begin_run("bench", plan.digest, "", "")
            with contextlib.suppress(Interrupted):
                execute(plan, store, run, diary, rounds)
            return rounds.done, list(store.measurements(Selection())), diary.begun

    return go


def energy(found):
    return {row.cell.setup.batch: row for row in summarise(found)}


def test_rounds_that_did_not_move_are_measured_once(measured):
    done, found, begun = measured(told={(1, 0): [1.019], (2, 2): [0.981]})
    assert (len(done), len(found), begun) == (6, 6, [(6, 0)])


@pytest.mark.parametrize("room", [1, 3])
def test_a_round_that_moved_is_measured_again_at_the_end_and_the_later_one_counts(measured, room):
    done, found, begun = measured(told={(2, 1): [1.06]}, room=room)
    assert done[6:] == [(2, 1)]
    assert begun == [(6, 0), (7, 6)]
    first, again = [one for one in found if (one.cell.setup.batch, one.round) == (2, 1)]
    assert again.facts[REPEATS] == first.id
    assert [note.text for note in again.notes] == [
        "the round was measured again: in its first measurement the sentinel was +6.0 % off that of the other rounds"
    ]
    row = energy(found)[2]
    assert (row.rounds_ok, row.estimates["energy_gpu"].value, row.estimates["energy_gpu"].doubt) == (3, 1.0, "")


def test_one_that_is_still_off_stays_and_is_suspect(measured):
    done, found, _ = measured(told={(2, 1): [1.06, 1.05]})
    assert len(done) == 7
    estimate = energy(found)[2].estimates["energy_gpu"]
    assert estimate.doubt == "in 1 of 3 rounds: the sentinel was +5.0 % off that of the other rounds"
    assert energy(found)[1].estimates["energy_gpu"].doubt == ""


def test_a_repetition_that_fails_replaces_nothing(measured):
    _, found, _ = measured(told={(2, 1): [1.06, None]})
    row = energy(found)[2]
    assert (row.rounds_ok, row.rounds_failed) == (3, 1)
    assert "+6.0 % off" in row.estimates["energy_gpu"].doubt


def test_a_run_that_was_stopped_before_its_repetitions_makes_them_when_it_goes_on(measured):
    done, found, _ = measured(told={(2, 1): [1.06], (1, 0): [1.05]}, interrupt_at=6)
    assert (len(found), len(done)) == (6, 7)
    done, found, begun = measured()
    assert sorted(done) == [(1, 0), (2, 1)]
    assert begun == [(6, 6), (8, 6)]
    assert all(row.estimates["energy_gpu"].doubt == "" for row in energy(found).values())


def test_a_run_that_was_stopped_among_its_repetitions_makes_the_others_only(measured):
    first, _, _ = measured(told={(2, 1): [1.06, 1.06], (1, 0): [1.05]}, interrupt_at=7)
    done, found, _ = measured()
    assert sorted([first[6], *done]) == [(1, 0), (2, 1)]
    assert len(found) == 8


def test_without_energy_nothing_is_read_back_and_nothing_repeated(measured):
    rules = replace(RULES, energy=None)
    plan = Plan(tuple(replace(cell, protocol=rules) for cell in CELLS), rules, {})
    measured(plan, interrupt_at=3)
    done, found, _ = measured(plan)
    assert (len(done), len(found)) == (3, 6)


def test_rounds_of_two_runs_with_the_same_numbers_do_not_replace_each_other(measured):
    _, found, _ = measured()
    other = [replace(one, id=f"{one.id}x") for one in found]
    assert {row.rounds_ok for row in summarise([*found, *other])} == {6}


def test_a_suspect_round_keeps_its_first_reason():
    facts = {"energy.gpu.sentinel_half_width": 0.002}
    rounds = [
        Measurement(
            CELLS[0], number, Status.OK, facts=facts | {"energy.gpu.sentinel_j": joules},
            readings={"energy_gpu": Suspect(joules, "J", "an uneven load")},
        )
        for number, joules in enumerate((1.0, 1.0, 1.2))
    ]  # fmt: skip
    (row,) = summarise(rounds)
    assert "an uneven load; the sentinel was +20 % off" in row.estimates["energy_gpu"].doubt
