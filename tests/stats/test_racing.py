"""A race gives up what is worse, keeps the best, and says so the same way however often it is asked."""

import numpy as np
import pytest

from stopwatt.stats.racing import RaceRules, judge

RULES = RaceRules()


def race(truth, noise, rng, rules=RULES, bursts=0.0):
    """Run a race as a tuner does; the standing at its end and the rounds that it took."""
    values = [[] for _ in truth]
    taken = 0
    while True:
        standing = judge(values, rules) if taken else None
        if standing is not None and standing.over:
            return standing, taken
        weather = rng.normal(0, 0.03)
        for arm in standing.left if standing else range(len(truth)):
            slow = np.log(3) if rng.random() < bursts else 0.0
            values[arm].append(float(np.exp(np.log(truth[arm]) + weather + rng.normal(0, noise) + slow)))
            taken += 1


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.15])
def test_the_best_is_lost_no_more_often_than_the_risk_allows(noise):
    rng = np.random.default_rng(0)
    lost = 0
    for _ in range(300):
        truth = np.exp(rng.normal(0, 0.5, 30))
        standing, _ = race(truth, noise, rng)
        lost += int(np.argmin(truth)) in standing.given_up
    assert lost <= 0.05 * 300


def test_what_is_chosen_is_within_a_few_percent_of_the_best_and_takes_a_part_of_the_rounds():
    rng = np.random.default_rng(1)
    regrets, shares = [], []
    for _ in range(200):
        truth = np.exp(rng.normal(0, 0.7, 60))
        standing, taken = race(truth, 0.04, rng)
        regrets.append(truth[standing.left[0]] / truth.min() - 1)
        shares.append(taken / (60 * RULES.rounds))
    assert np.mean(np.array(regrets) <= 0.03) >= 0.95
    assert np.mean(shares) < 0.4


def test_a_slow_round_now_and_then_seldom_costs_the_best():
    rng = np.random.default_rng(2)
    lost = 0
    for _ in range(300):
        truth = np.exp(rng.normal(0, 0.5, 30))
        standing, _ = race(truth, 0.04, rng, bursts=0.02)
        lost += int(np.argmin(truth)) in standing.given_up
    assert lost <= 0.05 * 300


def test_what_was_judged_stays_judged_when_more_rounds_come():
    rng = np.random.default_rng(3)
    values = [list(np.exp(rng.normal(level, 0.05, 3))) for level in (0.0, 0.01, 0.3, 2.0)]
    early = judge([arm[:1] for arm in values], RULES)
    late = judge(values, RULES)
    assert set(early.given_up.items()) <= set(late.given_up.items())
    assert early.given_up == {3: 1}


def test_arms_that_are_alike_end_the_race_before_its_last_round():
    values = [[1.0, 1.0, 1.0], [1.001, 1.001, 1.001]]
    standing = judge(values, RaceRules(noise=0.002, rounds=10))
    assert standing.over
    assert standing.left == (0, 1)


def test_an_arm_without_a_value_takes_no_part():
    standing = judge([[], [1.1], [1.0]], RULES)
    assert standing.given_up == {0: 0}
    assert standing.left == (2, 1)


def test_nobody_in_the_race_is_a_race_that_is_over():
    assert judge([[], []], RULES).over
    assert judge([[], []], RULES).left == ()
