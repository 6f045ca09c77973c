import numpy as np
import pytest
import scipy.stats

from stopwatt.stats.rounds import BLOCKS, LEAST_TRIALS, compare_levels


def test_it_is_the_analysis_of_variance_of_block_medians(two_levels):
    rounds = list(two_levels(3, 200, seed=0))
    blocks = [[np.log(np.median(part)) for part in np.array_split(values, BLOCKS)] for values in rounds]
    assert compare_levels(rounds).p == pytest.approx(scipy.stats.f_oneway(*blocks).pvalue)


def test_processes_with_levels_of_their_own_differ(two_levels):
    spread = compare_levels(list(two_levels(3, 300, seed=1, between=0.05)))
    assert spread.p < 1e-6
    assert spread.ratio > 1.02


def test_processes_of_one_level_do_not(two_levels):
    p_values = [compare_levels(list(two_levels(3, 300, seed=seed, between=0.0))).p for seed in range(300)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.08


def test_trials_that_depend_on_their_neighbours_are_not_taken_for_rounds_that_differ(autoregressive):
    p_values = [
        compare_levels([autoregressive(0.5, 600, 10 * seed + number) for number in range(3)]).p for seed in range(200)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12  # trials by themselves: above 0.3


@pytest.mark.parametrize(
    "rounds",
    [
        [],
        [np.ones(500)],
        [np.ones(LEAST_TRIALS - 1), np.ones(500)],
        [np.ones(500), np.full(500, 2.0)],  # the clock cannot tell the trials apart
    ],
)
def test_what_cannot_be_compared_is_not(rounds):
    assert compare_levels(rounds) is None
