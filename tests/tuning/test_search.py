"""A search finds what is planted, keeps to its constraints and its budget, and goes on where it stopped."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_setups import ROUND_S, Machine, shown

from stopwatt.datasets.labelled import Data
from stopwatt.errors import UsageError
from stopwatt.records import Status, Trouble
from stopwatt.tuning.chosen import conclude
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.search import LEAST_PROOFS
from stopwatt.tuning.space import PROOF, Asked
from stopwatt.tuning.tune import run_tune
from stopwatt.tuning.where import Holds, read


def machine(seed, count=40, **about):
    rng = np.random.default_rng(seed)
    times = 1e-3 * np.exp(rng.normal(0, 0.7, count))
    return Machine(times, rng, **about)


def test_the_winner_is_within_three_percent_of_the_best_after_a_part_of_the_rounds_of_the_whole_grid():
    good, shares = 0, []
    for seed in range(10):
        planted = machine(seed)
        search = planted.search()
        tuned = conclude(search, planted.run(search))
        good += planted.times[shown(tuned.winner)] <= 1.03 * min(planted.times)
        scouts = len(planted.times)
        whole = scouts * search.proof.rounds
        shares.append(planted.turns / whole)
    assert good == 10
    assert np.mean(shares) < 0.4  # of turns; those of the race are several times shorter than those of the grid


def test_wrong_answers_never_win():
    planted = machine(0, invalid=[int(np.argmin(machine(0).times))])
    search = planted.search()
    tuned = conclude(search, planted.run(search))
    assert shown(tuned.winner) not in planted.invalid
    assert any("wrong answers" in why for why in tuned.failed.values())


def test_the_winner_keeps_to_the_constraints_although_others_are_faster():
    times = [10e-3, 1e-3, 2e-3, 3e-3]
    planted = Machine(times, np.random.default_rng(1), memory={1: 4e9}, deviations={2: 0.5})
    search = planted.search("memory<2GB", "deviation<1e-2")
    tuned = conclude(search, planted.run(search))
    assert shown(tuned.winner) == 3
    assert tuned.winner.holds is Holds.YES
    assert tuned.against_default.value == pytest.approx(10 / 3, rel=0.15)


def test_a_tail_that_only_the_proof_shows_lets_the_next_one_win():
    """Setup 1 is the fastest, but one call in twenty takes five times as long: too long for the constraint."""
    planted = Machine([10e-3, 2e-3, 3e-3], np.random.default_rng(2))
    measure = planted.measure

    def with_tail(cell, number):
        planted.tail = 5.0 if cell.setup.backend == "backend1" else 1.0
        return measure(cell, number)

    planted.measure = with_tail
    search = planted.search("p99<5ms")
    tuned = conclude(search, planted.run(search))
    assert shown(tuned.winner) == 2
    assert tuned.winner.row.estimates["latency_p99"].value < 5e-3


def test_a_finalist_that_the_proof_refutes_does_not_leave_the_default_the_winner():
    """Setup 1 is the fastest, and only the proof shows that its answers deviate; the budget pays for one finalist."""
    planted = Machine([10e-3, 1e-3, 2e-3], np.random.default_rng(2))
    measure = planted.measure
    search = planted.search("deviation<1e-2", budget_s=75)

    def as_proven(cell, number):
        planted.deviations = {1: 0.5} if cell.protocol.trials == search.proof.trials else {}
        return measure(cell, number)

    planted.measure = as_proven
    tuned = conclude(search, planted.run(search))
    assert shown(tuned.winner) == 2
    assert tuned.winner.proven
    assert tuned.spent_s <= 75


def test_the_budget_that_the_race_leaves_sharpens_the_proof():
    rounds = []
    for budget_s in (60, 1e9):
        planted = Machine([10e-3, 1e-3, 2e-3], np.random.default_rng(2))
        search = planted.search(budget_s=budget_s)
        rounds.append(conclude(search, planted.run(search)).winner.row.rounds_ok)
    assert rounds[0] < rounds[1] == PROOF.rounds


def test_one_that_looked_better_in_the_race_than_the_proven_ones_are_is_proven_too():
    """Setup 1 looks best in short rounds, and is the slowest of all in longer ones."""
    planted = Machine([10e-3, 1e-3, 2e-3, 3e-3], np.random.default_rng(2))
    measure, short = planted.measure, list(planted.times)
    search = planted.search(budget_s=75)

    def as_proven(cell, number):
        planted.times = [10e-3, 20e-3, 2e-3, 3e-3] if cell.protocol.trials == search.proof.trials else short
        return measure(cell, number)

    planted.measure = as_proven
    assert shown(conclude(search, planted.run(search)).winner) == 2


def test_what_is_refused_on_one_thread_is_not_tried_on_two():
    planted = Machine([10e-3, 1e-3, 2e-3, 3e-3], np.random.default_rng(2))
    more = [replace(cell, setup=replace(cell.setup, threads=2)) for cell in planted.cells]
    planted.cells, planted.times = (*planted.cells, *more), [*planted.times, *(0.9 * time for time in planted.times)]
    measure = planted.measure

    def refusing(cell, number):
        one = measure(cell, number)
        refused = replace(one, status=Status.UNSUPPORTED, trouble=Trouble("no such thing"), samples={})
        return refused if cell.setup.backend == "backend1" else one

    planted.measure = refusing
    search = planted.search()
    found = planted.run(search)
    tuned = conclude(search, found)
    assert sum(one.cell.setup.backend == "backend1" for one in found) == 1
    assert [label for label, why in tuned.failed.items() if why == "no such thing"] == [
        "backend1+channels-last fp32 batch 1 cpu, 1 thread",
        "backend1+channels-last fp32 batch 1 cpu, 2 threads",
    ]
    assert tuned.scouted == tuned.candidates


def test_where_nothing_holds_the_nearest_is_named_with_what_it_would_take():
    planted = Machine([10e-3, 4e-3, 8e-3], np.random.default_rng(3))
    search = planted.search("latency<3.5ms")
    tuned = conclude(search, planted.run(search))
    assert tuned.winner is None
    assert shown(tuned.nearest) == 1
    assert tuned.excess["latency<3.5ms"] == pytest.approx(4 / 3.5, rel=0.1)


def test_what_loses_too_much_of_its_accuracy_never_wins_and_is_not_proven():
    right = np.ones(400)
    answers = {0: right, 1: np.where(np.arange(400) < 40, 0, 1), 2: np.where(np.arange(400) < 2, 0, 1), 3: right}
    planted = Machine([10e-3, 1e-3, 2e-3, 3e-3], np.random.default_rng(1), answers=answers)
    search = planted.search("accuracy_loss<3%")
    found = planted.run(search)
    tuned = conclude(search, found)
    assert shown(tuned.winner) == 2
    assert tuned.winner.row.estimates["accuracy_loss"].value == pytest.approx(2 / 400)
    proven = {one.cell.setup for one in found if one.cell.protocol == search.proof}
    assert planted.cells[1].setup not in proven
    strict = planted.search("accuracy_loss<0.1%", "latency<5ms")
    assert conclude(strict, planted.run(strict)).winner.holds is Holds.OPEN


def test_a_gain_of_accuracy_is_not_beyond_any_loss():
    answers = {0: np.where(np.arange(400) < 40, 0, 1), 1: np.ones(400)}
    planted = Machine([1e-3, 2e-3], np.random.default_rng(1), answers=answers)
    search = planted.search("accuracy_loss<3%", "latency<1us")
    tuned = conclude(search, planted.run(search))
    assert tuned.winner is None
    assert tuned.nearest is tuned.default
    assert tuned.excess["accuracy_loss<3%"] == 0


def test_a_search_that_was_cut_off_anywhere_goes_on_to_the_same_end():
    planted = machine(4, count=15)
    search = planted.search()
    found = planted.run(search)
    whole = conclude(search, found)
    for cut in (1, 16, len(found) - 2):
        again = machine(4, count=15)
        again.rng = np.random.default_rng(99)
        table = {(one.cell.key, one.round): one for one in found}
        again.measure = lambda cell, number, table=table: table[cell.key, number]
        assert conclude(search, again.run(search, found[:cut])).winner.label == whole.winner.label


def test_the_budget_is_kept_with_a_proof_of_three_rounds_at_least():
    planted = machine(5, count=60)
    search = planted.search(budget_s=30 * ROUND_S)
    found = planted.run(search)
    tuned = conclude(search, found)
    assert tuned.scouted < 60
    assert tuned.winner.row.rounds_ok >= LEAST_PROOFS
    assert tuned.spent_s <= 1.3 * 30 * ROUND_S


def test_the_default_is_always_proven_beside_the_winner():
    planted = machine(6)
    search = planted.search()
    tuned = conclude(search, planted.run(search))
    assert tuned.default.proven
    assert tuned.default.row.cell.setup.backend == "eager"


def test_when_nothing_is_better_the_default_wins_and_nothing_is_claimed():
    planted = Machine([1e-3, 2e-3, 3e-3], np.random.default_rng(7))
    search = planted.search()
    tuned = conclude(search, planted.run(search))
    assert tuned.winner is tuned.default
    assert tuned.against_default.value is None


def test_more_throughput_wins_by_samples_a_second():
    planted = Machine([4e-3, 1e-3, 2e-3], np.random.default_rng(8))
    search = planted.search(goal=Goal.THROUGHPUT)
    assert shown(conclude(search, planted.run(search)).winner) == 1


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["p99 10ms"], "cannot read"),
        (["p98<10ms"], "unknown name"),
        (["p99<10MB"], "cannot read"),
        (["latency<1ms", "latency>2ms"], "contradict"),
        (["deviation<0"], "never decide"),
        (["accuracy>90"], "never decide"),
    ],
)
def test_constraints_that_cannot_be_meant_are_refused(texts, said):
    with pytest.raises(UsageError, match=said):
        read(texts)


def test_limits_are_read_in_their_units():
    limits = [one.limit for one in read(["p99<10ms", "memory<=2GB", "deviation<1e-2", "throughput>100", "energy<5mJ"])]
    assert limits == [0.01, 2e9, 0.01, 100, 0.005]
    assert [one.limit for one in read(["accuracy>90%", "accuracy_loss<1%"])] == [0.9, 0.01]


def test_a_constraint_on_accuracy_needs_labelled_data(tmp_path):
    np.savez(tmp_path / "bare.npz", x=np.zeros((4, 2)))
    for data in (None, Data(str(tmp_path / "bare.npz"))):
        with pytest.raises(UsageError, match="needs labelled data"):
            run_tune(Asked("mlp", where=["accuracy>0.5"], data=data))
