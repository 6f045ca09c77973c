import gc
import time

import numpy as np
import pytest

from stopwatt.measuring.paced import LEAD_IN, SPIN_NS, Ending, Schedule, run_paced

US = 1_000
MS = 1_000_000


class World:
    """A clock that only moves when it is read (by a microsecond), slept on or worked on."""

    def __init__(self, durations=(), wake_late=0):
        self.now = 0
        self.durations = iter(durations)
        self.wake_late = wake_late
        self.inputs = []
        self.wished = []
        self.begun = []

    def clock(self):
        self.now += US
        return self.now

    def sleep(self, seconds):
        self.wished.append(self.now + round(seconds * 1e9))
        self.now = self.wished[-1] + self.wake_late

    def call(self, inputs):
        self.inputs.append(inputs)
        self.begun.append(self.now)
        counted = len(self.inputs) - LEAD_IN
        self.now += next(self.durations, MS // 10) if counted > 0 else MS // 10
        return inputs

    def run(self, cycles, period=MS, sets=("a", "b", "c"), **fields):
        schedule = Schedule(period, cycles, fields.pop("load_from", None), fields.pop("spin_ns", SPIN_NS))
        return run_paced(self.call, list(sets), schedule, clock=self.clock, sleep=self.sleep, **fields)


def in_tenths(times_ns):
    """Tenths of a millisecond; readings of the clock, a microsecond each, are rounded away."""
    return np.rint(np.array(times_ns) / (MS / 10)).astype(int).tolist()


def test_requests_that_are_served_in_time_start_when_they_are_due():
    series = World().run(50)
    assert in_tenths(series.response_ns) == [1] * 50
    assert in_tenths(series.service_ns) == [1] * 50
    assert series.ending is Ending.COUNT
    assert series.overruns(MS) == 0


def test_one_long_call_is_felt_by_every_request_that_had_to_wait_for_it():
    world = World([MS // 10, 35 * MS // 10])
    series = world.run(8)
    assert in_tenths(series.service_ns) == [1, 35, 1, 1, 1, 1, 1, 1]
    assert in_tenths(series.response_ns) == [1, 35, 26, 17, 8, 1, 1, 1]
    assert series.overruns(MS) == 3


def test_a_long_call_shifts_no_later_request():
    undisturbed, disturbed = World(), World([MS // 10] * 3 + [45 * MS // 10])
    one, other = undisturbed.run(100), disturbed.run(100)
    assert undisturbed.wished[-20:] == pytest.approx(disturbed.wished[-20:], abs=50 * US)
    assert in_tenths(other.response_ns[-20:]) == in_tenths(one.response_ns[-20:])


def test_no_drift_accumulates_over_a_long_series():
    world = World()
    world.run(5000, period=333_333)
    spacing = np.diff(world.wished)
    assert spacing.mean() == pytest.approx(333_333, abs=1)
    assert np.abs(np.array(world.wished) - world.wished[0] - 333_333 * np.arange(len(world.wished))).max() < 2 * US


def test_the_process_sleeps_until_shortly_before_and_then_reads_the_clock():
    world = World()
    world.run(3)
    loops = np.array(world.begun) - np.array(world.wished)
    assert loops.tolist() == pytest.approx([SPIN_NS] * (3 + LEAD_IN), abs=2 * US)


def test_waking_late_within_the_loop_is_reported_and_does_not_show_in_the_response():
    series = World(wake_late=SPIN_NS // 2).run(20)
    assert series.wake_late_ns.tolist() == pytest.approx([SPIN_NS // 2] * 20, abs=2 * US)
    assert in_tenths(series.response_ns) == [1] * 20


def test_waking_later_than_that_delays_the_request():
    series = World(wake_late=5 * SPIN_NS).run(5, period=4 * MS)
    late = series.response_ns - series.service_ns
    assert late.tolist() == pytest.approx([4 * SPIN_NS] * 5, abs=3 * US)


def test_a_request_that_waited_in_the_queue_has_no_sleep_before_it():
    series = World([25 * MS // 10]).run(6)
    assert len(series.response_ns) == 6
    assert len(series.wake_late_ns) == 4


def test_the_loop_is_as_long_as_the_schedule_says():
    world = World()
    world.run(10, spin_ns=MS // 8)
    loops = np.array(world.begun) - np.array(world.wished)
    assert loops.tolist() == pytest.approx([MS // 8] * (10 + LEAD_IN), abs=2 * US)


def test_where_less_time_than_the_loop_is_left_nothing_sleeps():
    world = World(wake_late=MS)
    series = world.run(10, period=SPIN_NS)
    assert world.wished == []
    assert len(series.wake_late_ns) == 0
    assert in_tenths(series.response_ns) == [1] * 10


def test_requests_before_the_first_are_served_and_not_counted():
    world = World()
    series = world.run(7)
    assert len(world.inputs) == 7 + LEAD_IN
    assert len(series.response_ns) == 7


def test_inputs_take_turns_from_the_first_set_on():
    world = World()
    series = world.run(7)
    assert world.inputs[LEAD_IN:] == ["a", "b", "c", "a", "b", "c", "a"]
    assert (series.outputs, series.last_set) == ("a", 0)


def test_a_long_period_has_few_requests_that_are_not_counted():
    world = World()
    world.run(2, period=10**9)
    assert len(world.inputs) == 3


def test_the_load_begins_once_before_its_request():
    world, began = World(), []
    world.run(10, load_from=6, begin_load=lambda: began.append(len(world.inputs) - LEAD_IN))
    assert began == [6]


def test_an_interrupt_keeps_what_was_finished():
    world = World()

    def call(inputs):
        if len(world.inputs) == LEAD_IN + 4:
            raise KeyboardInterrupt
        return world.call(inputs)

    series = run_paced(call, ["a"], Schedule(MS, 100), clock=world.clock, sleep=world.sleep)
    assert series.ending is Ending.INTERRUPT
    assert in_tenths(series.response_ns) == [1] * 4


def test_an_interrupt_before_the_first_request_leaves_an_empty_series():
    def call(_):
        raise KeyboardInterrupt

    world = World()
    series = run_paced(call, ["a"], Schedule(MS, 100), clock=world.clock, sleep=world.sleep)
    assert (series.ending, len(series.response_ns), series.outputs) == (Ending.INTERRUPT, 0, None)


def test_a_series_that_cannot_keep_up_is_closed_early():
    series = World([2 * MS] * 10_000).run(10_000)
    assert series.ending is Ending.BEHIND
    assert 10_000 / 2 < len(series.response_ns) < 0.7 * 10_000
    assert (np.diff(series.response_ns) > 0).all()


def test_the_garbage_collector_sleeps_inside_and_wakes_after():
    states = []
    world = World()
    run_paced(lambda _: states.append(gc.isenabled()), ["a"], Schedule(MS, 3), clock=world.clock, sleep=world.sleep)
    assert set(states) == {False}
    assert gc.isenabled()


def test_a_jump_of_the_system_clock_has_no_effect(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    series = run_paced(lambda _: None, ["a"], Schedule(MS, 50))
    assert len(series.response_ns) == 50
    assert (series.response_ns >= series.service_ns).all(), "no request begins before it is due"
    assert (series.wake_late_ns >= 0).all()


def test_a_series_knows_when_its_first_request_was_due_and_its_last_one_done():
    world = World()
    series = world.run(50)
    assert series.first_ns == pytest.approx(world.begun[LEAD_IN], abs=10 * US)
    assert series.last_ns == series.first_ns + 49 * MS + series.response_ns[-1]


def test_a_series_that_was_interrupted_before_its_first_request_lasted_no_time():
    world = World()

    def call(_):
        raise KeyboardInterrupt

    series = run_paced(call, ["a"], Schedule(MS, 100), clock=world.clock, sleep=world.sleep)
    assert series.last_ns == series.first_ns
