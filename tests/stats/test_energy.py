import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stopwatt.stats.energy import Counter, count, mean_over, quantum, rates, rise_time, slope, unevenness

POLL = 0.005


def polled(joules_at, *, tick=0.05, seconds=3.0, poll=POLL, seed=0, starts=0.0, jitter=0.0):
    """What a poller sees of a counter that is brought up to date every tick: its rows, one for each change."""
    dice = np.random.default_rng(seed)
    ticks = dice.uniform(0, tick) + tick * np.arange(int(seconds / tick))
    ticks = np.sort(ticks + dice.normal(0, jitter, ticks.size))
    phase = dice.uniform(0, poll)
    seen = np.ceil((ticks - phase) / poll) * poll + phase
    return seen, starts + joules_at(ticks)


def cycling(period, high=500.0, low=100.0):
    """Energy of a load that is high for half of each period."""

    def joules(at):
        whole = np.floor(at / period)
        rest = at - whole * period
        mean = (high + low) / 2
        return whole * period * mean + np.minimum(rest, period / 2) * (high - low) + rest * low

    return joules


def constant(watts):
    return lambda at: watts * at


def of(seconds, joules):
    return count(np.asarray(seconds, float), np.asarray(joules, float))


def test_a_tick_is_a_change_and_the_first_row_is_none():
    counter = of([0, 1, 2, 3, 4], [5, 5, 7, 7, 9])

    assert counter.seconds.tolist() == [2, 4]
    assert counter.joules.tolist() == [7, 9]


@pytest.mark.parametrize("values", [[], [1.0], [3.0, 3.0, 3.0]])
def test_a_counter_that_does_not_move_has_no_tick(values):
    counter = of(range(len(values)), values)

    assert counter.seconds.size == counter.resets.size == 0


def test_a_fall_without_a_wrap_is_a_reset():
    assert of([0, 1, 2, 3], [100, 110, 0, 10]).resets.tolist() == [2]


def test_a_reset_far_from_the_top_is_no_wrap_although_the_counter_wraps():
    counter = count(np.arange(6.0), np.array([100.0, 110, 120, 0, 10, 20]), 262_143.0)

    assert counter.resets.tolist() == [3]


@given(
    at=st.lists(st.floats(0.1, 20), min_size=6, max_size=60),
    wraps=st.floats(200, 5000),
    starts=st.floats(0, 1),
)
def test_wraps_change_nothing(at, wraps, starts):
    seconds = np.arange(len(at)) * 0.05
    steps = np.array(at)
    joules = starts * wraps + np.cumsum(steps)

    wrapped, whole = count(seconds, joules % wraps, wraps), count(seconds, joules)

    assert wrapped.resets.size == 0
    np.testing.assert_allclose(wrapped.joules - wrapped.joules[0], whole.joules - whole.joules[0], atol=1e-6)


