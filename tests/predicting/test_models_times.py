"""Times of operators however they are known, and a model composed of them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_models import (
    DEVICE,
    SPECS,
    US,
    Oracle,
    capture,
    ground,
    linear,
    measured,
    odd,
    relu,
    reuse,
    seconds,
    subject,
    view,
)

from stopwatt.operators.costs import OperatorCost
from stopwatt.operators.formulas import work_of
from stopwatt.operators.portable import portable_key
from stopwatt.operators.replay import Mode
from stopwatt.operators.work import Family
from stopwatt.predicting.columns import MODES, Source
from stopwatt.predicting.composed import put_together, weights_of
from stopwatt.predicting.models import Interval
from stopwatt.predicting.prediction import energy_on, rows_of
from stopwatt.predicting.times import dispatch_of, rates_of, times_of

OPERATORS = (linear(4, 64), relu(4, 64), view(4, 64), odd(4, 64))


def times(known=(), predictor=None, operators=OPERATORS, wanted=None, **about):
    wanted = np.ones((len(operators), len(MODES)), dtype=bool) if wanted is None else wanted
    works = [work_of(one) for one in operators]
    return times_of(operators, works, wanted, ground(predictor, known=measured(*known), **about))


def test_each_operator_is_known_by_the_best_there_is():
    found = times(known=OPERATORS[:1], predictor=Oracle(), dispatch_s=2 * US)
    assert found.source == (Source.MEASURED, Source.PREDICTED, Source.DISPATCH, Source.ROUGH)
    assert found.time_s[0] == pytest.approx(seconds(OPERATORS[0]))
    assert found.time_s[1] == pytest.approx(seconds(OPERATORS[1]))
    assert found.time_s[2] == pytest.approx(2 * US)


def test_a_measured_operator_is_never_asked_of_the_predictor():
    oracle = Oracle()
    times(known=OPERATORS[:2], predictor=oracle, dispatch_s=US)
    assert oracle.asked == []


def test_a_family_is_asked_once_for_all_modes():
    oracle = Oracle()
    times(predictor=oracle, dispatch_s=US)
    assert [(family, rows) for family, rows, _ in oracle.asked] == [(Family.GEMM, 4), (Family.ELEMENTWISE, 4)]


def test_a_device_whose_rows_say_no_mode_is_asked_for_none():
    oracle = Oracle()
    found = times(predictor=oracle, dispatch_s=US, modes=False)
    assert [modes for _, _, modes in oracle.asked] == [[""], [""]]
    assert np.ptp(found.time_s[0]) == 0


def test_only_the_modes_that_are_called_are_asked_and_the_others_have_the_nearest():
    oracle = Oracle()
    wanted = np.zeros((4, len(MODES)), dtype=bool)
    wanted[:, MODES.index(Mode.STREAM)] = True
    found = times(predictor=oracle, dispatch_s=US, wanted=wanted)
    assert oracle.asked[0][2] == ["stream"]
    assert np.isfinite(found.time_s).all()


def test_a_mode_that_a_family_was_never_measured_in_stands_for_the_nearest():
    oracle = Oracle(learnt=frozenset({Mode.REUSE, Mode.STREAM}))
    wanted = np.zeros((4, len(MODES)), dtype=bool)
    wanted[:, MODES.index(Mode.CHAINED)] = True
    times(predictor=oracle, dispatch_s=US, wanted=wanted)
    assert {mode for _, _, modes in oracle.asked for mode in modes} == {"stream"}


def test_sizes_that_were_never_measured_in_a_mode_stand_for_the_nearest_mode_in_which_they_were():
    oracle = Oracle(strange=frozenset({Mode.CHAINED}))
    found = times(predictor=oracle, operators=(linear(4, 64),))
    assert [modes for _, _, modes in oracle.asked] == [sorted(MODES), ["stream"]]
    assert not found.outside.any()


def test_sizes_that_were_never_measured_at_all_are_flagged_in_their_own_mode():
    found = times(predictor=Oracle(strange=frozenset(MODES)), operators=(linear(4, 64),))
    assert found.why == ("no such sizes in this mode",)


def test_a_rough_time_is_flagged_and_wide():
    found = times(known=OPERATORS[:2], dispatch_s=US)
    assert found.outside.tolist() == [False, False, False, True]
    assert found.why[3] == "no formula for its work"
    assert found.high_s[3, 0] / found.low_s[3, 0] >= 4
    assert found.low_s[3, 0] < found.time_s[3, 0] < found.high_s[3, 0]


def test_a_rough_time_follows_what_heavy_operators_take_for_their_weight():
    costs = [(work_of(linear(4, width)), OperatorCost({Mode.REUSE: seconds(linear(4, width))})) for width in (4, 512)]
    rates = rates_of(costs, SPECS[DEVICE])
    heavy = linear(8, 512)
    found = times(operators=(heavy,), rates=rates)
    assert found.source == (Source.ROUGH,)
    assert 0.4 < found.time_s[0, 0] / seconds(heavy) < 2.5
    assert found.low_s[0, 0] < seconds(heavy) < found.high_s[0, 0]


def test_a_rough_time_is_never_below_the_quickest_operator():
    rates = rates_of([(work_of(one), OperatorCost({Mode.REUSE: 5 * US})) for one in OPERATORS[:2]], None)
    assert times(operators=(odd(1, 1),), rates=rates).time_s[0, 0] >= 5 * US
    assert rates_of([], None) is None


def test_operators_without_work_take_nothing_on_a_gpu():
    found = times(known=OPERATORS[:2], on_gpu=True)
    assert found.source[2] is Source.DISPATCH
    assert (found.time_s[2] == 0).all()


def test_the_dispatch_is_the_median_of_measured_views():
    costs = [(work_of(view(4, width)), OperatorCost({Mode.REUSE: width * US})) for width in (1, 2, 9)]
    assert dispatch_of([*costs, (work_of(linear(4, 8)), OperatorCost({Mode.REUSE: 1.0}))]) == pytest.approx(2 * US)
    assert np.isnan(dispatch_of([]))


def test_nothing_at_all_known_is_an_error():
    with pytest.raises(ValueError, match="nothing is known"):
        times(operators=OPERATORS[:1])


def test_a_model_of_measured_operators_is_the_law_and_the_gaps():
    one = subject("net", 64, gaps_us=2.0)
    found = one.composed(ground(known=one.known))
    assert found.time_s == pytest.approx(one.measured_s)
    assert found.shares.measured == 1
    assert (found.low_s, found.high_s) == (found.time_s, found.time_s)


def test_intervals_of_operators_add_up_as_if_they_went_together():
    one = subject("net", 64)
    found = one.composed(ground(Oracle(half_width=0.2), dispatch_s=0.0))
    assert found.high_s == pytest.approx(found.time_s * np.exp(0.2))
    assert found.low_s == pytest.approx(found.time_s * np.exp(-0.2))
    assert found.spread == pytest.approx(0.2)
    assert found.shares.predicted == pytest.approx(1.0)


def test_shares_say_how_the_time_is_known():
    one = subject("net", 64)
    some = measured(one.capture.operators[0])
    found = one.composed(ground(Oracle(unseen="larger than measured: m"), known=some, dispatch_s=US))
    rest = 2 * seconds(one.capture.operators[1])
    whole = rest + 2 * seconds(one.capture.operators[0]) + US
    assert found.shares.predicted == pytest.approx(rest / whole)
    assert found.shares.outside == pytest.approx(rest / whole)


def test_the_variance_names_the_operators_that_matter():
    one = subject("net", 256)
    predictor = ground(Oracle(), dispatch_s=US)
    found = one.composed(predictor)
    rows = rows_of(one.capture, one.works, one.times(predictor), found)
    assert rows[0].label.startswith("linear")
    assert rows[0].variance == max(row.variance for row in rows)
    assert sum(row.variance for row in rows) == pytest.approx(1)
    assert sum(row.share for row in rows) == pytest.approx(1)


def test_energy_is_power_over_time():
    one = subject("net", 64)
    found = one.composed(ground(Oracle(power_w=100.0), on_gpu=True), idle_w=50.0)
    assert found.energy.value == pytest.approx(100 * found.time_s)
    assert found.energy.low == pytest.approx(90 * found.time_s)


def test_energy_without_a_power_is_unavailable_with_why():
    one = subject("net", 64)
    found = one.composed(ground(Oracle(), dispatch_s=US))
    assert np.isnan(found.energy.value)
    assert found.energy.why == "no operator's power is known there"


def test_energy_of_a_device_that_waits_needs_its_idle_power():
    one = subject("net", 64, gaps_us=50.0)
    found = one.composed(ground(Oracle(power_w=100.0), dispatch_s=0.0))
    assert np.isnan(found.energy.value)
    assert "the power of the ready device is not known" in found.energy.why
    known = one.composed(ground(Oracle(power_w=100.0), dispatch_s=0.0), idle_w=20.0)
    busy = known.composition.sum_s
    assert known.energy.value == pytest.approx(100 * busy + 20 * (known.time_s - busy))


def test_energy_goes_with_the_interval_of_the_time():
    one = subject("net", 64)
    found = one.composed(ground(Oracle(power_w=100.0), on_gpu=True))
    energy = energy_on(found.energy, found.time_s, Interval(2 * found.time_s, found.time_s, 4 * found.time_s, "", True))
    assert energy.value == pytest.approx(2 * found.energy.value)
    assert energy.low == pytest.approx(found.energy.low)
    assert energy.high == pytest.approx(4 * found.energy.high)


def test_a_gpu_hides_what_it_does_while_its_host_submits():
    operators = (linear(4, 64),)
    taken = capture("net", operators, [0, 0, 0], device="cuda")
    submits = {operators[0].key: OperatorCost({Mode.REUSE: 1 * US}, submit_s={Mode.REUSE: 10 * US})}
    found = times_of(operators, [work_of(operators[0])], np.ones((1, 4), dtype=bool), replace(ground(), known=submits))
    composed = put_together(taken, found, reuse(3), np.zeros(0), on_device=True)
    assert composed.time_s == pytest.approx(31 * US)


def test_blends_weigh_modes_of_a_call():
    found = weights_of((((Mode.REUSE, 0.25), (Mode.STREAM, 0.75)), ((Mode.CHAINED, 1.0),)))
    assert found.sum(axis=1).tolist() == [1, 1]
    assert found[0, MODES.index(Mode.STREAM)] == 0.75


def test_an_operator_is_the_same_on_every_device():
    there = replace(linear(4, 64), keywords={"device": {"device": "cuda"}})
    here = replace(linear(4, 64), keywords={"device": {"device": "cpu"}})
    assert here.key != there.key
    assert portable_key(here) == portable_key(there)
    assert portable_key(here) != portable_key(replace(linear(4, 65), keywords=here.keywords))


def test_the_device_of_queries_is_that_of_the_ground():
    asked = []

    class Listening(Oracle):
        def predict(self, family, table, specs):
            asked.append(set(table.device))
            return super().predict(family, table, specs)

    times(predictor=Listening(), dispatch_s=US)
    assert asked == [{DEVICE}, {DEVICE}]
