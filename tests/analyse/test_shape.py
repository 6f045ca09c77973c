import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.analyse.estimate import Series
from stopwatt.analyse.shape import Form, shape_of

US = 1e-6


def rounds_of(*arrays):
    return [Series(number, np.asarray(values, dtype=np.float64)) for number, values in enumerate(arrays)]


def mixture(n, seed, shares=(0.05, 0.05), sd=0.02, level=1e-3):
    dice = np.random.default_rng(seed)
    kind = dice.choice(3, size=n, p=[1 - sum(shares), *shares])
    return level * np.array([1, 1.25, 2])[kind] * np.exp(dice.normal(0, sd, size=n)), kind


def normal(n, seed, level=1e-3, sd=0.02):
    return level * np.random.default_rng(seed).lognormal(sigma=sd, size=n)


def test_the_founding_example_is_told_with_ratios_masses_and_labels():
    planted = [mixture(333, seed, level=level) for seed, level in ((1, 1.0e-3), (2, 1.01e-3), (3, 0.99e-3))]
    shape = shape_of(rounds_of(*(values for values, _ in planted)))

    assert shape.form is Form.CLUSTERS
    assert shape.n == 999
    assert [cluster.ratio for cluster in shape.clusters] == pytest.approx([1, 1.25, 2], rel=0.02)
    assert shape.clusters[0].centre_s == pytest.approx(1e-3, rel=0.005)
    for number, (_, kind) in enumerate(planted):
        assert shape.labels[number].dtype == np.int8
        assert (shape.labels[number] == kind).mean() > 0.995
    for place, cluster in enumerate(shape.clusters):
        assert cluster.count == sum(int((shape.labels[number] == place).sum()) for number in range(3))
        assert cluster.mass == pytest.approx(cluster.count / 999)
        assert cluster.mass_low < cluster.mass < cluster.mass_high
        assert cluster.period is None
        assert cluster.bursty_p > 0.001
    assert shape.why == ""


def test_centres_are_geometric_means_over_the_levels_of_the_rounds():
    shape = shape_of(rounds_of(normal(500, 1, 1e-3), normal(500, 2, 4e-3)))

    assert shape.clusters[0].centre_s == pytest.approx(2e-3, rel=0.01)
    assert shape.levels_s == pytest.approx((1e-3, 4e-3), rel=0.01)
    assert shape.form is Form.ONE_MODE


def test_processes_of_different_levels_make_no_modes_but_are_spoken_of():
    levels = (1e-3, 1.06e-3, 1.12e-3)
    shape = shape_of(rounds_of(*(normal(300, seed, level, 0.01) for seed, level in enumerate(levels))))

    assert shape.form is Form.ONE_MODE
    assert shape.between == pytest.approx(np.log(levels).std(ddof=1), rel=0.1)
    assert shape.within == pytest.approx(0.01, rel=0.15)
    assert (
        "the levels of the rounds differ by 5.7 % (standard deviation), the trials within a round by 1.0 %" in shape.why
    )


def test_processes_that_differ_less_than_their_trials_are_not_spoken_of():
    assert shape_of(rounds_of(normal(300, 1, 1e-3), normal(300, 2, 1.005e-3))).why == ""


def test_a_round_with_another_share_of_slow_calls_is_not_shifted():
    fast, slow = normal(500, 1), np.concatenate([normal(200, 2), normal(300, 3, 2e-3)])
    shape = shape_of(rounds_of(fast, slow))

    assert shape.levels_s == pytest.approx((1e-3, 1e-3), rel=0.01)
    assert [cluster.count for cluster in shape.clusters] == [700, 300]
    assert shape.clusters[1].mass_high - shape.clusters[1].mass_low > 0.1


def test_body_modes_are_reported_in_seconds():
    dice = np.random.default_rng(3)
    values = [normal(333, seed, 1e-3, 0.008) * np.where(dice.random(333) < 0.4, 1.06, 1) for seed in range(3)]
    shape = shape_of(rounds_of(*values))

    assert shape.form is Form.BODY_MODES
    assert np.divide(*shape.body_modes_s[::-1]) == pytest.approx(1.06, rel=0.01)
    assert len(shape.clusters) == 1


def test_modes_that_are_levels_of_time_are_said_to_be():
    values = normal(900, 4, sd=0.008) * np.where(np.arange(900) < 500, 1, 1.06)
    shape = shape_of(rounds_of(values))

    assert shape.form is Form.BODY_MODES
    assert "the modes may be its levels" in shape.why
    assert [(drift.round, drift.segments) for drift in shape.drifts] == [(0, 2)]
    assert shape.drifts[0].change == pytest.approx(0.06, abs=0.005)


def test_a_heavy_tail_is_not_called_clusters():
    shape = shape_of(rounds_of(1e-3 * (1 + np.random.default_rng(5).pareto(2, size=1000))))

    assert shape.form is Form.HEAVY_TAIL
    assert len(shape.clusters) == 1
    assert "more trials lie far out than of an exponential tail" in shape.why


@pytest.mark.parametrize("sd", [0.01, 0.05, 0.15])
def test_a_quiet_cell_has_one_mode_and_nothing_to_say(sd):
    shape = shape_of(rounds_of(*(normal(300, seed, sd=sd) for seed in (11, 12, 13))))

    assert (shape.form, shape.why, shape.drifts, shape.body_modes_s) == (Form.ONE_MODE, "", (), ())
    assert shape.independence_p > 0.05
    assert shape.clusters[0].mass == 1.0