@pytest.mark.parametrize("tick", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("period", [0.033, 0.07, 0.1])
def test_the_slope_at_ticks_is_the_mean_power_of_a_load_that_comes_and_goes(tick, period):
    found = slope(of(*polled(cycling(period), tick=tick, seconds=5, jitter=0.001)), POLL)

    assert found.watts == pytest.approx(300, rel=0.005)


def test_the_slope_errs_far_less_than_the_difference_of_two_readings():
    at, joules = polled(cycling(0.1), tick=0.1, seconds=2.04, seed=1)
    counter = of(at, joules)
    naive = (joules[-1] - joules[0]) / 2.04

    assert abs(slope(counter, POLL).watts / 300 - 1) < 0.1 * abs(naive / 300 - 1)


@pytest.mark.parametrize(("tick", "period"), [(0.02, None), (0.1, None), (0.02, 0.07), (0.05, 0.1), (0.1, 0.07)])
def test_the_interval_covers_the_mean_power(tick, period):
    load = cycling(period) if period else constant(300.0)
    hits = 0
    for seed in range(200):
        begin = np.random.default_rng(seed).uniform(0, 1)
        at, joules = polled(lambda t, b=begin: load(t + b), tick=tick, seconds=2.1, seed=seed, jitter=0.001)
        found = slope(of(at, joules), POLL)
        hits += found.low <= 300 <= found.high

    assert hits >= 180


@given(
    watts=st.floats(1, 1000),
    scale=st.floats(0.01, 100),
    shift=st.floats(-1e6, 1e6),
    offset=st.floats(0, 1e6),
)
def test_scale_and_origin_do_not_matter(watts, scale, shift, offset):
    at, joules = polled(constant(watts), jitter=0.002)
    base = slope(of(at, joules), POLL)

    moved = slope(Counter(at + shift, scale * joules + offset, np.empty(0)), POLL)

    assert moved.watts == pytest.approx(scale * base.watts, rel=1e-4)


def test_no_interval_is_narrower_than_what_the_poller_alone_does():
    at = np.arange(40) * 0.05

    found = slope(Counter(at, 300 * at, np.empty(0)), POLL)

    assert found.watts == pytest.approx(300)
    assert found.se == pytest.approx(300 * POLL / np.sqrt(12 * ((at - at.mean()) ** 2).sum()))


@pytest.mark.parametrize(("at", "what"), [([0.0, 1.0], "needs 3 ticks"), ([1.0, 1.0, 1.0], "one time")])
def test_too_little_for_a_slope_is_refused(at, what):
    with pytest.raises(ValueError, match=what):
        slope(Counter(np.array(at), np.arange(len(at), dtype=float), np.empty(0)), POLL)


def test_an_even_load_is_even_and_a_step_is_not():
    def step(at):
        return 300 * at + 200 * np.clip(at - 0.6, 0, None)

    assert abs(unevenness(of(*polled(constant(300.0))))) < 0.005
    assert abs(unevenness(of(*polled(cycling(0.07))))) < 0.005
    assert abs(unevenness(of(*polled(step)))) > 0.01


@given(third=st.floats(-0.2, 0.2))
def test_unevenness_is_what_the_slope_errs_by_where_power_changes_smoothly(third):
    at = np.linspace(0, 2, 4001)
    place = at - 1
    joules = 300 * (place + third * (5 * place**3 - 3 * place) / 2)
    mean = (joules[-1] - joules[0]) / 2
    counter = Counter(at, joules, np.empty(0))

    assert unevenness(counter) == pytest.approx(1 - slope(counter, 1e-6).watts / mean, abs=1e-3)


def test_rates_of_a_late_tick_are_not_taken_for_power():
    at = np.arange(20) * 0.05
    late = at.copy()
    late[10] += 0.045
    counter = Counter(late, 300 * at, np.empty(0))

    assert rates(counter, 1).max() == pytest.approx(300)
    assert rates(counter, 50).size == 1


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=30), st.integers(1, 10**4))
def test_the_quantum_divides_all_differences(steps, unit):
    joules = np.cumsum(np.array(steps) * unit) / 1e6

    found = quantum(joules)

    assert found > 0
    assert np.allclose(np.diff(joules) / found, np.rint(np.diff(joules) / found), atol=1e-3)
    assert round(found * 1e6) % unit == 0


@pytest.mark.parametrize("values", [[], [4.0], [4.0, 4.0]])
def test_what_does_not_move_has_no_quantum(values):
    assert quantum(np.array(values)) == 0


@given(st.lists(st.floats(0.01, 0.3), min_size=2, max_size=30), st.floats(10, 500))
def test_the_mean_of_what_is_constant_does_not_depend_on_when_it_was_read(waits, watts):
    at = np.cumsum(waits)
    assume(at[-1] > at[0])

    assert mean_over(at, np.full(at.size, watts), 0.0, float(at[-1])) == pytest.approx(watts)


def test_readings_that_crowd_do_not_weigh_more():
    at = np.concatenate([np.linspace(0, 1, 101), np.linspace(1.1, 2, 10)])

    assert mean_over(at, np.where(at <= 1, 100.0, 300.0), 0, 2) == pytest.approx(200, rel=0.06)


def test_a_time_without_a_reading_has_no_mean():
    assert mean_over(np.array([1.0]), np.array([5.0]), 2, 3) is None


@pytest.mark.parametrize("averaged", [0.2, 0.5, 1.0])
def test_the_rise_of_an_average_is_nine_tenths_of_its_time(averaged):
    at = np.arange(0, 8, 0.1)
    watts = 60 + 300 * np.clip((at - 3) / averaged, 0, 1)

    assert rise_time(at, watts, 3.0) == pytest.approx(0.9 * averaged, abs=0.11)


def test_a_fall_is_followed_like_a_rise():
    at = np.arange(0, 8, 0.1)
    watts = 360 - 300 * np.clip(at - 3, 0, 1)

    assert rise_time(at, watts, 3.0) == pytest.approx(0.9, abs=0.11)


@pytest.mark.parametrize(
    ("at", "watts"),
    [([3.5, 4, 4.5, 5], [1, 2, 2, 2]), ([0, 1, 2.5, 3.5], [1, 1, 1, 2]), ([2.5, 3.1, 3.2, 3.3, 3.4], [100] * 5)],
)
def test_without_a_step_there_is_no_rise(at, watts):
    assert rise_time(np.array(at, float), np.array(watts, float), 3.0) is None
