"""Rounds of an ablation through a real worker, on calls whose lengths are known."""

import numpy as np
import pytest

from stopwatt.records import Process, Status, Unavailable, Warmup
from stopwatt.ways import Ablation, Copies, Inputs, Load, Timer, Waiting, Warming, Way, sample_name

NONE, FIXED = Way(warmup=Warming.NONE), Way(warmup=Warming.FIXED)
WARM = (Way(sync=Waiting.END), Way(inputs=Inputs.ONE), Way(copies=Copies.INSIDE))
SHORT_WARMUP = Warmup(min_calls=60, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.5)


def ablation(*ways, **changes):
    return Ablation(ways, calls=40, least_calls=10, seconds=0.1, series=2, **changes)


def values(measurement, way, part=""):
    return measurement.samples[sample_name(way, part)].values


def test_a_round_opens_cold_and_times_its_share_of_the_ways_beside_the_reference(run, stored):
    run(
        params={"duration": "500us", "ramp": 9.0, "ramp_calls": 50},
        changes={"rounds": 4, "warmup": SHORT_WARMUP, "ablation": ablation(NONE, FIXED, *WARM)},
    )
    rounds = sorted(stored(), key=lambda one: one.round)
    assert [one.status for one in rounds] == [Status.OK] * 4
    for one in rounds:
        opening, warm = ablation(NONE, FIXED, *WARM).of_round(one.round)
        assert sample_name(opening) in one.samples
        assert [way for way in WARM if sample_name(way) in one.samples] == list(warm)
        assert all(values(one, way).size == values(one, way, "reference").size == 2 for way in warm)
        assert {name.split(":")[1] for name in one.samples if name.startswith("way:")} == {
            way.label for way in (opening, *warm)
        }


def test_a_cold_way_counts_the_calls_that_warm_up_and_the_reference_does_not(run, stored):
    run(
        params={"duration": "500us", "ramp": 9.0, "ramp_calls": 50},
        changes={"rounds": 2, "warmup": SHORT_WARMUP, "ablation": ablation(NONE, FIXED)},
    )
    cold, after_ten = sorted(stored(), key=lambda one: one.round)
    for one, way, first in ((cold, NONE, 0), (after_ten, FIXED, 10)):
        planted = 500_000 * (1 + 9 * (1 - np.arange(first, first + 40) / 50))
        told, reference = values(one, way, "trials"), one.samples["latency"].values
        assert (told > 0.99 * planted).all()
        # Calls that something interrupted are longer, but never all of them. Ten calls later a call is planted to
        # last 1.4 times less at least: in the second half no reading would be that near if those ten were counted.
        assert min(told[20:] / planted[20:]) < 1.2
        assert values(one, way) == pytest.approx([told.mean()])
        assert 490_000 < min(reference) < 1.1 * 500_000 < min(told), "no call of the reference is a cold one"
        assert min(reference) < values(one, way, "reference")[0] < max(reference), "the mean of its series"
    assert values(cold, NONE, "calls").tolist() == [40]
    assert isinstance(cold.readings["cold_start"], Unavailable)


def test_the_reference_is_an_ordinary_series_of_latencies(run, stored):
    run(changes={"rounds": 1, "ablation": ablation(*WARM)})
    (one,) = stored()
    latency, started = one.samples["latency"].values, one.samples["started"].values
    assert latency.size == started.size == 40 * (1 + 2 * len(WARM))
    assert (np.diff(started) > 0).all()
    assert np.median(latency) >= 100_000
    assert one.readings["deviation"].value == 0.0
    assert not isinstance(one.readings["cold_start"], Unavailable)


def test_a_way_that_cannot_be_measured_says_why_and_costs_the_others_nothing(run, stored):
    run(changes={"rounds": 1, "ablation": ablation(Way(timer=Timer.DO_BENCH), *WARM)})
    (one,) = stored()
    assert one.status is Status.OK
    assert "triton" in one.readings[sample_name(Way(timer=Timer.DO_BENCH))].why
    assert all(sample_name(way) in one.samples for way in WARM)


def test_wrong_answers_at_the_end_withhold_the_round(run, stored):
    run(params={"fail": "nan", "fail_at": 150}, changes={"rounds": 1, "ablation": ablation(*WARM)})
    (one,) = stored()
    assert one.status is Status.INVALID


def test_a_cell_with_an_ablation_is_another_cell(run, stored):
    run(changes={"rounds": 1})
    run(changes={"rounds": 1, "ablation": ablation(*WARM)})
    run(changes={"rounds": 1, "ablation": ablation(*WARM[:2])})
    assert len({one.cell.key for one in stored()}) == 3
    assert {one.cell.protocol.process for one in stored()} == {Process.FRESH}


def test_a_series_under_load_lasts_longer_than_the_slices_of_the_scheduler(run, stored):
    loaded = Way(load=Load.CPU)
    run(changes={"rounds": 1, "ablation": Ablation((loaded, WARM[0]), calls=10, least_calls=10, series=1)})
    (one,) = stored()
    assert values(one, WARM[0], "calls").tolist() == [10]
    assert values(one, loaded, "calls")[0] > 20  # a tenth of a second of calls of 100 us holds a thousand
