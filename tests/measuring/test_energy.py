"""The energy phase against a device that counts, on a clock that only its work moves."""

import gc
import random
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from stopwatt.devices.cpu import Cpu
from stopwatt.energy import ACTIVE_IDLE, RULES, SENTINEL, SETTLING, WINDOW, EnergyRules, Grade
from stopwatt.measuring.energy import (
    BLOCK_NS,
    ESTIMATE_NOT_ASKED,
    METRICS_OF,
    SENTINEL_TICKS,
    estimated,
    run_energy,
)
from stopwatt.meters.laid import LEAST_IDLE_TICKS
from stopwatt.metrics import METRICS
from stopwatt.records import Estimated, Unavailable

MS = 1_000_000
SHORT = EnergyRules(settle_s=0.2, window_s=0.5, ticks=20, windows=3, idle_s=0.3, sentinel_s=0.0)


@dataclass
class World:
    """A device whose calls take a while, and that runs them when it is waited for."""

    call_ns: int = MS
    now_ns: int = 1_000_000_000
    queued: list = field(default_factory=list)
    done: list = field(default_factory=list)
    blocks: list = field(default_factory=list)
    readings: list = field(default_factory=list)
    name: str = "fake"
    interrupt_after: int = 10**9
    recorded: object = None
    exercise_ns: int = 5 * MS
    exercises: int = 0
    no_room: Exception | None = None

    def submit(self, inputs):
        if len(self.done) + len(self.queued) >= self.interrupt_after:
            raise KeyboardInterrupt
        self.queued.append(inputs)
        return inputs

    def synchronize(self):
        self.now_ns += len(self.queued) * self.call_ns
        if self.queued:
            self.blocks.append(len(self.queued))
        self.done += self.queued
        self.queued = []

    def capture(self, work):
        if self.recorded is None:
            return None
        if isinstance(self.recorded, Exception):
            raise self.recorded
        before = list(self.queued)
        work()
        recording = self.queued[len(before) :]
        self.queued = before
        return lambda: self.queued.extend(recording)

    def exercise(self):
        if self.no_room:
            raise self.no_room

        def work():
            self.exercises += 1
            self.now_ns += self.exercise_ns

        return work

    def clock(self):
        assert not self.queued, "the clock was read inside a block"
        self.readings.append(self.now_ns)
        return self.now_ns

    def sleep(self, seconds):
        self.now_ns += round(seconds * 1e9)

    def run(self, rules=SHORT, tick_s=0.02, seed=0, sets=("a", "b", "c")):
        subject = SimpleNamespace(sets=list(sets), submit=self.submit, device=self)
        return run_energy(subject, rules, tick_s, dice=random.Random(seed), clock=self.clock, sleep=self.sleep)


def named(found, name):
    return [span for span in found.spans if span.name == name]


def test_the_phase_settles_then_has_its_windows_then_leaves_the_device_alone():
    found = World().run()
    assert [span.name for span in found.spans] == [SETTLING, WINDOW, WINDOW, WINDOW, ACTIVE_IDLE]
    assert (found.interrupted, found.why) == (False, "")
    assert all(before.end_ns <= after.begin_ns for before, after in pairwise(found.spans))


def test_a_window_counts_exactly_the_calls_that_began_and_ended_inside():
    found = World(call_ns=3 * MS).run()
    for span in (*named(found, SETTLING), *named(found, WINDOW)):
        assert span.end_ns - span.begin_ns == span.calls * 3 * MS
    assert named(found, ACTIVE_IDLE)[0].calls == 0


@pytest.mark.parametrize(("tick_s", "ticks", "least_s"), [(0.02, 20, 0.5), (0.1, 20, 2.2), (0.1, 50, 5.2)])
def test_a_window_is_as_long_as_the_rules_or_the_ticks_of_the_counter_want_it(tick_s, ticks, least_s):
    found = World().run(replace(SHORT, ticks=ticks), tick_s)
    for span in named(found, WINDOW):
        assert least_s <= span.seconds <= least_s + 2 * BLOCK_NS / 1e9


