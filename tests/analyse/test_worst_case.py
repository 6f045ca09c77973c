"""The worst case of a cell: exact maxima and counts, bounds that know how trials cluster, conditions kept apart."""

import math
import tracemalloc

import numpy as np
import pytest

from stopwatt.analyse.estimate import Series
from stopwatt.analyse.summary import summarise
from stopwatt.analyse.worst import worst_cases, worst_of
from stopwatt.records import Measured, Paced, Protocol, Samples, Status
from stopwatt.stats.tail import upper_bound
from stopwatt.ways import Load

US = 1_000


def independent(n, seed=0, centre=200 * US):
    return np.random.default_rng(seed).integers(centre - 5 * US, centre + 5 * US, n)


@pytest.fixture
def paced(measurement):
    """A round with paced arrivals every millisecond: `(response in ns, load_from, round)`."""

    def make(response, load_from=None, number=0, **fields):
        load = Load.NONE if load_from is None else Load.CPU
        protocol = Protocol(paced=Paced(1e-3, cycles=len(response), load=load))
        late = np.array([50 * US, 60 * US, 900 * US])
        calls = np.arange(len(response)) + 100 * US
        samples = {
            "response": Samples(np.asarray(response), "ns"),
            "service": Samples(calls, "ns"),
            "wake_late": Samples(late, "ns"),
        }
        overruns = int((np.asarray(response) > 1000 * US).sum())
        return measurement(
            number,
            independent(100, number),
            protocol=protocol,
            samples=samples,
            readings={"overruns": Measured(overruns, "cycles")},
            facts={} if load_from is None else {"load": "cpu", "load_from": load_from},
            **fields,
        )

    return make


def test_the_maximum_comes_with_its_number_of_trials_and_their_time(measurement):
    one, other = independent(500), independent(300, 1)
    other[17] = 9_000 * US
    started = [np.arange(trials.size) * 1000 * US for trials in (one, other)]
    rounds = [
        measurement(number, trials, samples={"started": Samples(begun, "ns")})
        for number, (trials, begun) in enumerate(zip((one, other), started, strict=True))
    ]
    (case,) = worst_cases(rounds)
    assert (case.metric, case.load, case.n, case.overruns) == ("latency", "", 800, None)
    assert case.max_s == 9e-3
    assert case.seconds == pytest.approx(0.499 + 0.299, abs=1e-3)
    assert [len(largest) for largest in case.intervals_s] == [60, 60]
    assert np.nanmax(case.intervals_s[1]) == 9e-3
    assert int(np.nanargmax(case.intervals_s[1])) == 17 * 60 // 299


def test_a_deadline_is_counted_exactly_and_bounded(measurement):
    trials = independent(1000)
    trials[np.random.default_rng(5).choice(1000, 10, replace=False)] = 500 * US
    (case,) = worst_cases([measurement(0, trials)], [600e-6, 400e-6])
    met, missed = case.deadlines[1], case.deadlines[0]
    assert (missed.deadline_s, missed.misses, missed.n, missed.share) == (400e-6, 10, 1000, 0.01)
    assert missed.upper == pytest.approx(upper_bound(10, 1000))
    assert (met.misses, met.upper) == (0, pytest.approx(2.99e-3, rel=1e-3))
    assert not met.clustered


def test_misses_in_a_burst_are_marked_and_bounded_more_widely(measurement):
    trials = independent(2000)
    trials[900:920] = 900 * US
    (miss,) = worst_cases([measurement(0, trials)], [500e-6])[0].deadlines
    assert miss.clustered
    assert miss.effective_n < 200
    assert miss.upper > 2 * upper_bound(20, 2000)


def test_the_curve_rises_from_the_median_beyond_the_maximum(measurement):
    (case,) = worst_cases([measurement(0, independent(2000))])
    assert case.curve[0].misses == pytest.approx(1000, abs=100)
    assert case.curve[-1].misses == 0
    assert case.curve[-1].deadline_s > case.max_s
    assert all(miss.upper >= miss.share for miss in case.curve)


def test_requests_without_and_under_load_are_never_mixed(paced):
    quiet, loaded = np.full(400, 210 * US), np.full(400, 700 * US)
    loaded[300] = 5_300 * US
    rounds = [paced(np.concatenate([quiet, loaded]), load_from=400, number=number) for number in range(2)]
    cases = {(case.metric, case.load): case for case in worst_cases(rounds, [500e-6])}
    assert list(cases) == [("latency", ""), ("response", ""), ("response", "cpu")]
    idle, busy = cases["response", ""], cases["response", "cpu"]
    assert (idle.max_s, idle.n, idle.overruns, idle.deadlines[0].misses) == (210e-6, 800, 0, 0)
    assert (busy.max_s, busy.n, busy.overruns, busy.deadlines[0].misses) == (5.3e-3, 800, 2, 800)
    assert idle.seconds == pytest.approx(0.8, rel=0.01)
    assert (idle.longest_call_s, busy.longest_call_s) == (100.399e-6, 100.799e-6)
    assert cases["latency", ""].longest_call_s is None