def test_equal_trials_are_resolution_limited():
    shape = shape_of(rounds_of(np.full(300, 1e-7), np.full(300, 1e-7)))

    assert shape.form is Form.RESOLUTION_LIMITED
    assert "below the clock's tick" in shape.why
    assert (shape.outliers, shape.independence_p, shape.within) == (0, 1.0, 0.0)


def test_a_body_within_two_ticks_is_resolution_limited_and_the_tick_is_named():
    values = np.rint(np.random.default_rng(6).normal(10, 0.4, size=900)) * US
    shape = shape_of(rounds_of(*values.reshape(3, 300)))

    assert shape.form is Form.RESOLUTION_LIMITED
    assert shape.tick_s == pytest.approx(US)
    assert shape.why == "the trials lie within 2 ticks of the clock (1.00 us)"
    assert shape.body_modes_s == ()


def test_clusters_are_seen_through_a_coarse_clock():
    values = np.rint(mixture(900, 7, level=20 * US)[0] / US) * US
    shape = shape_of(rounds_of(*values.reshape(3, 300)), tick_s=US)

    assert [cluster.ratio for cluster in shape.clusters] == pytest.approx([1, 1.25, 2], rel=0.03)


def test_two_exact_lengths_are_two_modes_to_a_clock_that_could_tell_more():
    values = np.where(np.random.default_rng(8).random(900) < 0.1, 2e-3, 1e-3)

    assert shape_of(rounds_of(values), tick_s=3e-8).form is Form.CLUSTERS
    assert shape_of(rounds_of(values)).form is Form.RESOLUTION_LIMITED


def test_outliers_are_counted_against_the_fence_of_their_own_round():
    values = [np.linspace(1, 2, 100) * level for level in (1e-3, 1.1e-3)]
    for one in values:
        one[50] = 10e-3

    assert shape_of(rounds_of(*values)).outliers == 2


def test_bursty_and_regular_clusters_are_told_apart():
    regular, bursty = normal(1000, 9), normal(1000, 10)
    regular[7::50] *= 2
    bursty[[100, 101, 102, 103, 104, 600, 601, 602, 603, 604]] *= 2
    one, other = (shape_of(rounds_of(values)).clusters[1] for values in (regular, bursty))

    assert one.period == pytest.approx(50)
    assert one.bursty_p > 0.5
    assert other.period is None
    assert other.bursty_p < 1e-4


def test_dependence_is_noticed_in_any_round():
    wandering = 1e-3 * np.exp(0.02 * np.sin(np.arange(300) / 10))

    assert shape_of(rounds_of(normal(300, 1), wandering * normal(300, 2, 1.0, 0.01))).independence_p < 1e-6


@pytest.mark.parametrize("values", [[1e-3], [1e-3, 2e-3], [1e-3, 1e-3, 5e-3], [1e-3] * 19])
def test_too_few_trials_are_one_cluster_of_which_nothing_is_said(values):
    shape = shape_of(rounds_of(values))

    assert shape.form is Form.TOO_FEW
    assert shape.clusters[0].count == shape.n == len(values)
    assert shape.clusters[0].centre_s == np.median(values)
    assert shape.labels[0].tolist() == [0] * len(values)
    assert shape.why == f"needs 20 trials (has {len(values)})"


def test_no_trials_have_no_shape():
    assert shape_of([]).clusters == shape_of(rounds_of([])).clusters == ()
    assert shape_of([]).why == "no trials"


def test_a_round_that_was_measured_twice_keeps_all_labels():
    rounds = [Series(4, normal(50, 1)), Series(4, normal(70, 2))]

    assert shape_of(rounds).labels[4].size == 120


trials = st.lists(st.floats(1e-6, 1.0) | st.sampled_from([1e-3, 2e-3]), min_size=0, max_size=80)


@settings(max_examples=50, deadline=None)
@given(st.lists(trials, min_size=0, max_size=3))
def test_whatever_comes_every_trial_is_accounted_for(lists):
    shape = shape_of(rounds_of(*lists))

    assert shape.n == sum(cluster.count for cluster in shape.clusters) == sum(map(len, lists))
    assert [cluster.centre_s for cluster in shape.clusters] == sorted(cluster.centre_s for cluster in shape.clusters)
    assert 0 <= shape.independence_p <= 1
    assert 0 <= shape.outliers <= shape.n
    for cluster in shape.clusters:
        assert 0 <= cluster.mass_low <= cluster.mass <= cluster.mass_high <= 1
        assert math.isfinite(cluster.ratio)
    for number, values in enumerate(lists):
        if values:
            assert shape.labels[number].size == len(values)
            assert set(shape.labels[number].tolist()) <= set(range(len(shape.clusters)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(-20, 20))
def test_the_unit_does_not_matter(seed, power):
    values, _ = mixture(400, seed)
    one, other = shape_of(rounds_of(values)), shape_of(rounds_of(values * 2.0**power))

    assert one.form is other.form
    assert [cluster.count for cluster in one.clusters] == [cluster.count for cluster in other.clusters]
    assert [c.ratio for c in one.clusters] == pytest.approx([c.ratio for c in other.clusters])


def test_a_round_of_two_trials_has_a_level_though_nothing_lies_between_their_quartiles():
    shape = shape_of([Series(0, np.array([1.0, 0.5])), Series(1, np.ones(18))])
    assert shape.levels_s == pytest.approx((np.sqrt(0.5), 1.0))
