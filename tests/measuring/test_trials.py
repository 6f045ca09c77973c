import gc
import time

import numpy as np
import pytest

from stopwatt.measuring import clock
from stopwatt.measuring.trials import SETTLE_CALLS, Stop, pause, run_trials


def spin(nanoseconds):
    end = time.perf_counter_ns() + nanoseconds
    while time.perf_counter_ns() < end:
        pass


def test_every_trial_is_kept_in_order():
    seen = []
    trials = run_trials(seen.append, ["a", "b", "c"], 7)
    assert len(seen) == len(trials.latency_ns) == len(trials.started_ns) == 7
    assert trials.stop is Stop.COUNT
    assert (np.diff(trials.started_ns) > 0).all()


def test_inputs_take_turns_and_the_last_trial_has_the_first_set():
    seen = []
    trials = run_trials(seen.append, ["a", "b", "c"], 7)
    assert seen == ["a", "b", "c", "a", "b", "c", "a"]
    assert trials.last_set == 0
    seen.clear()
    run_trials(seen.append, ["a", "b", "c"], 8, last_set=1)
    assert seen[-1] == "b"


def test_the_time_budget_ends_the_series_and_says_so():
    trials = run_trials(lambda _: spin(2_000_000), [0], 10_000, budget_s=0.02, least=3)
    assert 3 <= len(trials.latency_ns) < 10_000
    assert trials.stop is Stop.TIME


def test_the_least_number_of_trials_is_done_whatever_the_budget():
    trials = run_trials(lambda _: spin(100_000), [0], 10, budget_s=0.0, least=5)
    assert len(trials.latency_ns) == 5


def test_calls_that_settle_are_made_before_the_first_trial_and_not_counted():
    states = []
    trials = run_trials(lambda _: states.append(gc.isenabled()), [0, 1], 7, settle=3)
    assert states == [False] * 10
    assert len(trials.latency_ns) == 7


def test_a_slow_call_settles_once():
    calls = []
    run_trials(lambda _: calls.append(spin(25_000_000)), [0], 1, settle=10)
    assert len(calls) == 2


def test_the_first_trial_pays_for_nothing_that_happened_before_it():
    def first_trial():
        cold = iter([True] * 3)  # what the collection of garbage cools, as the first calls after it see it
        trials = run_trials(lambda _: spin(1_000_000 if next(cold, False) else 10_000), [0], 20, settle=SETTLE_CALLS)
        return trials.latency_ns[0]

    assert min(first_trial() for _ in range(10)) < 500_000  # on a busy machine any single one may be long


def test_an_interrupt_keeps_what_was_finished():
    count = 0

    def call(_):
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt

    trials = run_trials(call, [0], 100)
    assert trials.stop is Stop.INTERRUPT
    assert len(trials.latency_ns) == 4


def test_planted_durations_are_found():
    now = [10**15]
    lengths = iter(range(1_000, 201_000, 1_000))

    def call(_):
        now[0] += next(lengths)

    trials = run_trials(call, [0], 200, clock=lambda: now[0])
    assert trials.latency_ns.tolist() == list(range(1_000, 201_000, 1_000))
    assert trials.started_ns.tolist() == [0, *np.cumsum(trials.latency_ns)[:-1]]


def test_a_call_reads_no_shorter_than_it_lasted_and_no_longer_where_nothing_came_between():
    trials = run_trials(lambda _: spin(200_000), [0], 200)
    assert min(trials.latency_ns) >= 200_000
    assert min(trials.latency_ns) < 220_000  # of 200, one at least was left alone


def test_the_garbage_collector_sleeps_inside_and_wakes_after_even_when_the_call_fails():
    states = []
    run_trials(lambda _: states.append(gc.isenabled()), [0], 3)
    assert states == [False, False, False]
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        run_trials(lambda _: 1 // 0, [0], 3)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        run_trials(lambda _: None, [0], 1)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_jump_of_the_system_clock_has_no_effect(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    trials = run_trials(lambda _: spin(50_000), [0], 20)
    assert (trials.latency_ns >= 50_000).all()


def test_the_clock_tells_its_own_tick_and_overhead():
    quality = clock.quality()
    assert quality.tick_ns > 0
    assert quality.overhead_ns >= 0


def test_a_pause_lies_before_each_trial_and_outside_its_timing(monkeypatch):
    events = []
    monkeypatch.setattr("stopwatt.measuring.trials.time.sleep", events.append)
    trials = run_trials(events.append, ["a", "b"], 3, before=pause(0.5))
    assert events[::2] == [0.5, 0.5, 0.5]
    assert events[1::2] == ["a", "b", "a"]
    assert trials.latency_ns.size == 3


@pytest.mark.parametrize("trials", [1, 8, 96, 300, 1000])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_first_trial_has_another_input_than_the_last_call_that_settles(trials, count):
    given = []
    run_trials(given.append, range(count), trials, settle=10)
    assert len(given) == trials + 10
    assert given[9] != given[10]


def test_a_series_knows_when_it_was_on_the_clock_of_the_machine():
    before = time.monotonic_ns()
    trials = run_trials(lambda _: spin(100_000), [0], 10)
    assert before <= trials.first_ns
    assert trials.last_ns == trials.first_ns + trials.started_ns[-1] + trials.latency_ns[-1] <= time.monotonic_ns()


def test_a_series_without_a_trial_was_at_no_time():
    def interrupt(_):
        raise KeyboardInterrupt

    trials = run_trials(interrupt, [0], 10)
    assert (trials.stop, trials.first_ns, trials.last_ns) == (Stop.INTERRUPT, 0, 0)
