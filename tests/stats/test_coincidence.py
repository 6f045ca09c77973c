"""How often two kinds of moments fall together by chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from stopwatt.stats.coincidence import coincidence_p


def stretch(n, begin, length):
    found = np.zeros(n, dtype=bool)
    found[(begin + np.arange(length)) % n] = True
    return found


def test_a_burst_inside_a_stretch_is_as_likely_as_the_shifts_that_put_it_there():
    slow, label = stretch(100, 40, 5), stretch(100, 30, 20)
    assert coincidence_p([(slow, label)]) == pytest.approx(16 / 100)


def test_the_same_in_every_round_is_less_likely_by_as_much_again():
    slow, label = stretch(100, 40, 5), stretch(100, 30, 20)
    assert coincidence_p([(slow, label)] * 3) == pytest.approx(0.16**3)


def test_scattered_moments_are_judged_as_fishers_exact_test_does():
    dice = np.random.default_rng(1)
    ratios = []
    for _ in range(40):
        slow, label = dice.random((2, 2000)) < 0.1
        together = int((slow & label).sum())
        fisher = hypergeom.sf(together - 1, 2000, int(label.sum()), int(slow.sum()))
        ratios.append(coincidence_p([(slow, label)]) - fisher)
    assert np.abs(ratios).max() < 0.05


def test_bursts_and_stretches_are_not_called_together_more_often_than_said_as_a_table_of_trials_would():
    dice = np.random.default_rng(2)
    ours, tables = [], []
    for _ in range(300):
        rounds = [(stretch(300, dice.integers(300), 15), stretch(300, dice.integers(300), 60)) for _ in range(3)]
        slow, label = (np.concatenate(column) for column in zip(*rounds, strict=True))
        ours.append(coincidence_p(rounds) < 0.05)
        tables.append(hypergeom.sf((slow & label).sum() - 1, slow.size, label.sum(), slow.sum()) < 0.05)
    assert np.mean(ours) < 0.08
    assert np.mean(tables) > 0.2


@pytest.mark.parametrize("always", [0.0, 1.1])
def test_what_always_or_never_holds_coincides_with_nothing(always):
    dice = np.random.default_rng(3)
    assert coincidence_p([(dice.random(50) < 0.2, dice.random(50) < always)]) == 1.0


def test_no_trial_at_all_is_no_evidence():
    assert coincidence_p([]) == 1.0
    assert coincidence_p([(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))]) == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_it_is_exact(pairs):
    one, other = np.array(pairs, dtype=bool).T
    counts = [int((one & np.roll(other, shift)).sum()) for shift in range(one.size)]
    assert coincidence_p([(one, other)]) == pytest.approx(np.mean(np.array(counts) >= counts[0]))


def test_many_trials_are_judged_as_few_are():
    few = [(stretch(1000, 400, 50), stretch(1000, 300, 200))] * 2
    many = [(np.repeat(one, 100), np.repeat(other, 100)) for one, other in few]
    assert coincidence_p(many) == pytest.approx(coincidence_p(few), rel=0.02)
