import json

import numpy as np
import pytest
from scipy.stats import binomtest

from detection import _targets
from detection_env import coverage, modes, over_time, speed
from detection_env.planted import UNIMODAL, in_rounds, mixture, ticked
from detection_env.rates import Rate, Table, share

MAKERS = (
    modes.found_clusters,
    modes.false_modes,
    modes.alternatives,
    modes.found_body_modes,
    modes.ticks,
    over_time.drift,
    over_time.dependent,
    over_time.bursts_and_periods,
    over_time.rare_events,
    coverage.masses,
)


def test_a_rate_carries_the_interval_of_its_tries():
    exact = binomtest(38, 40).proportion_ci(0.95, method="exact")

    assert share([True] * 38 + [False] * 2).interval == pytest.approx((exact.low, exact.high))
    assert str(Rate(38, 40)) == "95.0 [83.1, 99.4]"


@pytest.mark.parametrize("make", MAKERS)
def test_every_table_is_rectangular_and_can_be_stored(make):
    table = make(1)

    assert {len(row) for row in table.rows} == {len(table.head)}
    assert len(table.rows) == len(table.data) > 2
    assert json.dumps(table.data, allow_nan=False)


@pytest.mark.parametrize("make", [modes.alternatives, over_time.rare_events])
def test_a_table_is_drawn_from_its_seeds_alone(make):
    assert make(2).rows == make(2).rows


def test_the_memory_of_an_analysis_is_measured_beside_its_trials(monkeypatch):
    monkeypatch.setattr(speed, "MEMORY_SIZES", ((10**5, "fine"), (10**5, "ticked")))
    table = speed.memory()

    assert [row["trials"] for row in table.data] == [800_000, 800_000]
    assert all(row["beyond"] > 0 and row["clusters"] == 2 for row in table.data)


def test_targets_are_read_off_the_tables_and_may_be_missed():
    def tables(found, claimed, covered, seconds):
        rates = {size: Rate(claimed, 100).document() for size in modes.SIZE_HEADS}
        noisy = {"mass": 0.02, "sd": 0.03, "n = 1000": Rate(60, 100).document()}
        quiet = {"mass": 0.02, "sd": 0.01, "n = 1000": Rate(found, 100).document()}
        return {
            "clusters": Table("", (), data=[quiet, noisy]),
            "false_modes": Table("", (), data=[{"target": True, **rates}]),
            "typical": Table("", (), data=[{"3 rounds": Rate(covered, 100).document()}]),
            "times": Table("", (), data=[{"n": 10**6, "seconds": seconds}]),
            "memory": Table("", (), data=[{"n": 10**7, "beyond": 2**20}]),
        }

    good, bad = _targets(tables(97, 3, 95, 0.5)), _targets(tables(90, 9, 80, 2.0))

    assert "60.0 % with 3 %" in good[0]
    assert all(sentence.count("not met") == 0 for sentence in good)
    assert all(sentence.count("not met") == 1 for sentence in bad)


def test_planted_mixtures_are_what_they_say():
    values, kinds = mixture(np.random.default_rng(0), 10_000, (0.1, 0.2), (2.0, 5.0), 0.01)

    assert np.bincount(kinds) / 10_000 == pytest.approx([0.7, 0.1, 0.2], abs=0.02)
    assert [np.median(values[kinds == kind]) for kind in range(3)] == pytest.approx([1, 2, 5], rel=0.01)


def test_rounds_hold_all_trials_in_milliseconds_each_at_a_level_of_its_own():
    dice = np.random.default_rng(0)
    rounds = in_rounds(dice, np.ones(900), 3)

    assert [series.values.size for series in rounds] == [300] * 3
    assert len({series.values[0] for series in rounds}) == 3
    assert all(series.values[0] == pytest.approx(1e-3, rel=0.05) for series in rounds)


def test_a_coarse_clock_reads_whole_ticks_and_never_nothing():
    assert ticked(np.array([0.01, 0.26, 0.9]), 0.25).tolist() == [0.25, 0.25, 1.0]


def test_there_are_six_families_and_all_have_one_mode_by_eye():
    assert len(UNIMODAL) == 6
    for draw in UNIMODAL.values():
        counts, _ = np.histogram(np.log(np.abs(draw(np.random.default_rng(1), 200_000))), bins=25, range=(-1, 2))
        rising = np.sign(np.diff(counts[counts > 500].astype(int)))
        assert (np.diff(rising) > 0).sum() == 0
