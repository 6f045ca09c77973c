"""How small a difference can be found on a machine: by a setup measured against itself, or by the rounds compared."""

import numpy as np
import pytest

from stopwatt.analyse.compare import compare
from stopwatt.analyse.detectable import arms_of, calibrate, choose
from stopwatt.stats.detectable import effect_of_rounds
from stopwatt.stats.ratios import Verdict

STEADY = (4.0, 4.01, 4.02)
NOISE = np.random.default_rng(1).normal(0, 0.01, 40)
NOISY = tuple(4 * np.exp(NOISE))


@pytest.fixture
def itself(side, rounds, cell):
    """`(run, medians, **cell)`: what an A/A run says."""

    def make(run="aa", medians=NOISY, minutes=0.0, **changes):
        return calibrate(side(rounds(cell(**changes), medians, minutes=minutes), run=run), "latency")

    return make


def test_the_rounds_of_an_aa_are_paired_in_abba_blocks(side, rounds, cell):
    first, second = arms_of(side(rounds(cell(), range(1, 9))).rounds)

    assert [one.round for one in first] == [0, 3, 4, 7]
    assert [one.round for one in second] == [1, 2, 5, 6]


def test_a_pair_of_which_one_round_failed_does_not_count(side, rounds, cell):
    measured = rounds(cell(), range(1, 7))
    del measured[2]

    first, second = arms_of(side(measured).rounds)

    assert [(a.round, b.round) for a, b in zip(first, second, strict=True)] == [(0, 1), (4, 5)]


def test_a_steady_drift_makes_no_difference_between_the_arms(itself):
    found = itself(medians=4 * np.exp(0.05 * np.linspace(0, 1, 40) + NOISE / 10))

    assert found.ratio.low < 1 < found.ratio.high
    assert found.ratio.verdict is Verdict.EQUIVALENT


def test_the_spread_of_rounds_is_that_of_the_machine(itself):
    found = itself()

    assert found.pairs == 20
    assert found.spread.interval().low < 0.01 < found.spread.interval().high


def test_a_comparison_says_what_the_machine_can_detect_by_its_latest_aa(side, rounds, cell, itself):
    a, b = side(rounds(cell(), STEADY)), side(rounds(cell(code="new"), STEADY), "B")
    earlier, later = itself("earlier"), itself("later", minutes=60)

    found = compare(a, b, calibrations=[later, earlier]).detectable

    assert found.calibration is later
    assert found.rounds == (3, 3)
    assert found.effect == effect_of_rounds(later.spread.sd, 3, 3)
    assert found.low < found.effect < found.high
    assert effect_of_rounds(later.spread.sd, found.needed, found.needed) <= 0.02


def test_an_aa_of_the_same_setup_says_more_than_a_later_one_of_another(itself, cell):
    same, other = itself("same"), itself("other", minutes=60, batch=64)

    assert choose([same, other], [cell(code="new")]) is same
    assert choose([other], [cell()]) is other


def test_an_aa_of_another_machine_says_nothing(itself, cell):
    assert choose([itself(machine="elsewhere")], [cell()]) is None


def test_without_an_aa_the_rounds_compared_are_asked(side, rounds, cell):
    dice = np.random.default_rng(7)
    a, b = (side(rounds(cell(code=word), 4 * np.exp(dice.normal(0, 0.01, 20))), word) for word in "AB")

    found = compare(a, b).detectable

    assert found.calibration is None
    assert found.effect == pytest.approx(effect_of_rounds(0.01, 20, 20), rel=0.35)


def test_rounds_without_an_interval_tell_nothing(side, rounds, cell):
    a, b = side(rounds(cell(), (4.0,))), side(rounds(cell(code="new"), (4.0,)), "B")

    assert compare(a, b).detectable is None


def test_an_aa_without_a_pair_is_none(side, rounds, cell):
    assert calibrate(side(rounds(cell(), (4.0,))), "latency") is None
