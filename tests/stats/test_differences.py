import math

import numpy as np
import pytest

from stopwatt.stats.differences import MOST_BORROWED, moderated, unpaired_difference
from stopwatt.stats.quantiles import NoInterval


def family(sds, rounds, seed, true=0.0):
    """Differences of cells with these spreads, each from two sets of rounds."""
    generator = np.random.default_rng(seed)
    base = np.exp(generator.normal(0, sds, size=(rounds, len(sds))))
    other = np.exp(generator.normal(-true, sds, size=(rounds, len(sds))))
    return [unpaired_difference(one, two) for one, two in zip(base.T, other.T, strict=True)]


def test_cells_of_a_large_family_share_what_they_know_of_the_noise():
    alone = family([0.01] * 32, rounds=3, seed=1)
    shared = moderated(alone, [(3, 3)] * 32)

    assert [one.value for one in shared] == [one.value for one in alone]
    pairs = list(zip(alone, shared, strict=True))
    assert all(after.error >= before.error for before, after in pairs)
    assert all(after.freedom == before.freedom + MOST_BORROWED for before, after in pairs)
    before, after = (np.median([np.diff(one.interval(1 - 0.05 / 32)) for one in family]) for family in (alone, shared))
    assert after < 0.7 * before


def test_a_noisy_cell_keeps_its_own_spread():
    shared = moderated(alone := family([0.3] + [0.005] * 15, rounds=3, seed=2), [(3, 3)] * 16)

    assert shared[0].error == alone[0].error


def test_cells_of_unequal_numbers_of_rounds_are_measured_by_one_round():
    generator = np.random.default_rng(5)
    sizes = [(3, 3), (3, 30)] * 20
    sets = [[np.exp(generator.normal(0, 0.01, n)) for n in size] for size in sizes]
    shared = moderated([unpaired_difference(*one) for one in sets], sizes)

    few = np.mean([one.error for one in shared[::2]])
    many = np.mean([one.error for one in shared[1::2]])
    assert few / many == pytest.approx(math.sqrt((1 / 3 + 1 / 3) / (1 / 3 + 1 / 30)), rel=0.1)


def test_a_small_family_is_left_alone():
    alone = family([0.01] * 5, rounds=3, seed=1)

    assert moderated(alone, [(3, 3)] * 5) == alone


def test_what_has_no_interval_stays_without():
    alone = [*family([0.01] * 16, rounds=3, seed=1), NoInterval("needs 3 rounds of each (has 1 and 3)")]

    assert moderated(alone, [*[(3, 3)] * 16, (1, 3)])[-1] is alone[-1]
    assert moderated(alone, [*[(3, 3)] * 16, (0, 3)])[-1] is alone[-1]


@pytest.mark.parametrize(
    "sds",
    [
        pytest.param([0.01] * 16, id="equal spreads"),
        pytest.param([0.01] * 14 + [0.05] * 2, id="two cells five times as noisy"),
        pytest.param([0.1] + [0.01] * 15, id="one cell ten times as noisy"),
        pytest.param(list(0.01 * np.exp(0.7 * np.linspace(-1.8, 1.8, 16))), id="spreads over a factor of twelve"),
    ],
)
def test_intervals_of_moderated_cells_cover_the_truth(sds):
    covered, families = 0, 400
    for seed in range(families):
        shared = moderated(family(sds, rounds=3, seed=seed, true=0.01), [(3, 3)] * len(sds))
        covered += sum(low <= 0.01 <= high for low, high in (one.interval() for one in shared))

    assert 0.93 <= covered / families / len(sds) <= 0.98
