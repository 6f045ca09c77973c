"""Do the intervals cover the truth as often as they say?"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detection_env.planted import BETWEEN
from detection_env.rates import Table, share
from stopwatt.analyse.estimate import Series, typical
from stopwatt.stats.quantiles import Quantile, percentile
from stopwatt.stats.shares import share_interval

TRIALS = 300


def typical_value(seeds: int) -> Table:
    """The interval of the typical latency, where processes differ and trials vary within them."""
    table = Table(
        f"95 % intervals of the typical latency that hold the truth, % of the seeds ({TRIALS} trials a round, "
        f"processes differ by {100 * BETWEEN:g} %, sd)",
        ("trials vary by", "3 rounds", "5 rounds", "10 rounds", "10 rounds, if their trials were pooled"),
    )
    families: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
        "2 % (lognormal)": lambda dice, n: dice.lognormal(sigma=0.02, size=n),
        "5 % (lognormal)": lambda dice, n: dice.lognormal(sigma=0.05, size=n),
        "20 % (lognormal)": lambda dice, n: dice.lognormal(sigma=0.2, size=n),
        "5 %, 10 % of them at 2 x": lambda dice, n: (
            dice.lognormal(sigma=0.05, size=n) * np.where(dice.random(n) < 0.1, 2, 1)
        ),
    }
    for number, (name, draw) in enumerate(families.items()):
        truth = float(np.median(draw(np.random.default_rng(900), 4_000_000)))
        covered = {}
        for rounds in (3, 5, 10):
            sets = [_rounds(draw, rounds, np.random.default_rng([900 + number, rounds, seed])) for seed in range(seeds)]
            covered[f"{rounds} rounds"] = share([_covers(one, truth) for one in sets])
        covered["pooled"] = share([_pooled_covers(one, truth) for one in sets])
        table.add(name, *map(str, covered.values()), within=name, **covered)
    return table


def _rounds(draw: Callable[[np.random.Generator, int], NDArray[np.float64]], rounds: int, dice: np.random.Generator):
    return [Series(number, draw(dice, TRIALS) * np.exp(dice.normal(0, BETWEEN))) for number in range(rounds)]


def _covers(rounds: list[Series], truth: float) -> bool:
    estimate = typical("latency", "s", rounds)
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= truth <= estimate.high


def _pooled_covers(rounds: list[Series], truth: float) -> bool:
    found = percentile(np.concatenate([series.values for series in rounds]), 0.5)
    assert isinstance(found, Quantile)
    return found.interval.low <= truth <= found.interval.high


def masses(seeds: int) -> Table:
    """The interval of a cluster's mass: its trials come singly, in bursts, or in some processes more than others."""
    table = Table(
        "95 % intervals of a cluster's mass that hold the truth (5 % of the trials, rounds of 1000), % of the seeds",
        ("its trials come", "3 rounds", "5 rounds", "10 rounds", "10 rounds, if the trials were independent"),
    )
    plans: dict[str, Callable[[np.random.Generator], NDArray[np.bool_]]] = {
        "singly": lambda dice: dice.random(1000) < 0.05,
        "in bursts of 5": lambda dice: _bursty(dice, 5),
        "in bursts of 20": lambda dice: _bursty(dice, 20),
        "with another probability in each process, 2 to 8 %": lambda dice: dice.random(1000) < dice.uniform(0.02, 0.08),
    }
    for number, (name, draw) in enumerate(plans.items()):
        rates = {}
        for rounds in (3, 5, 10):
            generators = [np.random.default_rng([950 + number, rounds, seed]) for seed in range(seeds)]
            sets = [[draw(dice) for _ in range(rounds)] for dice in generators]
            rates[f"{rounds} rounds"] = share([_holds(*share_interval(events)) for events in sets])
        rates["independent"] = share([_holds(*share(list(np.concatenate(events))).interval) for events in sets])
        table.add(name, *map(str, rates.values()), planted=name, **rates)
    return table


def _holds(low: float, high: float) -> bool:
    return low <= 0.05 <= high


def _bursty(dice: np.random.Generator, length: int) -> NDArray[np.bool_]:
    """Each place of a round begins a burst with the same probability, so that 5 % of the trials are in one."""
    chance = 1 - 0.95 ** (1 / length)
    starts = dice.random(1000 + length - 1) < chance
    return np.convolve(starts, np.ones(length), mode="valid") > 0