@pytest.mark.parametrize("call_ns", [200, 20_000, MS, 30 * MS])
def test_a_block_is_waited_for_about_every_fifty_milliseconds(call_ns):
    world = World(call_ns=call_ns)
    world.run(replace(SHORT, windows=1))
    lengths = [calls * call_ns for calls in world.blocks[-5:]]
    assert all(BLOCK_NS / 2 <= length <= 2 * BLOCK_NS for length in lengths)


def test_a_call_longer_than_a_block_is_a_block_of_its_own():
    world = World(call_ns=400 * MS)
    found = world.run()
    assert set(world.blocks) == {1}
    assert all(span.calls == 2 for span in named(found, WINDOW))


def test_the_clock_is_read_between_blocks_only_and_once_for_each():
    world = World()
    world.run(replace(SHORT, windows=1))
    assert len(world.readings) <= len(world.blocks) + 5  # `clock` itself refuses to be read inside a block


def test_inputs_take_turns_without_a_gap_from_the_first_call_to_the_last():
    world = World()
    world.run()
    assert world.done == [("a", "b", "c")[place % 3] for place in range(len(world.done))]


def test_windows_begin_anywhere_between_two_ticks_and_the_device_is_busy_until_they_do():
    world = World(call_ns=100_000)
    windows = named(world.run(replace(SHORT, windows=20), tick_s=0.1), WINDOW)
    pauses = [after.begin_ns - before.end_ns for before, after in pairwise(windows)]
    assert max(pauses) <= 0.11e9
    assert min(pauses) < 0.03e9
    assert max(pauses) > 0.07e9
    busy = len(world.done) * world.call_ns
    assert windows[-1].end_ns - 1_000_000_000 == busy  # no time passed without a call


def test_pauses_are_those_of_the_seed():
    assert World().run(seed=1).spans == World().run(seed=1).spans
    assert World().run(seed=1).spans != World().run(seed=2).spans


def test_nothing_is_collected_while_the_device_is_busy():
    states = []
    world = World()
    world.sleep = lambda _: states.append(gc.isenabled())
    world.run()
    assert states
    assert not any(states)
    assert gc.isenabled()


def test_an_interrupt_keeps_the_windows_that_were_finished():
    whole = World().run()
    calls = sum(span.calls for span in whole.spans[:3])
    found = World(interrupt_after=calls).run()
    assert found.interrupted
    assert found.spans == whole.spans[:2]


def test_a_recording_of_all_inputs_is_repeated_and_its_calls_are_counted():
    world = World(call_ns=10_000, recorded="yes")
    found = world.run(replace(SHORT, replay=True))
    for span in named(found, WINDOW):
        assert span.calls % 3 == 0
        assert span.end_ns - span.begin_ns == span.calls * 10_000
    assert world.done[:6] == ["a", "b", "c", "a", "b", "c"]


def test_a_device_without_recordings_says_so_instead_of_running_plain_calls():
    world = World()
    found = world.run(replace(SHORT, replay=True))
    assert found.spans == ()
    assert found.why == "the calls cannot be recorded for replay: fake has no queue of work"
    assert world.done == []


def test_work_that_cannot_be_recorded_names_what_the_runtime_said():
    world = World(recorded=RuntimeError("operation not permitted\n when stream is capturing"))
    found = world.run(replace(SHORT, replay=True))
    assert found.why == (
        "the calls cannot be recorded for replay: RuntimeError: operation not permitted when stream is capturing"
    )


