import math

import numpy as np
import pytest
import scipy.stats

from stopwatt.analyse.estimate import Rejected, Series, largest, series_of, single_values, tail, typical
from stopwatt.records import Samples


def shuffled(values, seed=0):
    return np.random.default_rng(seed).permutation(np.asarray(values, dtype=np.float64))


def several(*arrays):
    return [Series(number, np.asarray(values, dtype=np.float64)) for number, values in enumerate(arrays)]


def t_on_logs(values):
    found = scipy.stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    return math.exp(found.low), math.exp(found.high)


def test_nanoseconds_become_seconds_to_the_digit():
    unit, (series,) = series_of([(0, Samples(np.array([1_000_000, 4_510_000]), "ns"))])

    assert unit == "s"
    assert series.values.tolist() == [0.001, 0.00451]


def test_other_units_stay():
    unit, (series,) = series_of([(0, Samples(np.array([10.5]), "samples/s"))])

    assert unit == "samples/s"
    assert series.values.tolist() == [10.5]


def test_a_bad_trial_is_rejected_with_round_and_index():
    good, bad = Samples(np.array([5, 5]), "ns"), Samples(np.array([5, 5, -1]), "ns")

    with pytest.raises(Rejected, match="round 4: trial 2 is -1, not a positive finite number"):
        series_of([(3, good), (4, bad)])


def test_rounds_without_a_trial_are_left_out():
    _, series = series_of([(0, Samples(np.array([], dtype=np.int64), "ns")), (1, Samples(np.array([7]), "ns"))])

    assert [one.round for one in series] == [1]


def test_three_rounds_are_summarised_by_t_on_their_medians():
    estimate = typical("latency", "s", several([1, 2, 3], [4, 4, 4], [8, 8, 9]))
    low, high = t_on_logs([2, 4, 8])

    assert estimate.value == pytest.approx(4)
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))
    assert (estimate.n, estimate.rounds) == (9, 3)
    assert estimate.method == "t on 3 round medians"
    assert estimate.why == ""


def test_one_round_has_the_interval_within_it_and_says_so():
    estimate = typical("latency", "s", several(shuffled(range(1, 101))))

    assert (estimate.value, estimate.low, estimate.high) == (50.5, 40, 61)
    assert estimate.method == "one process, order statistics"


def test_two_rounds_have_the_hull_of_both_intervals():
    estimate = typical("latency", "s", several(shuffled(range(1, 101)), shuffled(range(101, 201))))

    assert estimate.value == pytest.approx(math.sqrt(50.5 * 150.5))
    assert (estimate.low, estimate.high) == (40, 161)
    assert estimate.method == "two processes, order statistics"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_trials_gives_a_value_without_an_interval(n):
    estimate = typical("latency", "s", several(np.full(n, 2.0) + np.arange(n)))

    assert estimate.value is not None
    assert estimate.low is None
    assert estimate.high is None
    assert estimate.method == "median of one process"
    assert estimate.why.startswith("no interval: needs 6 trials")


def test_equal_trials_are_resolution_limited():
    estimate = typical("latency", "s", several(np.full(300, 1e-7)))

    assert estimate.value == 1e-7
    assert estimate.low is None
    assert "resolution-limited" in estimate.why


def test_a_tail_that_every_round_supports_has_a_t_interval_across_rounds():
    ramp = np.arange(1, 301)
    estimate = tail("latency_p99", "s", several(shuffled(ramp), shuffled(2 * ramp), shuffled(4 * ramp)), 0.99)
    low, high = t_on_logs([297, 594, 1188])

    assert estimate.value == pytest.approx(594)
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))
    assert (estimate.n, estimate.method) == (900, "t on 3 round p99s")


def test_a_tail_of_one_round_has_order_statistics():
    estimate = tail("latency_p99", "s", several(shuffled(range(1, 1001))), 0.99)

    assert estimate.value == 990
    assert estimate.low < 990 < estimate.high <= 1000
    assert estimate.method == "one process, order statistics"


def test_a_tail_of_one_round_whose_trials_depend_on_each_other_has_no_interval():
    estimate = tail("latency_p99", "s", several(np.arange(1, 1001)), 0.99)

    assert estimate.value == 990
    assert estimate.low is None
    assert "depend on their neighbours" in estimate.why


def test_a_tail_that_only_all_rounds_together_support_has_no_interval():
    estimate = tail("latency_p99", "s", several(*np.arange(1, 301).reshape(3, 100)), 0.99)

    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (297, None, None, 300)
    assert estimate.method == "p99 of 3 rounds' pooled trials"
    assert estimate.why == "no interval: needs 299 trials in every round"


def test_a_tail_without_support_says_how_many_trials_it_needs():
    estimate = tail("latency_p99.9", "s", several(np.arange(1, 301), np.arange(1, 301)), 0.999)

    assert estimate.value is None
    assert estimate.n == 600
    assert estimate.why == "needs 2995 trials (has 600)"
    assert estimate.needs == 2995


def test_the_largest_trial_carries_its_n():
    estimate = largest("latency_max", "s", several([1, 9], [3, 4, 5]))

    assert (estimate.value, estimate.n, estimate.rounds, estimate.low) == (9, 5, 2, None)
    assert estimate.method == "largest of 5 trials"


def test_single_values_of_three_rounds_have_a_t_interval():
    estimate = single_values("cold_start", "s", np.array([2.0, 2.2, 2.1]))
    low, high = t_on_logs([2.0, 2.2, 2.1])

    assert estimate.value == pytest.approx((2.0 * 2.2 * 2.1) ** (1 / 3))
    assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))
    assert estimate.method == "t on 3 rounds"


@pytest.mark.parametrize(
    ("values", "value", "method", "why"),
    [
        ([3.0], 3.0, "one process", "no interval: needs 3 rounds (has 1)"),
        ([2.0, 8.0], 4.0, "geometric mean of 2 rounds", "no interval: needs 3 rounds (has 2)"),
        ([5.0] * 3, 5.0, "geometric mean of 3 rounds", "no interval: all 3 rounds gave the same value"),
        ([0.0, 0.0, 4.0], 0.0, "median of 3 rounds", "no interval: a value is 0"),
    ],
)
def test_single_values_without_an_interval_say_why(values, value, method, why):
    estimate = single_values("host_memory", "B", np.array(values))

    assert estimate.value == pytest.approx(value)
    assert estimate.low is None
    assert (estimate.method, estimate.why) == (method, why)
