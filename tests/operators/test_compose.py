"""The time of a model from the times of its operators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.operators.compose import Launches, compose, compose_energy

SECONDS = st.floats(0, 1e3, allow_nan=False)


def numbers(*values):
    return np.array(values, dtype=np.float64)


def order(*values):
    return np.array(values, dtype=np.int64)


def test_on_a_cpu_the_composed_time_is_the_plain_sum_and_the_gaps():
    found = compose(order(0, 1, 0), numbers(3, 5), numbers(), numbers(1, 0, 2, 4), on_device=False)
    assert (found.sum_s, found.gaps_s, found.composed_s, found.host_s) == (11, 7, 18, 18)
    assert found.starts.tolist() == [1, 4, 11]
    assert found.ends.tolist() == [4, 9, 14]
    assert found.waiting_s == 7


def test_without_known_gaps_the_composed_time_on_a_cpu_is_the_plain_sum():
    found = compose(order(0, 1), numbers(3, 5), numbers(), numbers(), on_device=False)
    assert found.composed_s == found.sum_s == 8


def test_a_launch_bound_model_takes_as_long_as_its_host_and_its_last_operator():
    found = compose(order(0, 0, 0), numbers(1), numbers(4), numbers(1, 1, 1, 0), on_device=True)
    assert found.starts.tolist() == [5, 10, 15]
    assert found.composed_s == 16
    assert found.sum_s == 3


def test_a_device_bound_model_takes_as_long_as_its_device_after_the_first_launch():
    found = compose(order(0, 0, 0), numbers(100), numbers(4), numbers(1, 1, 1, 0), on_device=True)
    assert found.starts.tolist() == [5, 105, 205]
    assert found.composed_s == 305


def test_a_long_operator_hides_the_launches_of_the_short_ones_behind_it():
    found = compose(order(0, 1, 1, 1), numbers(10, 1), numbers(2, 2), numbers(0, 0, 0, 0, 0), on_device=True)
    assert found.starts.tolist() == [2, 12, 13, 14]
    assert found.composed_s == 15


def test_a_host_that_goes_on_after_the_last_launch_is_waited_for():
    assert compose(order(0), numbers(1), numbers(1), numbers(0, 50), on_device=True).composed_s == 51


def launches(submit, call, waits=None):
    return Launches(numbers(*submit), numbers(*call), np.array(waits or [False] * len(submit)))


def test_an_operator_of_many_kernels_runs_while_the_host_still_submits_it():
    found = compose(order(0), numbers(30), launches([100], [103]), numbers(5, 0), on_device=True)
    assert found.composed_s == 108


def test_what_it_takes_to_learn_of_the_end_counts_once_and_not_for_each_operator():
    each = launches([4], [12])  # runs for 3, so that 5 of it are the wait
    alone, three = (compose(order(*[0] * n), numbers(3), each, numbers(*[0] * (n + 1)), on_device=True) for n in (1, 3))
    assert alone.composed_s == 12
    assert three.composed_s == 12 + 2 * 4
    busy = compose(order(0, 0, 0), numbers(100), launches([4], [109]), numbers(0, 0, 0, 0), on_device=True)
    assert busy.composed_s == 109 + 2 * 100


def test_a_host_that_reads_a_value_goes_on_when_the_device_is_through():
    reads = launches([2, 2], [52, 12], [False, True])
    found = compose(order(0, 1, 0), numbers(50, 12), reads, numbers(0, 0, 0, 0), on_device=True)
    assert found.ends.tolist() == [52, 64, 116]
    assert found.host_s == 6
    plain = compose(order(0, 1, 0), numbers(50, 12), launches([2, 2], [52, 12]), numbers(0, 0, 0, 0), on_device=True)
    assert plain.composed_s == 114


def test_calls_that_nobody_waits_for_follow_each_other_at_the_pace_of_the_slower_queue():
    for device, submit, interval in ((10, 4, 20), (1, 4, 8)):
        found = compose(order(0, 0), numbers(device), numbers(submit), numbers(0, 0, 0), on_device=True)
        assert found.interval_s == interval


def test_a_model_without_an_operator_takes_its_gap():
    assert compose(order(), numbers(), numbers(), numbers(2), on_device=True).composed_s == 2
    assert compose(order(), numbers(), numbers(), numbers(), on_device=False).composed_s == 0


@pytest.mark.parametrize(
    ("device", "gaps"), [((1.0,), (1.0,)), ((-1.0,), (0.0, 0.0)), ((np.nan,), ()), ((1.0,), (0.0, np.inf))]
)
def test_times_that_cannot_be_are_refused(device, gaps):
    with pytest.raises(ValueError, match=r"gaps|negative"):
        compose(order(0), numbers(*device), numbers(0), numbers(*gaps), on_device=True)


@given(st.data(), st.integers(1, 30))
def test_two_queues_take_at_least_the_longer_and_at_most_both(data, calls):
    def some(size):
        return numbers(*data.draw(st.lists(SECONDS, min_size=size, max_size=size)))

    device, submit, gaps = some(calls), some(calls), some(calls + 1)
    found = compose(np.arange(calls), device, submit, gaps, on_device=True)
    slack = 1e-9 * (1 + found.sum_s + found.host_s)
    assert found.composed_s >= max(found.sum_s, found.host_s) - slack
    assert found.composed_s <= found.sum_s + found.host_s + slack
    host = end = 0.0
    for place in range(calls):  # the definition, call by call
        host += gaps[place] + submit[place]
        end = max(end, host) + device[place]
        assert found.ends[place] == pytest.approx(end, rel=1e-9, abs=1e-9)


@given(st.lists(SECONDS, min_size=1, max_size=30), st.floats(0, 10))
def test_on_a_cpu_nothing_overlaps(times, gap):
    calls = len(times)
    found = compose(np.arange(calls), numbers(*times), numbers(), np.full(calls + 1, gap), on_device=False)
    assert found.composed_s == pytest.approx(sum(times) + gap * (calls + 1), rel=1e-9, abs=1e-9)


def test_energy_is_the_idle_power_all_the_time_and_what_the_operators_draw_beyond_it():
    # 10 s at 100 W, and 4 s at 200 W beyond that: 1000 J + 800 J; the plain sum of operators would be 1200 J
    assert compose_energy(numbers(1, 3), numbers(300, 300), wall_s=10, active_idle_w=100) == 1800


def test_operators_that_fill_the_whole_time_need_the_sum_of_their_energies():
    assert compose_energy(numbers(1, 3), numbers(300, 200), wall_s=4, active_idle_w=100) == 900


def test_pages_and_slow_calls_come_to_operators_and_gaps():
    found = compose(order(0), numbers(3), numbers(), numbers(1, 0), on_device=False, paging_s=5, excess_s=2)
    assert (found.composed_s, found.host_s, found.waiting_s) == (11, 9, 1)
