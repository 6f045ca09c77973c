import math

import numpy as np
import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.metrics import METRICS
from stopwatt.records import Measured, Note, Samples, Status, Trouble, Unavailable


def test_nothing_measured_gives_no_rows():
    assert summarise([]) == []


def test_rounds_of_a_cell_become_one_row_in_seconds(rounds):
    (row,) = summarise(rounds([4.0, 4.2, 4.1]))
    latency = row.estimates["latency"]

    assert (row.status, row.rounds_ok, row.rounds_failed, row.trouble) == (Status.OK, 3, 0, None)
    assert latency.value == pytest.approx(0.001 * (4.0 * 4.2 * 4.1) ** (1 / 3), rel=1e-12)
    assert latency.low < latency.value < latency.high
    assert (latency.unit, latency.n, latency.rounds) == ("s", 903, 3)
    assert row.round_medians == ((0, 0.004), (1, 0.0042), (2, 0.0041))


def test_cells_keep_the_order_of_their_first_round(rounds):
    one, other = rounds([1, 1, 1], batch=8), rounds([2, 2, 2], batch=1)

    rows = summarise([one[0], other[0], one[1], other[1], other[2], one[2]])

    assert [row.cell.setup.batch for row in rows] == [8, 1]
    assert [row.rounds_ok for row in rows] == [3, 3]


def test_rounds_stand_in_the_order_in_which_they_were_measured(measurement):
    times = [(1, 30, "2026-01-02"), (0, 20, "2026-01-03"), (0, 10, "2026-01-01")]

    (row,) = summarise([measurement(number, [ns], started_at=at) for number, ns, at in times])

    assert row.round_medians == ((0, 1e-8), (0, 2e-8), (1, 3e-8))


def test_every_metric_is_there_and_says_why_it_is_missing(measurement):
    (row,) = summarise([measurement(0, [5, 6, 7])])

    tails = {f"{name}_{part}" for name in ("latency", "response") for part in ("p90", "p99", "p99.9", "max")}
    assert set(row.estimates) == {*METRICS, *tails}
    assert all(estimate.value is not None or estimate.why for estimate in row.estimates.values())
    assert row.estimates["cold_start"].why == "not measured"
    assert row.estimates["latency_p99"].why == "needs 299 trials (has 3)"
    assert row.estimates["latency_max"].value == 7e-9


def test_an_unavailable_reading_is_missing_with_its_reason_once(measurement):
    readings = {"device_memory": Unavailable("a CPU has no memory of its own")}

    (row,) = summarise([measurement(number, [5], readings=readings) for number in range(3)])

    assert row.estimates["device_memory"].value is None
    assert row.estimates["device_memory"].why == "a CPU has no memory of its own"


def test_readings_that_some_rounds_have_are_summarised_over_those(measurement):
    readings = [{"first_cold_start": Measured(9.5, "s")}, {"first_cold_start": Unavailable("cache was warm")}]

    (row,) = summarise([measurement(number, [5], readings=found) for number, found in enumerate(readings)])
    estimate = row.estimates["first_cold_start"]

    assert (estimate.value, estimate.n, estimate.low) == (9.5, 1, None)


def test_throughput_is_summarised_by_its_windows(measurement):
    rates = [[100.0, 102, 101, 99, 98], [110.0] * 5, [90.0, 91, 92, 93, 94]]

    (row,) = summarise(
        [measurement(n, [5], samples={"throughput": Samples(np.array(r), "samples/s")}) for n, r in enumerate(rates)]
    )
    estimate = row.estimates["throughput"]

    assert estimate.value == pytest.approx((100 * 110 * 92) ** (1 / 3))
    assert (estimate.unit, estimate.n, estimate.method) == ("samples/s", 15, "t on 3 round medians")


def test_deviation_is_the_largest_of_all_rounds(measurement):
    found = [1e-6, 3e-6, 2e-6]

    (row,) = summarise([measurement(n, [5], readings={"deviation": Measured(d, "1")}) for n, d in enumerate(found)])
    estimate = row.estimates["deviation"]

    assert (estimate.value, estimate.low, estimate.method) == (3e-6, None, "largest of 3 rounds")


