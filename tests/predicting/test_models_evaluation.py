"""Leaving out one family of models after another."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_models import Oracle, ground, subject

from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.replay import Mode
from stopwatt.operators.work import Family
from stopwatt.predicting.held_out import cases_of, ground_without, keys_of
from stopwatt.predicting.model_evaluation import Way, baseline_figures, errors, evaluate, figures


def models(ratios, each=3, **about):
    """Families whose measured times are so much longer than the law says."""
    return [
        subject(name, 64 + 32 * n + 100 * number, ratio=ratio, **about)
        for number, (name, ratio) in enumerate(ratios.items())
        for n in range(each)
    ]


SIX = dict.fromkeys("abcdef", 1.1)


def test_a_predictor_is_made_without_the_operators_of_each_family():
    subjects, without = models(SIX), []

    def fit(keys):
        without.append(keys)
        return Oracle()

    cases_of(subjects, ground(dispatch_s=1e-6), fit)
    assert without == [keys_of(subjects[place : place + 3]) for place in range(0, 18, 3)]


def test_rough_times_are_not_learnt_from_the_family_that_is_left_out():
    subjects = models({"a": 1.0, "b": 1.0})
    alone = ground_without("a", subjects, ground(), lambda _: None).rates
    slow = [replace(one, known={key: OperatorCost({Mode.REUSE: 1.0}) for key in one.known}) for one in subjects[:3]]
    assert ground_without("a", [*slow, *subjects[3:]], ground(), lambda _: None).rates == alone
    assert ground_without("b", [*slow, *subjects[3:]], ground(), lambda _: None).rates != alone


def test_a_case_has_the_prediction_and_what_its_own_operators_give():
    (case,) = cases_of([subject("a", 64, ratio=1.25)], ground(dispatch_s=1e-6), lambda _: Oracle({Family.GEMM: 2.0}))
    assert case.measured_s / case.replayed_s == pytest.approx(1.25, rel=0.1)
    assert case.predicted_s > 1.5 * case.replayed_s


def test_a_family_without_any_other_rows_is_no_case():
    assert cases_of(models(SIX), ground(), lambda _: None) == ()


def test_a_shared_bias_is_found_from_other_families():
    trials = evaluate(
        models(SIX), ground(dispatch_s=1e-6), lambda _: Oracle({Family.GEMM: 1.3, Family.ELEMENTWISE: 1.3})
    )
    strict = figures(trials, Way.STRICT)
    assert strict.models == 18
    assert strict.median < 0.03
    assert strict.coverage >= 0.85
    assert baseline_figures(trials, "plain sum of predictions").median > 0.1


def test_all_measured_operators_leave_what_composing_cannot_tell():
    ratios = {"a": 1.0, "b": 1.02, "c": 0.98, "d": 1.01, "e": 0.99, "f": 1.0}
    trials = evaluate(models(ratios), ground(dispatch_s=1e-6), lambda _: Oracle({Family.GEMM: 1.5}))
    every, strict = figures(trials, Way.ALL), figures(trials, Way.STRICT)
    assert every.median < 0.03
    assert every.width <= strict.width
    assert all(one.shares[Way.ALL] == 0 for one in trials)
    assert all(0 < one.shares[Way.HALF] <= one.shares[Way.STRICT] for one in trials)
    assert any(one.shares[Way.HALF] < one.shares[Way.STRICT] for one in trials)


def test_operators_that_families_share_are_measured_in_use():
    same = [subject(name, 64, rows=rows) for name in "abcdef" for rows in (2, 4)]
    trials = evaluate(same, ground(dispatch_s=1e-6), lambda _: Oracle())
    assert all(one.shares[Way.IN_USE] == 0 for one in trials)
    apart = evaluate(models(SIX), ground(dispatch_s=1e-6), lambda _: Oracle())
    assert all(one.shares[Way.IN_USE] == one.shares[Way.STRICT] for one in apart)


def test_baselines_come_from_other_families_alone():
    ratios = dict.fromkeys("abcdef", 1.0)
    trials = evaluate(models(ratios | {"f": 5.0}), ground(dispatch_s=1e-6), lambda _: Oracle())
    odd = next(one for one in trials if one.family == "f")
    assert odd.baselines["roofline sum, scaled"] < odd.measured_s / 3
    assert odd.baselines["FLOPs regression"] < odd.measured_s / 3
    assert odd.baselines["roofline sum"] < odd.baselines["roofline sum, scaled"]


def test_figures_are_those_of_the_ratios():
    found = errors([1.0, 1.0, 1.0, 1.0], [1.05, 0.95, 1.5, 1.0])
    assert found.median == pytest.approx(0.05)
    assert found.mape == pytest.approx(0.15)
    assert found.near == 0.75
    assert found.bias == pytest.approx(np.log([1.05, 0.95, 1.5, 1.0]).mean())
    assert math.isnan(found.coverage)
