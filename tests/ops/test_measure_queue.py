"""What is still to be measured, in which order, and how much of it one job takes; whether the machine changed."""

import math

import numpy as np
import pytest

from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.replay import Mode, Replay
from stopwatt.ops.queue import FIRST, JOB_S, MOST, Order, Queue, Task, tasks_of
from stopwatt.ops.steadiness import Steadiness
from stopwatt.records import Measured, Samples, Status, Suspect

MODES = (Mode.REUSE, Mode.STREAM)


def operator(number):
    return Operator("aten.relu.default", (Tensor((number + 1,)),), ({"tensor": 0},))


def tasks(count, modes=MODES):
    return [Task(operator(number), modes) for number in range(count)]


def test_equal_operators_of_several_models_are_measured_once():
    assert len(tasks_of([operator(1), operator(2), operator(1)], MODES, ())) == 2


def test_what_is_known_is_not_measured_again_mode_by_mode():
    first, second, third = (operator(number) for number in range(3))
    known = {(first.key, Mode.REUSE), (second.key, Mode.REUSE), (second.key, Mode.STREAM)}
    found = tasks_of([first, second, third], MODES, known, order=Order.GIVEN)
    assert found == [Task(first, (Mode.STREAM,)), Task(third, MODES)]


def test_the_order_is_random_by_the_seed_unless_it_is_given():
    operators = [operator(number) for number in range(20)]
    first, same, other = ([one.operator for one in tasks_of(operators, MODES, (), seed=seed)] for seed in (0, 0, 1))
    assert first == same
    assert first != other
    assert [one.operator for one in tasks_of(operators, MODES, (), order=Order.GIVEN)] == operators


def test_the_first_job_is_small_and_the_next_ones_last_some_seconds():
    queue = Queue(tasks(200))
    assert len(queue.take()) == FIRST
    queue.learn(FIRST * 2 * 0.1, FIRST * 2)
    assert len(queue.take()) == pytest.approx(JOB_S / 0.2, abs=1)
    queue.learn(0.0, 10**6)
    assert len(queue.take()) == MOST


def test_a_job_has_tasks_of_the_same_modes_only():
    queue = Queue([*tasks(2), *tasks(2, (Mode.CHAINED,))])
    assert [one.modes for one in queue.take()] == [MODES, MODES]
    assert [one.modes for one in queue.take()] == [(Mode.CHAINED,)] * 2


def test_where_each_series_is_alone_so_is_each_job():
    queue = Queue(tasks(2), alone=True)
    assert len(queue) == 4
    assert [one.modes for one in queue.take()] == [(Mode.REUSE,)]


def test_what_is_put_back_comes_next_in_its_order():
    queue = Queue(tasks(6))
    taken = queue.take()
    queue.put_back(taken)
    assert queue.take() == taken


def test_what_is_left_is_told_from_what_was_done():
    queue = Queue(tasks(10))
    assert queue.left_s == 0.0
    queue.take()
    queue.learn(8.0, 8)
    assert queue.series == 12
    assert queue.left_s == 12.0
    assert queue.expected_s() == 4.0  # JOB_S holds two operators of two modes


def test_of_an_empty_queue_nothing_is_expected():
    assert Queue([]).expected_s() == 0.0


def heard(*seconds):
    samples = [{"call": Samples(np.full(3, one * 1e9), "ns")} for one in seconds]
    return [Replay("sentinel", Mode.REUSE, Status.OK, samples=one) for one in samples]


def test_a_job_whose_sentinel_is_as_usual_is_not_suspect():
    steady = Steadiness("cpu")
    pairs = [steady.hear(heard(1.0, 1.02)) for _ in range(3)]
    assert not any(steady.is_suspect(one) for one in pairs)
    assert steady.reading(pairs[0]) == Measured(1.01, "s")
    assert steady.usual_s == pytest.approx(1.01)
    assert steady.spread == pytest.approx(0.02 / 1.01)


@pytest.mark.parametrize(("device", "moved"), [("cpu", 1.06), ("cuda", 1.03), ("cuda:1", 0.97), ("cpu", 0.93)])
def test_a_job_whose_sentinel_moved_at_one_end_is_suspect(device, moved):
    steady = Steadiness(device)
    for _ in range(4):
        steady.hear(heard(1.0, 1.0))
    pair = steady.hear(heard(1.0, moved))
    assert steady.is_suspect(pair)
    reading = steady.reading(pair)
    assert isinstance(reading, Suspect)
    assert "away from its median" in reading.why


@pytest.mark.parametrize(("device", "moved"), [("cpu", 1.04), ("cuda", 1.015)])
def test_small_moves_are_the_devices_own(device, moved):
    steady = Steadiness(device)
    for _ in range(4):
        steady.hear(heard(1.0, 1.0))
    assert not steady.is_suspect(steady.hear(heard(moved, moved)))


def test_of_two_jobs_nobody_knows_which_is_usual():
    steady = Steadiness("cpu")
    steady.hear(heard(1.0, 1.0))
    assert not steady.is_suspect(steady.hear(heard(2.0, 2.0)))


def test_a_job_without_a_sentinel_says_nothing():
    steady = Steadiness("cpu")
    pair = steady.hear([Replay("sentinel", Mode.REUSE, Status.FAILED)])
    assert steady.reading(pair) is None
    assert not steady.is_suspect(pair)
    assert math.isnan(steady.usual_s)
    assert math.isnan(steady.spread)
