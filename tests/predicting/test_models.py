"""Intervals of models: calibrated on families that were left out, between both ends, and when there are too few."""

import math
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.predicting.models import (
    LEAST_MODELS,
    NO_CALIBRATION,
    Calibration,
    Case,
    End,
    Total,
    calibrate,
    grouped_quantile,
    interval_of,
)

ALL_PREDICTED = Total(1.0, 0.5, 2.0, 0.1, 1.0)


def world(rng, families, each, spreads):
    """Models whose ratios have a part that their family shares, and a bias."""
    between, within = spreads
    return [
        Case(f"{family}-{one}", str(family), math.exp(0.2 + shared + within * rng.normal()), 1.0, 0.1)
        for family, shared in enumerate(between * rng.normal(size=families))
        for one in range(each)
    ]


def covered(families, between, within, worlds=60):
    """Share of the models of a new family that are inside, and the mean half-width over what a normal law needs."""
    rng = np.random.default_rng(1)
    inside, widths = [], []
    for _ in range(worlds):
        cases = world(rng, families + 1, 4, (between, within))
        interval = interval_of(ALL_PREDICTED, calibrate(cases[:-4]))
        inside += [interval.low_s <= one.measured_s <= interval.high_s for one in cases[-4:]]
        widths.append(math.log(interval.high_s / interval.low_s) / 2)
    return np.mean(inside), np.mean(widths) / (1.645 * math.hypot(between, within))


@pytest.mark.parametrize("families", [5, 8])
@pytest.mark.parametrize(("between", "within"), [(0.1, 1e-4), (0.07, 0.07), (0.0, 0.1)])
def test_intervals_hold_nine_of_ten_models_of_a_new_family(families, between, within):
    share, width = covered(families, between, within)
    assert 0.84 <= share <= 0.97
    assert width < 1.6


def test_three_families_alike_within_have_intervals_that_are_stretched():
    share, _ = covered(3, 0.1, 1e-4)
    assert share > 0.78  # the largest of three scores alone holds 75 % at best


def test_a_bias_that_all_families_share_is_taken_off():
    cases = [Case(str(n), str(n % 4), 1.3 * (1 + 0.001 * n), 1.0, 0.1) for n in range(12)]
    found = interval_of(ALL_PREDICTED, calibrate(cases))
    assert found.time_s == pytest.approx(1.3, rel=0.02)
    assert found.calibrated


def test_a_bias_that_families_do_not_share_is_left():
    ratios = {"a": 1.5, "b": 1 / 1.5, "c": 1.02, "d": 1.0}
    cases = [Case(f"{name}{one}", name, ratio, 1.0, 0.1) for name, ratio in ratios.items() for one in range(3)]
    known = calibrate(cases).predicted
    assert known is not None
    assert known.bias == 0


def test_spreads_scale_intervals_where_they_tell_who_is_wrong():
    rng = np.random.default_rng(3)
    spreads = rng.choice([0.02, 0.4], size=40)
    cases = [Case(str(n), str(n % 10), math.exp(s * rng.normal()), 1.0, float(s)) for n, s in enumerate(spreads)]
    known = calibrate(cases)
    sure = interval_of(Total(1.0, 0, 9, 0.02, 1.0), known)
    unsure = interval_of(Total(1.0, 0, 9, 0.4, 1.0), known)
    assert known.predicted is not None
    assert known.predicted.power == 1.0
    assert math.log(unsure.high_s / unsure.low_s) == pytest.approx(20 * math.log(sure.high_s / sure.low_s))


