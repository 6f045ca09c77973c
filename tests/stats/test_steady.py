import subprocess
import sys

import numpy as np
import pytest

from stopwatt.stats.steady import block_medians, windows_agree
from stopwatt.stats.trend import mann_kendall


def window(seed, level=1e6, n=100):
    return (level * np.random.default_rng(seed).lognormal(sigma=0.01, size=n)).astype(np.int64)


def test_two_windows_of_the_same_level_are_steady():
    verdict = windows_agree(window(1), window(2))

    assert verdict.steady
    assert abs(verdict.change) < 0.01
    assert verdict.why == ""


def test_a_median_that_moved_is_not_steady_and_the_reason_says_by_how_much():
    verdict = windows_agree(np.full(100, 1000), np.full(100, 970))

    assert not verdict.steady
    assert verdict.change == pytest.approx(-0.03)
    assert "the median changed by -3.0% (more than 1.0%)" in verdict.why


def test_a_change_within_a_wider_tolerance_passes_where_no_trend_is_tested():
    assert windows_agree(np.full(100, 1000), np.full(100, 970), tolerance=0.05, trend_p=0.0).steady


def test_a_trend_within_the_tolerance_is_not_steady():
    slope = np.linspace(1.000, 1.006, 200)

    verdict = windows_agree(slope[:100], slope[100:])

    assert abs(verdict.change) < 0.01
    assert not verdict.steady
    assert "trend" in verdict.why


def test_a_warm_up_that_settles_is_steady_only_after_it_has_settled():
    calls = 1e6 * (1 + 3 * np.exp(-np.arange(600) / 50)) * np.random.default_rng(0).lognormal(sigma=0.01, size=600)
    windows = calls.reshape(6, 100)

    verdicts = [windows_agree(windows[i], windows[i + 1]).steady for i in range(5)]

    assert verdicts[0] is False
    assert verdicts[1] is False
    assert verdicts[4] is True


def test_windows_of_equal_calls_are_steady():
    verdict = windows_agree(np.full(100, 1000), np.full(100, 1000))

    assert verdict.steady
    assert verdict.change == 0


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_windows_are_judged_by_their_medians(n):
    assert windows_agree(np.full(n, 10), np.full(n, 10)).steady
    assert not windows_agree(np.full(n, 10), np.full(n, 20)).steady


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ([], [1.0], "first window: no calls"),
        ([1.0], [], "second window: no calls"),
        ([1.0, 0.0], [1.0], "first window: trial 1 is 0, not a positive finite number"),
        ([1.0], [np.nan], "second window: trial 0 is nan, not a positive finite number"),
    ],
)
def test_a_window_that_says_nothing_is_not_steady(first, second, why):
    verdict = windows_agree(np.array(first), np.array(second))

    assert not verdict.steady
    assert verdict.change is None
    assert verdict.why == why


def test_long_windows_are_not_refused_for_calls_that_depend_on_their_neighbours(autoregressive):
    series = [autoregressive(0.9, 20_000, seed) for seed in range(60)]

    refused = np.mean([not windows_agree(calls[:10_000], calls[10_000:]).steady for calls in series])
    every_call = np.mean([mann_kendall(calls).p <= 0.01 for calls in series])

    assert refused < 0.1
    assert every_call > 0.3


def test_a_slow_drift_is_still_seen_in_long_windows():
    noise = np.random.default_rng(1).lognormal(sigma=0.05, size=20_000)
    drift = np.linspace(1, 1.008, 20_000)

    assert windows_agree(noise[:10_000], noise[10_000:]).steady
    assert not windows_agree((noise * drift)[:10_000], (noise * drift)[10_000:]).steady


def test_blocks_keep_the_end_of_a_window():
    medians = block_medians(np.arange(1050), blocks=100)

    assert medians.size == 100
    assert medians[-1] == 1044.5
    assert medians[0] == 54.5


def test_the_decision_needs_no_scipy():
    code = "import sys, stopwatt.stats.steady; print([m for m in sys.modules if m.split('.')[0] in ('scipy', 'torch')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