def test_the_waiting_process_is_told_apart_from_the_model(paced):
    latency, response = worst_cases([paced(np.full(100, 210 * US))])
    assert latency.woken_late_s is None
    assert response.woken_late_s == (60e-6, 900e-6)


def test_overruns_are_counted_over_all_rounds_with_their_number_of_requests(paced):
    response = np.full(200, 210 * US)
    response[:7] = 1_500 * US
    (row,) = summarise([paced(response, number=number) for number in range(3)])
    overruns = row.estimates["overruns"]
    assert (overruns.value, overruns.n, overruns.unit, overruns.rounds) == (21, 600, "cycles", 3)
    assert row.estimates["response"].n == row.estimates["response_max"].n == 600
    assert row.estimates["response_max"].value == 1.5e-3
    assert row.estimates["response_p99.9"].needs == 2995


def test_a_cell_without_paced_arrivals_says_so(measurement):
    (row,) = summarise([measurement(0, independent(50))])
    assert row.estimates["response"].why == row.estimates["overruns"].why == "not measured"
    assert row.worst == ()


def test_the_worst_case_is_part_of_a_row_where_it_was_asked_for(measurement):
    (row,) = summarise([measurement(0, independent(50))], deadlines=(1e-3,))
    assert row.worst[0].deadlines[0].n == 50
    (row,) = summarise([measurement(0, independent(50))], deadlines=())
    assert row.worst[0].deadlines == ()


def test_rounds_that_are_not_ok_do_not_count(measurement, paced):
    good = measurement(0, independent(50))
    bad = measurement(1, np.full(50, 10**9), status=Status.INVALID)
    (case,) = worst_cases([good, bad])
    assert case.n == 50
    assert worst_cases([bad]) == ()
    assert worst_cases([]) == ()


@pytest.mark.parametrize("bad", [0, -5])
def test_a_trial_that_cannot_be_a_duration_leaves_the_metric_out_and_the_row_says_why(measurement, bad):
    trials = independent(50)
    trials[7] = bad
    (row,) = summarise([measurement(0, trials)], deadlines=(1e-3,))
    assert row.worst == ()
    assert f"trial 7 is {bad}" in row.estimates["latency_max"].why


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_handful_of_trials_has_a_maximum_and_a_wide_bound(measurement, n):
    (case,) = worst_cases([measurement(0, independent(n))], [1e-3])
    assert (case.n, len(case.intervals_s[0])) == (n, 1)
    assert case.deadlines[0].upper == pytest.approx(1 - 0.05 ** (1 / n))
    assert "needs 10000 trials" in case.annex


def test_no_trial_at_all_has_no_worst_case(measurement):
    assert worst_cases([measurement(0, [])], [1e-3]) == ()


def test_equal_trials_have_a_worst_case_and_no_extrapolation(measurement):
    (case,) = worst_cases([measurement(0, np.full(20_000, 200 * US))], [200e-6, 199e-6])
    assert [miss.misses for miss in case.deadlines] == [20_000, 0]
    assert "the clock is too coarse" in case.annex


def test_a_tail_that_passes_the_gates_is_extrapolated_in_one_sentence():
    values = 1e-3 + np.random.default_rng(1).exponential(1e-4, 20_000)
    case = worst_of("latency", [Series(0, values)], [np.cumsum(values)])
    assert case.annex.startswith("extrapolated, if nothing else can happen: once in 200,000 trials above 2.")
    mixed = worst_of("latency", [Series(0, values)], [np.cumsum(values)], clusters=2)
    assert mixed.annex == "no extrapolation: the trials fall into 2 clusters: the longest are those of one of them"


def test_trials_from_elsewhere_without_start_times_follow_one_another(measurement):
    (case,) = worst_cases([measurement(0, np.full(100, 200 * US))])
    assert case.seconds == pytest.approx(0.02)


def test_a_million_trials_take_little_more_memory_than_themselves_and_keep_their_maximum(measurement):
    trials = independent(10**6)
    trials[123_456] = 7_000 * US
    one = measurement(0, trials, samples={"started": Samples(np.arange(10**6) * 250 * US, "ns")})
    tracemalloc.start()
    (case,) = worst_cases([one], [1e-3])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert case.max_s == 7e-3
    assert case.deadlines[0].misses == 1
    assert peak < 5 * trials.nbytes
    assert math.isfinite(case.curve[-1].upper)