def hard_world(rng, told):
    """Eight families of four models, hard and easy ones; their spreads tell that as well as `told` says."""
    size = np.repeat(np.exp(0.7 * rng.normal(size=8)), 4) * np.exp(0.2 * rng.normal(size=32))
    errors = 0.1 * size * (math.sqrt(0.5) * np.repeat(rng.normal(size=8), 4) + math.sqrt(0.5) * rng.normal(size=32))
    spreads = 0.15 * size * np.exp(np.repeat(told * rng.normal(size=8), 4))
    return [
        Case(str(n), str(n // 4), math.exp(error), 1.0, spread)
        for n, (error, spread) in enumerate(zip(errors.tolist(), spreads.tolist(), strict=True))
    ]


@pytest.mark.parametrize("told", [0.1, 2.0])
def test_choosing_how_much_spreads_tell_costs_next_to_no_coverage(told):
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(60):
        cases = hard_world(rng, told)
        alike = [replace(one, spread=0.1) for one in cases]
        for known, models in ((calibrate(cases[:-4]), cases[-4:]), (calibrate(alike[:-4]), alike[-4:])):
            found = [interval_of(Total(1.0, 0.1, 9.0, one.spread, 1.0), known) for one in models]
            times = zip(found, models, strict=True)
            inside.append(np.mean([one.low_s <= model.measured_s <= one.high_s for one, model in times]))
    assert np.mean(inside[0::2]) > np.mean(inside[1::2]) - 0.04


def test_easy_models_have_narrower_intervals_where_spreads_tell_who_is_easy():
    rng = np.random.default_rng(5)
    known = [calibrate(hard_world(rng, 0.3)).predicted for _ in range(20)]
    narrower = [end.half_width(0.05) / end.half_width(0.5) for end in known if end is not None]
    assert np.median(narrower) < 0.5


def test_a_spread_beyond_all_that_were_seen_counts_as_the_widest_of_them():
    end = End(0.0, 2.0, 1.0, 20, 5, 0.4)
    assert end.half_width(9.0) == end.half_width(0.4) == pytest.approx(0.8)


def test_spreads_that_tell_nothing_are_hardly_used():
    rng = np.random.default_rng(3)
    spreads = rng.choice([0.02, 0.4], size=40)
    cases = [Case(str(n), str(n % 10), math.exp(0.1 * rng.normal()), 1.0, float(s)) for n, s in enumerate(spreads)]
    known = calibrate(cases).predicted
    assert known is not None
    assert known.power <= 0.25


def test_between_the_ends_squares_of_half_widths_go_linearly():
    known = Calibration(End(0.0, 0.3, 0.0, 20, 5), End(0.0, 0.1, 0.0, 20, 5), 20, 5)

    def half(share):
        found = interval_of(Total(1.0, 0, 9, 0.1, share), known)
        return math.log(found.high_s / found.low_s) / 2

    assert half(1.0) == pytest.approx(0.3)
    assert half(0.0) == pytest.approx(0.1)
    assert half(0.5) == pytest.approx(math.sqrt((0.09 + 0.01) / 2))


def test_without_replayed_models_measured_operators_narrow_nothing():
    known = Calibration(End(0.0, 0.3, 0.0, 20, 5), None, 20, 5)
    wide, same = (interval_of(Total(1.0, 0, 9, 0.1, share), known) for share in (1.0, 0.0))
    assert (wide.low_s, wide.high_s) == (same.low_s, same.high_s)


def test_too_few_models_leave_the_interval_of_the_operators_and_say_so():
    cases = [Case(str(n), str(n % 3), 1.0, 1.0, 0.1) for n in range(LEAST_MODELS - 1)]
    found = interval_of(ALL_PREDICTED, calibrate(cases))
    assert (found.time_s, found.low_s, found.high_s) == (1.0, 0.5, 2.0)
    assert not found.calibrated
    assert found.method == "not calibrated: 7 models of 3 families measured, 8 of 3 families needed"


def test_many_models_of_two_families_are_too_few():
    cases = [Case(str(n), str(n % 2), 1.0, 1.0, 0.1) for n in range(30)]
    assert not interval_of(ALL_PREDICTED, calibrate(cases)).calibrated
    assert not interval_of(ALL_PREDICTED, NO_CALIBRATION).calibrated


def test_models_that_were_not_replayed_calibrate_one_end_only():
    cases = [Case(str(n), str(n % 4), 1.0 + 0.01 * n, 1.0, 0.1, 1.0 if n < 4 else math.nan) for n in range(12)]
    known = calibrate(cases)
    assert known.predicted is not None
    assert known.replayed is None


def test_a_large_family_weighs_no_more_than_a_small_one():
    scores = np.array([0.1] * 90 + [1.0] * 2)
    families = np.array(["large"] * 90 + ["small"] * 2)
    assert grouped_quantile(scores, families, share=0.3) == pytest.approx(0.1)
    assert grouped_quantile(scores, families, share=0.6) >= 1.0


def test_equal_scores_give_that_score():
    assert grouped_quantile(np.full(20, 0.3), np.arange(20).astype(str)) == pytest.approx(0.3)