def test_the_sentinel_is_the_work_of_the_device_and_stands_between_the_windows_and_the_idle_device():
    slow, fast = World(call_ns=7 * MS), World(call_ns=MS // 2)
    found = [world.run(replace(SHORT, sentinel_s=1.0)) for world in (slow, fast)]
    for world, phase in zip((slow, fast), found, strict=True):
        assert [span.name for span in phase.spans] == [SETTLING, WINDOW, WINDOW, WINDOW, SENTINEL, ACTIVE_IDLE]
        (sentinel,) = named(phase, SENTINEL)
        assert sentinel.end_ns - sentinel.begin_ns == sentinel.calls * world.exercise_ns
        assert 0 < sentinel.calls < world.exercises  # the first ones only settle
        assert sentinel.begin_ns - named(phase, WINDOW)[-1].end_ns >= 300 * MS
    assert named(found[0], SENTINEL)[0].calls == named(found[1], SENTINEL)[0].calls
    assert slow.now_ns != fast.now_ns


@pytest.mark.parametrize(("tick_s", "least_s"), [(0.02, 1.0), (0.1, 1.0), (0.5, 3.5)])
def test_a_sentinel_is_long_enough_for_its_ticks_wherever_it_begins(tick_s, least_s):
    (sentinel,) = named(World().run(replace(SHORT, sentinel_s=1.0), tick_s), SENTINEL)
    assert least_s <= sentinel.seconds <= least_s + 2 * BLOCK_NS / 1e9
    assert SENTINEL_TICKS >= LEAST_IDLE_TICKS


def test_without_a_sentinel_the_device_does_the_calls_of_the_model_only():
    world = World()
    assert named(world.run(), SENTINEL) == []
    assert world.exercises == 0


def test_a_device_without_room_for_the_sentinel_loses_only_that_and_says_why():
    found = World(no_room=RuntimeError("CUDA out\n of memory")).run(replace(SHORT, sentinel_s=1.0))
    assert [span.name for span in found.spans] == [SETTLING, WINDOW, WINDOW, WINDOW, ACTIVE_IDLE]
    assert found.no_sentinel == "RuntimeError: CUDA out of memory"


def test_an_interrupt_in_the_sentinel_keeps_all_windows():
    found = World(no_room=KeyboardInterrupt()).run(replace(SHORT, sentinel_s=1.0))
    assert found.interrupted
    assert [span.name for span in found.spans] == [SETTLING, WINDOW, WINDOW, WINDOW]


def test_a_processor_does_the_same_product_in_every_process(monkeypatch):
    seen = []
    monkeypatch.setattr(np, "matmul", lambda a, b, out: seen.append((a.copy(), b.copy(), out.shape)))
    for _ in range(2):
        Cpu().exercise()()
    (first, again) = seen
    assert first[0].shape == first[2] == (512, 512)
    assert all(np.array_equal(one, other) for one, other in zip(first[:2], again[:2], strict=True))


def test_reported_windows_are_longer_than_screening_ones():
    screening, reported = RULES[Grade.SCREENING], RULES[Grade.REPORTED]
    assert screening.settle_s >= 1.2
    assert screening.window_s >= 2.0
    assert reported.settle_s > screening.settle_s
    assert reported.sentinel_s > screening.sentinel_s > 0
    assert reported.window_s >= 5.0
    assert reported.ticks >= 50
    assert min(screening.windows, reported.windows) >= 3


def test_every_metric_of_energy_and_power_belongs_to_one_scope():
    of_scopes = [name for names in METRICS_OF.values() for name in names]
    wanted = [name for name in METRICS if name.startswith(("energy_", "power_", "efficiency_"))]
    assert sorted(of_scopes) == sorted(name for name in wanted if name != "energy_cpu_estimated")


def test_an_estimate_is_cpu_time_times_watts_with_an_interval_of_forty_percent_either_way():
    reading = estimated(0.01, 15.0)
    assert isinstance(reading, Estimated)
    assert (reading.value, reading.low, reading.high) == pytest.approx((0.15, 0.09, 0.21))
    assert "15 W" in reading.how


def test_nobody_gets_an_estimate_who_did_not_ask():
    assert estimated(0.01, None) == Unavailable(ESTIMATE_NOT_ASKED)
