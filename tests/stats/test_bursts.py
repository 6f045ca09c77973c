import numpy as np
import pytest

from stopwatt.stats.bursts import bunched_p, period_of


def at(places, n):
    events = np.zeros(n, dtype=bool)
    events[np.asarray(places, dtype=int)] = True
    return events


def scattered(n, count, seed):
    return at(np.random.default_rng(seed).choice(n, count, replace=False), n)


def bursts(n, count, length, seed):
    starts = np.random.default_rng(seed).choice(n - length, count, replace=False)
    return at((starts[:, None] + np.arange(length)).ravel(), n)


@pytest.mark.parametrize(("n", "count"), [(300, 5), (300, 60), (1000, 10), (1000, 20), (1000, 500)])
def test_scattered_events_are_rarely_called_bursts(n, count):
    p = np.array([bunched_p([scattered(n, count, seed)]) for seed in range(500)])

    assert (p < 0.05).mean() <= 0.07
    assert (p < 0.01).mean() <= 0.02


@pytest.mark.parametrize(("count", "length"), [(10, 2), (4, 5), (2, 20)])
def test_bursts_are_noticed(count, length):
    assert all(bunched_p([bursts(1000, count, length, seed)]) < 0.01 for seed in range(30))


def test_regular_events_are_the_opposite_of_bursts():
    assert bunched_p([at(range(0, 1000, 20), 1000)]) > 0.9


def test_rounds_add_up():
    one = [bursts(1000, 2, 2, seed) for seed in range(6)]

    assert bunched_p(one) < 1e-3 < bunched_p(one[:1])


def test_events_at_the_seam_of_two_rounds_are_no_burst():
    first, second = at([10, 500, 999], 1000), at([0, 400, 800], 1000)

    assert bunched_p([first, second]) == 1.0


@pytest.mark.parametrize("places", [[], [5], [5, 6], range(50)])
def test_nothing_can_be_said_of_too_few_events_or_of_all(places):
    assert bunched_p([at(places, 50)]) == 1.0


@pytest.mark.parametrize("period", [2, 7, 20, 50, 100, 200])
def test_a_period_is_found(period):
    assert period_of([at(range(3, 1000, period), 1000)]) == pytest.approx(period)


def test_a_period_that_jitters_and_has_company_is_found():
    dice = np.random.default_rng(1)
    places = np.arange(25, 990, 50) + dice.integers(-1, 2, size=20)

    assert period_of([at(places, 1000) | (dice.random(1000) < 0.02)]) == pytest.approx(50, rel=0.02)


def test_bursts_that_come_regularly_have_the_period_of_the_bursts():
    starts = np.arange(7, 980, 80)

    assert period_of([at((starts[:, None] + np.arange(4)).ravel(), 1000)]) == pytest.approx(80, rel=0.02)


def test_a_period_too_long_for_one_round_shows_in_several():
    rounds = [at(range(start, 300, 60), 300) for start in (0, 13, 31)]

    assert period_of(rounds) == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize("make", [lambda s: scattered(1000, 20, s), lambda s: scattered(300, 100, s),
                                  lambda s: bursts(1000, 10, 5, s), lambda s: bursts(300, 4, 5, s)])  # fmt: skip
def test_what_comes_by_chance_has_no_period(make):
    assert sum(period_of([make(seed)]) is not None for seed in range(100)) <= 2


def test_a_rate_that_changes_is_no_period():
    early = [at(np.random.default_rng(seed).choice(300, 40, replace=False), 1000) for seed in range(50)]

    assert sum(period_of([events]) is not None for events in early) <= 2


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 12])
def test_a_few_trials_have_no_period(n):
    assert period_of([np.ones(n, dtype=bool)]) is None
    assert period_of([np.zeros(n, dtype=bool)]) is None