def test_timings_of_an_invalid_cell_are_withheld_and_its_deviation_shown(measurement):
    trouble = Trouble("deviation 0.3 is more than 0.001")
    readings = {"deviation": Measured(0.3, "1"), "cold_start": Measured(2.0, "s")}

    (row,) = summarise([measurement(0, [5, 6], status=Status.INVALID, trouble=trouble, readings=readings)])

    assert (row.status, row.trouble, row.rounds_ok, row.rounds_failed) == (Status.INVALID, trouble, 0, 1)
    assert row.estimates["latency"].value is None
    assert row.estimates["latency"].why == "withheld: the answers failed the correctness gate"
    assert row.estimates["cold_start"].value is None
    assert row.estimates["deviation"].value == 0.3
    assert row.round_medians == ()


def test_timings_of_failed_rounds_do_not_enter_those_of_good_ones(measurement, rounds):
    good = rounds([4.0, 4.2, 4.1])
    bad = measurement(3, [1] * 300, status=Status.INVALID, trouble=Trouble("wrong answers"))
    late = measurement(4, [1] * 300, status=Status.INTERRUPTED, trouble=Trouble("interrupted"))

    (row,) = summarise([*good, bad, late])

    assert row.status is Status.OK
    assert (row.rounds_ok, row.rounds_failed) == (3, 2)
    assert row.trouble == Trouble("wrong answers")
    assert row.estimates == summarise(good)[0].estimates


def test_a_round_that_was_interrupted_and_measured_again_is_no_failure(measurement):
    interrupted = measurement(0, [1000], status=Status.INTERRUPTED)
    (row,) = summarise([interrupted, measurement(0, [1000, 1001])])
    assert (row.status, row.rounds_ok, row.rounds_failed) == (Status.OK, 1, 0)


def test_a_round_that_was_interrupted_for_good_is_one(measurement):
    (row,) = summarise([measurement(0, [1000, 1001]), measurement(1, [1000], status=Status.INTERRUPTED)])
    assert (row.status, row.rounds_ok, row.rounds_failed) == (Status.OK, 1, 1)


def test_a_cell_without_a_good_round_has_the_status_of_most_of_its_failures(measurement):
    ends = [Status.TIMEOUT, Status.CRASHED, Status.CRASHED]

    (row,) = summarise([measurement(n, status=s, trouble=Trouble(f"{s} in {n}")) for n, s in enumerate(ends)])

    assert row.status is Status.CRASHED
    assert row.trouble == Trouble("crashed in 1")
    assert row.estimates["latency"].why == "crashed: crashed in 1"
    assert row.estimates["deviation"].why == "crashed: crashed in 1"


@pytest.mark.parametrize("bad", [0.0, -3.0, math.nan, math.inf])
def test_a_bad_trial_makes_the_metric_unavailable_and_names_it(measurement, bad):
    (row,) = summarise([measurement(0, [5.0, 6.0]), measurement(1, [5.0, bad, 6.0])])

    for name in ("latency", "latency_p99", "latency_max"):
        assert row.estimates[name].value is None
        assert row.estimates[name].why == f"rejected: round 1: trial 1 is {bad:g}, not a positive finite number"
    assert row.round_medians == ()


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("metric", ["deviation", "cold_start"])
def test_a_reading_that_cannot_be_makes_the_metric_unavailable(measurement, metric, bad):
    (row,) = summarise([measurement(2, [5], readings={metric: Measured(bad, METRICS[metric].unit)})])

    assert row.estimates[metric].value is None
    assert row.estimates[metric].why == f"rejected: round 2 read {bad:g}"


def test_a_round_without_a_trial_has_no_latency(measurement):
    (row,) = summarise([measurement(0, np.array([], dtype=np.int64))])

    assert row.estimates["latency"].why == "no trial in any round"
    assert row.estimates["latency_max"].value is None


def test_notes_that_differ_only_in_figures_are_one_note_with_its_rounds(measurement):
    notes = [
        (Note("no-steady-state", "no steady state within 60.0 s (812 calls)"), Note("load", "other processes run")),
        (Note("no-steady-state", "no steady state within 60.1 s (795 calls)"),),
        (Note("load", "the quota is small"),),
    ]

    (row,) = summarise([measurement(n, [5], notes=found) for n, found in enumerate(notes)])

    assert [(one.note.text, one.rounds) for one in row.notes] == [
        ("no steady state within 60.0 s (812 calls)", 2),
        ("other processes run", 1),
        ("the quota is small", 1),
    ]


def test_a_note_that_a_round_has_twice_counts_once(measurement):
    note = Note("load", "other processes run")

    (row,) = summarise([measurement(0, [5], notes=(note, note))])

    assert [one.rounds for one in row.notes] == [1]
