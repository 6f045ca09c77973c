from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.errors import StopwattError
from stopwatt.measuring import arrivals
from stopwatt.measuring.arrivals import refuse_short_period, run_arrivals, schedule_of
from stopwatt.measuring.function import measure_function
from stopwatt.measuring.load import BackgroundLoad
from stopwatt.measuring.paced import Ending, PacedTrials, Schedule
from stopwatt.measuring.realtime import Conditions
from stopwatt.records import Measured, Paced
from stopwatt.ways import Load


def test_the_load_begins_at_half_of_the_requests():
    assert schedule_of(Paced(1e-3, cycles=9, load=Load.CPU)) == Schedule(1_000_000, 9, 4)
    assert schedule_of(Paced(1e-3, cycles=9)) == Schedule(1_000_000, 9, None)


def test_a_time_limit_is_a_number_of_requests():
    assert schedule_of(Paced(0.5, cycles=10**6, seconds=3600.0, load=Load.CPU)) == Schedule(500_000_000, 7200, 3600)
    assert schedule_of(Paced(10.0, seconds=1.0)).cycles == 1


def test_a_period_below_the_service_time_is_refused_in_three_parts():
    latency_ns = np.concatenate([np.full(500, 9_000_000), np.full(100, 2_000_000)])
    refuse_short_period(Paced(2e-3), latency_ns)
    with pytest.raises(StopwattError) as raised:
        refuse_short_period(Paced(1.9e-3), latency_ns)
    assert raised.value.what == "the period of 1.90 ms is shorter than a call, which takes 2.00 ms"
    assert "600 calls" in raised.value.when
    assert "--period 3000us" in raised.value.now


def test_a_series_leaves_its_trials_counts_and_conditions():
    found = run_arrivals(lambda _: None, ["a"], Paced(1e-3, cycles=60, load=Load.CPU))
    assert len(found.samples["response"].values) == len(found.samples["service"].values) == 60
    assert len(found.samples["wake_late"].values) <= 60
    assert found.readings["overruns"] == Measured(found.trials.overruns(1_000_000), "cycles")
    facts = found.facts
    assert (facts["paced_cycles"], facts["paced_planned"], facts["paced_stopped"]) == (60, 60, Ending.COUNT.value)
    assert (facts["load"], facts["load_from"]) == ("cpu", 30)
    assert facts["load_processes"] >= 1
    assert facts["paced_scheduling"] == "SCHED_OTHER"
    assert "paced.seconds" in facts
    assert "foreign-cpu" not in [note.kind for note in found.notes], "the load is ours"


@pytest.mark.parametrize(
    ("scheduling", "period_s", "spin_us"),
    [("SCHED_OTHER", 1e-4, 200), ("SCHED_FIFO 49", 1e-4, 25), ("SCHED_FIFO 49", 1e-2, 200), ("SCHED_RR 1", 4e-4, 100)],
)
def test_a_real_time_process_sleeps_for_most_of_the_period(monkeypatch, scheduling, period_s, spin_us):
    monkeypatch.setattr(arrivals, "conditions", lambda **_: nullcontext(Conditions(scheduling)))
    facts = run_arrivals(lambda _: None, ["a"], Paced(period_s, cycles=3)).facts
    assert facts["paced_spin_ns"] == spin_us * 1000


@pytest.fixture
def ended(monkeypatch):
    """A series that ended so, without running one."""

    def make(**fields):
        times = np.full(4, 100)
        trials = replace(PacedTrials(times, times, times, None, 3, Ending.COUNT), **fields)
        monkeypatch.setattr(arrivals, "run_paced", lambda *_, **__: trials)

    return make


def test_a_load_that_was_never_reached_is_not_claimed(ended):
    ended(ending=Ending.INTERRUPT)
    facts = run_arrivals(lambda _: None, ["a"], Paced(1e-3, cycles=100, load=Load.CPU)).facts
    assert "load_from" not in facts
    assert facts["paced_stopped"] == "interrupted"


def test_a_series_that_fell_behind_has_a_note(ended):
    ended(ending=Ending.BEHIND)
    notes = run_arrivals(lambda _: None, ["a"], Paced(1e-3, cycles=100)).notes
    (note,) = [note for note in notes if note.kind == "behind-schedule"]
    assert "after 4 of 100" in note.text
    assert "--period" in note.now


def test_a_load_that_was_lost_has_a_note(ended, monkeypatch):
    ended()
    monkeypatch.setattr(BackgroundLoad, "ended_early", lambda _: 1)
    notes = run_arrivals(lambda _: None, ["a"], Paced(1e-3, cycles=100)).notes
    assert "load-lost" in [note.kind for note in notes]


def test_a_function_can_be_paced_too(short):
    rules = short(paced=Paced(1e-3, cycles=20))
    answer = measure_function(lambda x: x, [(1,)], rules)
    assert len(answer.samples["response"].values) == 20
    assert len(answer.samples["latency"].values) == rules.trials
    assert answer.facts["paced_cycles"] == 20
    assert "overruns" in answer.readings


def test_an_interrupt_of_a_paced_function_is_passed_on(short, ended):
    ended(ending=Ending.INTERRUPT)
    with pytest.raises(KeyboardInterrupt):
        measure_function(lambda x: x, [(1,)], short(paced=Paced(1e-3, cycles=20)))
