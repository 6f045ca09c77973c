"""Which of many arms takes least, in as few rounds as that needs: worse ones are given up while the others go on.

Successive elimination (Even-Dar, Mannor & Mansour 2006) on logarithms of times, with the pooled variance of a two-way
layout as in a race of configurations (Birattari et al. 2002): every arm that is still in is measured in every round, so
that what a round has in common (a warmer machine) cancels. An arm is given up once it lies above the best one by more
than t standard errors, where t shares the risk among all arms and rounds (Bonferroni). The best arm is then lost with
at most that probability, if rounds scatter normally about it; `RaceRules.noise` stands in for the scatter while it is
not known, so that one slow round gives up only what is far off.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats


@dataclass(frozen=True, slots=True)
class RaceRules:
    """When an arm is given up, and when the race is over.

    Attributes:
        risk: Largest probability of giving up the best arm.
        margin: Relative difference that does not matter: once all that are left lie within it, the race is over.
        rounds: At most.
        noise: Standard deviation of the logarithm of a round, as assumed before it is known.
        weight: Degrees of freedom that the assumption is worth.
    """

    risk: float = 0.05
    margin: float = 0.02
    rounds: int = 5
    noise: float = 0.1
    weight: float = 20.0


@dataclass(frozen=True, slots=True)
class Race:
    """Where a race stands.

    Attributes:
        left: Numbers of the arms that are still in, the best first.
        given_up: Number of each other arm -> after how many rounds.
        rounds: That were judged: all arms that are left have so many.
        spread: Standard deviation of the logarithm of a round, as the judgement took it.
        over: Whether further rounds would change nothing that matters, or there may be none.
    """

    left: tuple[int, ...]
    given_up: dict[int, int]
    rounds: int
    spread: float
    over: bool


def judge(values: Sequence[Sequence[float]], rules: RaceRules) -> Race:
    """Where the race stands after the rounds that all arms which are left have had.

    Args:
        values: Of each arm, its rounds' values in order, positive, of which less is better. An arm that was given up
            needs no more of them; one without any takes no part.
        rules: Of the race.

    Returns:
        The standing; the same whenever the same rounds are judged, however many come later.
    """
    logs = [np.log(np.asarray(arm, dtype=np.float64)) for arm in values]
    left = [arm for arm, rounds in enumerate(logs) if rounds.size]
    arms = len(left)
    given_up = {arm: 0 for arm, rounds in enumerate(logs) if not rounds.size}
    judged, spread = 0, rules.noise
    while left and judged < rules.rounds and min(logs[arm].size for arm in left) > judged:
        judged += 1
        table = np.stack([logs[arm][:judged] for arm in left])
        spread, freedom = _spread(table, rules)
        means = table.mean(axis=1)
        reach = float(stats.t.isf(rules.risk / (arms * rules.rounds), freedom)) * spread * math.sqrt(2 / judged)
        behind = means - means.min()
        given_up |= {arm: judged for arm, gap in zip(left, behind, strict=True) if gap > reach}
        left = [left[place] for place in np.argsort(means, kind="stable") if behind[place] <= reach]
    return Race(tuple(left), given_up, judged, spread, _over(logs, left, judged, spread, rules))


def _spread(table: NDArray[np.float64], rules: RaceRules) -> tuple[float, float]:
    """Standard deviation of a round of an arm beyond what the round did to all, and its degrees of freedom."""
    arms, rounds = table.shape
    residuals = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    freedom = rules.weight + (arms - 1) * (rounds - 1)
    squares = rules.weight * rules.noise**2 + float((residuals**2).sum())
    return math.sqrt(squares / freedom), freedom


def _over(
    logs: Sequence[NDArray[np.float64]], left: Sequence[int], judged: int, spread: float, rules: RaceRules
) -> bool:
    if len(left) < 2 or judged >= rules.rounds:  # noqa: PLR2004  (nobody to race against)
        return True
    if not judged:
        return False
    means = np.array([logs[arm][:judged].mean() for arm in left])
    reach = float(stats.t.isf(rules.risk / len(left), rules.weight)) * spread * math.sqrt(2 / judged)
    return float(means.max() - means.min()) + reach <= math.log1p(rules.margin)
