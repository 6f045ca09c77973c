import numpy as np
import pytest
from scipy.stats import binomtest

from stopwatt.stats.shares import share_interval


@pytest.mark.parametrize(("count", "n"), [(0, 50), (1, 50), (20, 1000), (50, 50), (300, 999)])
def test_scattered_events_have_the_interval_of_clopper_and_pearson(count, n):
    events = np.zeros(n, dtype=bool)
    events[np.random.default_rng(1).choice(n, count, replace=False)] = True
    exact = binomtest(count, n).proportion_ci(0.95, method="exact")

    assert share_interval([events]) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_events_in_one_burst_say_less_about_their_share():
    scattered, burst = np.zeros((2, 1000), dtype=bool)
    scattered[::50] = True
    burst[500:520] = True

    low, high = share_interval([scattered])
    wide_low, wide_high = share_interval([burst])
    assert wide_low < low < 0.02 < high < wide_high


def test_events_in_one_process_of_several_say_less_too():
    dice = np.random.default_rng(2)
    alike = [dice.random(300) < 0.1 for _ in range(3)]
    unlike = [dice.random(300) < share for share in (0.3, 0.0, 0.0)]

    def width(rounds):
        low, high = share_interval(rounds)
        return high - low

    assert width(unlike) > 2 * width(alike)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_trials_say_little(n):
    low, high = share_interval([np.ones(n, dtype=bool)])

    assert (low, high) == (pytest.approx(0.025 ** (1 / n)), 1.0)
