"""One number for an operator: the median, the trimmed mean beside it, and the interval of one process."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.operators.replay import Mode, Replay
from stopwatt.operators.statistics import gap_of, interval_of, samples_of, time_of, trimmed_mean_of
from stopwatt.records import Samples, Status
from stopwatt.stats.quantiles import Interval, NoInterval


def replay(call_ns, device_ns=None):
    series = {"call": call_ns, **({} if device_ns is None else {"device": device_ns})}
    samples = {name: Samples(np.asarray(values, dtype=np.float64), "ns") for name, values in series.items()}
    return Replay("a key", Mode.REUSE, Status.OK, samples=samples)


def test_the_time_is_the_median_of_the_calls_in_seconds():
    assert time_of(replay([1000.0, 3000.0, 2000.0])) == pytest.approx(2e-6)


def test_the_time_on_the_device_counts_where_it_was_measured():
    assert time_of(replay([9000.0, 9000.0], device_ns=[400.0, 600.0])) == pytest.approx(5e-7)


def test_a_replay_that_failed_has_no_time():
    with pytest.raises(KeyError):
        time_of(Replay("a key", Mode.REUSE, Status.FAILED))


def test_a_sample_beyond_three_deviations_is_left_out_of_the_mean():
    values = [100.0] * 30 + [10_000.0]

    assert trimmed_mean_of(replay(values)) == pytest.approx(100e-9)
    assert np.mean(values) > 400


def test_the_mean_is_trimmed_once_and_not_until_nothing_lies_outside():
    values = np.array([100.0] * 100 + [200.0] * 2 + [5000.0])  # without the largest, the two lie outside as well

    left = values[values < 5000]
    assert np.abs(left - left.mean()).max() > 3 * left.std(ddof=1)
    assert trimmed_mean_of(replay(values)) == pytest.approx(left.mean() * 1e-9)


def test_of_ten_samples_none_lies_so_far_away_that_it_could_be_left_out():
    values = [1.0] * 9 + [1e9]

    assert trimmed_mean_of(replay(values)) == pytest.approx(np.mean(values) * 1e-9)


def test_the_gap_is_what_slow_samples_add_to_the_median():
    assert gap_of(replay([100.0, 100.0, 100.0, 140.0])) == pytest.approx(0.1)


@given(st.lists(st.floats(1, 1e9), min_size=1, max_size=60))
def test_the_trimmed_mean_lies_between_the_smallest_and_the_largest_sample(values):
    found = trimmed_mean_of(replay(values))

    assert min(values) * 1e-9 * (1 - 1e-9) <= found <= max(values) * 1e-9 * (1 + 1e-9)


def test_the_interval_of_one_process_holds_the_median_and_is_in_seconds():
    one = replay(np.random.default_rng(0).lognormal(6, 0.1, 101))

    found = interval_of(one)
    assert isinstance(found, Interval)
    assert samples_of(one).min() <= found.low < time_of(one) < found.high <= samples_of(one).max()


def test_too_few_samples_have_no_interval():
    assert isinstance(interval_of(replay([100.0, 110.0, 120.0])), NoInterval)
