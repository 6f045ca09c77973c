import math
import time
from dataclasses import replace

import numpy as np
import pytest
from planted_grids import PROTOCOL, spread

from stopwatt.analyse.findings import current_finding
from stopwatt.records import Cell, Measurement, Samples, Setup, Status, Workload
from stopwatt.ways import Ablation, Way


def a_round(values, *, status=Status.OK, workload=None):
    cell = Cell(workload or Workload("lstm", {"layers": 3, "hidden": 256}), Setup(batch=8), PROTOCOL)
    return Measurement(cell, 0, status, samples={"latency": Samples(np.asarray(values), "ns")})


def trials(n=1000, seed=0):
    dice = np.random.default_rng(seed)
    return 1e6 * spread(n, dice), dice


def in_ns(values):
    return np.rint(values).astype(np.int64)


def test_clusters_are_told_with_mass_and_ratio():
    values, dice = trials(3000)
    text = current_finding(a_round(in_ns(values * dice.choice([1, 1.25], values.size, p=[0.95, 0.05]))))
    assert text.startswith("layers=3 hidden=256: ")
    assert text.endswith(" % of trials at 1.25 x")
    assert float(text.split()[2]) == pytest.approx(5, abs=1)


def test_drift_and_a_trial_far_out_are_told():
    values, _ = trials()
    assert "latency rose by " in current_finding(a_round(in_ns(values * np.linspace(1, 1.1, values.size))))
    assert "latency fell by " in current_finding(a_round(in_ns(values * np.linspace(1.1, 1, values.size))))
    values[17] *= 30
    assert current_finding(a_round(in_ns(values))).endswith("slowest trial 30 x the median")


def test_the_slowest_of_a_million_trials_is_not_missed():
    values, _ = trials(1_000_000)
    values[123_457] *= 50
    assert "slowest trial 50 x" in current_finding(a_round(in_ns(values)))


def test_plain_trials_are_no_news():
    told = [bool(current_finding(a_round(in_ns(trials(300, seed)[0])))) for seed in range(100)]
    assert np.mean(told) <= 0.02


@pytest.mark.parametrize(
    "measurement",
    [
        a_round([]),
        a_round([1000] * 1000),
        a_round([1000, 5000] * 20),
        a_round([math.nan, 1.0] * 500),
        a_round([1000, 5000] * 500, status=Status.INVALID),
        Measurement(Cell(Workload("lstm"), Setup(), PROTOCOL), 0, Status.CRASHED),
    ],
)
def test_rounds_that_say_nothing_are_no_news(measurement):
    assert current_finding(measurement) == ""


def test_what_other_ways_of_measuring_left_behind_in_the_reference_is_no_news():
    values, _ = trials()
    drifting = a_round(in_ns(values * np.linspace(1, 1.2, values.size)))
    rules = replace(drifting.cell.protocol, ablation=Ablation((Way(idle_s=0.1),)))
    assert current_finding(drifting) != ""
    assert current_finding(replace(drifting, cell=replace(drifting.cell, protocol=rules))) == ""


def test_the_place_is_told_by_the_coordinates_that_vary():
    values, _ = trials()
    measurement = a_round(in_ns(values * np.linspace(1, 1.2, values.size)))
    assert current_finding(measurement, ["hidden", "batch", "nothing"]).startswith("hidden=256 batch=8: ")
    plain = a_round(measurement.samples["latency"].values, workload=Workload("file.py:make"))
    assert current_finding(plain).startswith("file.py:make: ")


def test_a_long_round_costs_hardly_more_than_a_short_one():
    def cost(n):
        values, dice = trials(n)
        measurement = a_round(in_ns(values * dice.choice([1, 1.25], n, p=[0.95, 0.05])))
        times = []
        for _ in range(7):
            begin = time.process_time()
            current_finding(measurement)
            times.append(time.process_time() - begin)
        return min(times)

    assert cost(500_000) < 20 * cost(5_000)  # 100 times as many trials
