import numpy as np
import pytest

from stopwatt.stats.bootstrap import block_length, bootstrap_median
from stopwatt.stats.quantiles import RESOLUTION_LIMITED, Interval, NoInterval, percentile


def covers(interval):
    return isinstance(interval, Interval) and interval.low <= 1 <= interval.high


def test_blocks_grow_with_the_dependence(autoregressive):
    lengths = [np.median([block_length(autoregressive(a, 1000, s)) for s in range(20)]) for a in (0.0, 0.5, 0.9)]

    assert lengths[0] <= 3
    assert lengths[0] < lengths[1] < lengths[2]


def test_it_covers_where_the_usual_interval_of_a_median_fails(autoregressive):
    series = [autoregressive(0.9, 1000, seed) for seed in range(150)]

    bootstrapped = np.mean([covers(bootstrap_median(values)) for values in series])
    ordered = np.mean([covers(percentile(values, 0.5).interval) for values in series])

    assert bootstrapped > 0.85
    assert ordered < 0.6


def test_it_is_widened_where_the_series_holds_few_blocks(autoregressive):
    series = [autoregressive(0.9, 300, seed) for seed in range(200)]

    assert np.mean([covers(bootstrap_median(values)) for values in series]) > 0.85


def test_equal_seeds_give_equal_intervals(autoregressive):
    values = autoregressive(0.8, 500, seed=1)

    assert bootstrap_median(values, seed=5) == bootstrap_median(values, seed=5)
    assert bootstrap_median(values, seed=5) != bootstrap_median(values, seed=6)


def test_it_contains_the_median_of_the_series(autoregressive):
    values = autoregressive(0.8, 500, seed=1)
    interval = bootstrap_median(values)

    assert interval.low < np.median(values) < interval.high


def test_a_series_that_is_one_long_swing_is_too_short_for_an_interval():
    result = bootstrap_median(np.linspace(1, 2, 60))

    assert isinstance(result, NoInterval)
    assert "depend on each other" in result.why


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
def test_a_handful_of_trials_gives_no_interval(n):
    assert isinstance(bootstrap_median(np.arange(1.0, n + 1)), NoInterval)


def test_equal_trials_are_resolution_limited():
    assert bootstrap_median(np.full(100, 4.0)) == NoInterval(RESOLUTION_LIMITED)


def test_the_work_on_very_long_series_is_bounded(monkeypatch, autoregressive):
    drawn = []
    medians = np.median
    monkeypatch.setattr(
        np, "median", lambda values, **options: (drawn.append(np.size(values)), medians(values, **options))[1]
    )

    bootstrap_median(autoregressive(0.5, 100_000, seed=0))

    assert sum(drawn) <= 20_000_000 + 100_000
