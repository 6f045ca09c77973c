"""Shift by decile, Pareto front, rate, rounds one by one."""

import numpy as np
import pytest

from stopwatt.analyse.estimate import Series
from stopwatt.analyse.front import pareto_front
from stopwatt.analyse.grid import arrange
from stopwatt.analyse.rate import rate_of
from stopwatt.analyse.rounds import rounds_by_cell
from stopwatt.analyse.shift import shift_of
from stopwatt.analyse.summary import summarise
from stopwatt.records import Measured, Status, Trouble

DICE = np.random.default_rng(2)


def series(*values):
    return [Series(number, np.asarray(one)) for number, one in enumerate(values)]


def test_a_shift_has_the_ratio_of_every_decile_with_an_interval_over_paired_rounds():
    a = series(*(DICE.lognormal(0, 0.01, 800) for _ in range(6)))
    b = [Series(one.round, 1.1 * one.values * DICE.lognormal(0, 0.002)) for one in a]
    found = shift_of(a, b)
    assert [one.q for one in found] == pytest.approx([n / 10 for n in range(1, 10)])
    assert all(one.low < 1.1 < one.high for one in found)


def test_only_rounds_that_both_have_are_paired():
    a, b = series([1.0, 1.0], [2.0, 2.0]), [Series(1, np.array([4.0, 4.0])), Series(7, np.array([9.0]))]
    found = shift_of(a, b)
    assert {one.ratio for one in found} == {2.0}
    assert all(one.low is None and "3 rounds" in one.why for one in found)
    assert shift_of(a, [Series(9, np.array([1.0]))]) == ()


@pytest.fixture
def rows(rounds):
    def make(*places):
        found = []
        for number, (latency, deviation) in enumerate(places):
            found += [
                one.__class__(**{**_fields(one), "readings": {"deviation": Measured(deviation, "1")}})
                for one in rounds([latency] * 3, backend=f"b{number}")
            ]
        return summarise(found)

    return make


def _fields(one):
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def test_the_front_holds_what_nothing_beats_in_both(rows):
    front = pareto_front(rows((1, 1e-2), (2, 1e-3), (3, 1e-2), (4, 1e-6), (2.5, 2e-3)))
    assert [row.cell.setup.backend for row in front] == ["b0", "b1", "b3"]


def test_equals_do_not_beat_each_other(rows):
    assert len(pareto_front(rows((1, 1e-3), (1, 1e-3)))) == 2


def test_what_failed_or_lacks_a_metric_is_not_on_the_front(measurement):
    failed = measurement(status=Status.FAILED, trouble=Trouble("it broke"))
    without = measurement(latency=[1000] * 40, backend="other")
    assert pareto_front(summarise([failed, without])) == ()


def test_the_rate_is_batch_over_latency_with_its_bounds_turned(rounds):
    (point,) = arrange(summarise(rounds([1.0, 1.1, 1.2], batch=4))).points
    found, latency = rate_of(point), point.row.estimates["latency"]
    assert found.batch == 4
    assert found.value == pytest.approx(4 / latency.value)
    assert (found.low, found.high) == (pytest.approx(4 / latency.high), pytest.approx(4 / latency.low))


def test_a_failed_cell_has_no_rate(measurement):
    (point,) = arrange(summarise([measurement(status=Status.FAILED, trouble=Trouble("it broke"))])).points
    assert rate_of(point) is None


def test_rounds_come_in_order_with_status_trials_and_log(measurement):
    late = measurement(1, [3000] * 5, log="late")
    failed = measurement(0, status=Status.TIMEOUT, trouble=Trouble("too slow"))
    found = rounds_by_cell([late, failed])[late.cell.key]
    assert [(one.number, one.status, one.n) for one in found] == [(0, Status.TIMEOUT, 0), (1, Status.OK, 5)]
    assert (found[1].median_s, found[1].max_s, found[1].log) == (pytest.approx(3e-6), pytest.approx(3e-6), "late")
    assert found[0].trouble.what == "too slow"


def test_a_round_whose_trials_are_rejected_has_none(measurement):
    (found,) = rounds_by_cell([measurement(0, [100, -5])]).values()
    assert (found[0].n, found[0].median_s) == (0, None)
