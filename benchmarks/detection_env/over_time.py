"""How often a change of level, bursts, periods and dependence are noticed, and how often where there are none."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detection_env.planted import Floats, autoregressive, in_rounds, mixture
from detection_env.rates import Table, rate, share
from stopwatt.analyse.shape import Shape, shape_of
from stopwatt.stats.autocorrelation import ljung_box
from stopwatt.stats.bursts import bunched_p
from stopwatt.stats.drift import find_levels
from stopwatt.stats.independence import battery

LONG = (300, 1000)


def drift(seeds: int) -> Table:
    """A level that changes by so much from the first to the last trial of a round."""
    table = Table(
        "A change of level claimed, % of the rounds (segments or a trend)",
        ("planted", "sd 1 %, n = 300", "sd 1 %, n = 1000", "sd 3 %, n = 300", "sd 3 %, n = 1000"),
    )
    shapes: dict[str, Callable[[Floats], Floats]] = {"nothing": lambda _: np.array(1.0)}
    for size in (0.001, 0.002, 0.005, 0.01, 0.02):
        shapes[f"drift of {100 * size:g} %"] = lambda time, size=size: 1 + size * time
    for size in (0.005, 0.01, 0.02):
        shapes[f"step of {100 * size:g} % at 0.6"] = lambda time, size=size: np.where(time > 0.6, 1 + size, 1)
    shapes["warm-up: + 50 %, gone after 5 %"] = lambda time: 1 + 0.5 * np.exp(-time / 0.0125)
    shapes["warm-up: + 10 %, gone after 20 %"] = lambda time: 1 + 0.1 * np.exp(-time / 0.05)
    for number, (name, factor) in enumerate(shapes.items()):
        rates = {}
        for sd in (0.01, 0.03):
            for n in LONG:

                def find(dice: np.random.Generator, sd: float = sd, n: int = n, factor=factor) -> bool:
                    return find_levels(factor(np.linspace(0, 1, n)) * dice.lognormal(sigma=sd, size=n)).changed

                rates[f"sd {sd:.0%}, n = {n}"] = rate(find, seeds, 500 + number)
        table.add(name, *map(str, rates.values()), planted=name, **rates)
    return table


def dependent(seeds: int) -> Table:
    """Trials that resemble their neighbours: noticed as such, and not called a change of level."""
    table = Table(
        "Trials that depend on their neighbours (AR(1) in the logarithm), % of the rounds",
        (
            "coefficient",
            "called dependent (p < 0.05), n = 300",
            "n = 1000",
            "change of level claimed, n = 300",
            "n = 1000",
        ),
    )
    for number, coefficient in enumerate((0.0, 0.2, 0.5, 0.8, 0.9, 0.95)):

        def draw(dice: np.random.Generator, n: int, coefficient: float = coefficient) -> Floats:
            return np.exp(autoregressive(dice, n, coefficient, 0.02))

        rates = {
            f"dependent, n = {n}": rate(lambda dice, n=n: battery(draw(dice, n)).p < 0.05, seeds, 600 + number)
            for n in LONG
        } | {
            f"change, n = {n}": rate(lambda dice, n=n: find_levels(draw(dice, n)).changed, seeds, 600 + number)
            for n in LONG
        }
        table.add(f"{coefficient:g}", *map(str, rates.values()), coefficient=coefficient, **rates)
    return table


def bursts_and_periods(seeds: int) -> Table:
    """When the slow trials of a cluster at 2 x happen, n = 1000 in one round."""
    table = Table(
        "A cluster of slow trials at 2 x (n = 1000): what is said of when they happen, % of the seeds",
        ("planted", "cluster found", "called bursty (p < 0.01)", "called regular", "with the right period"),
    )
    plans: dict[str, tuple[Callable[[np.random.Generator], NDArray[np.intp]], float | None]] = {
        "20 scattered": (lambda dice: dice.choice(1000, 20, replace=False), None),
        "100 scattered": (lambda dice: dice.choice(1000, 100, replace=False), None),
        "10 bursts of 2": (lambda dice: _bursts(dice, 10, 2), None),
        "4 bursts of 5": (lambda dice: _bursts(dice, 4, 5), None),
        "10 bursts of 10": (lambda dice: _bursts(dice, 10, 10), None),
        "every 10th": (lambda dice: np.arange(dice.integers(10), 1000, 10), 10),
        "every 50th": (lambda dice: np.arange(dice.integers(50), 1000, 50), 50),
        "every 100th": (lambda dice: np.arange(dice.integers(100), 1000, 100), 100),
        "every 50th, give or take 1": (
            lambda dice: np.arange(dice.integers(1, 49), 999, 50) + dice.integers(-1, 2, size=20),
            50,
        ),
        "every 50th, and 10 scattered": (
            lambda dice: np.union1d(np.arange(dice.integers(50), 1000, 50), dice.choice(1000, 10, replace=False)),
            50,
        ),
    }
    for number, (name, (places, period)) in enumerate(plans.items()):
        shapes = [_slow_at(places, np.random.default_rng([700 + number, seed])) for seed in range(seeds)]
        outer = [shape.clusters[1] for shape in shapes if len(shape.clusters) == 2]
        periods = [cluster.period for cluster in outer]
        rates = {
            "found": share([len(shape.clusters) == 2 for shape in shapes]),
            "bursty": share([cluster.bursty_p < 0.01 for cluster in outer]),
            "regular": share([found is not None for found in periods]),
        }
        right = share([found is not None and abs(found / period - 1) < 0.02 for found in periods]) if period else None
        table.add(name, *map(str, rates.values()), str(right or "-"), planted=name, **rates, right=right)
    return table


def rare_events(seeds: int) -> Table:
    """Why bursts are not told by a Ljung-Box test of the indicator alone."""
    table = Table(
        "Events at random places among 1,000 trials: called dependent at p < 0.05, % of the seeds",
        ("events", "by their distances (as used)", "by Ljung-Box on the indicator"),
    )
    for number, count in enumerate((5, 10, 20, 50, 100)):

        def draw(dice: np.random.Generator, count: int = count) -> NDArray[np.bool_]:
            events = np.zeros(1000, dtype=np.bool_)
            events[dice.choice(1000, count, replace=False)] = True
            return events

        rates = {
            "distances": rate(lambda dice: bunched_p([draw(dice)]) < 0.05, seeds, 800 + number),
            "ljung_box": rate(lambda dice: ljung_box(draw(dice).astype(np.int64)) < 0.05, seeds, 800 + number),
        }
        table.add(str(count), *map(str, rates.values()), events=count, **rates)
    return table


def _bursts(dice: np.random.Generator, count: int, length: int) -> NDArray[np.intp]:
    starts = dice.choice(1000 - length, count, replace=False)
    return np.unique(starts[:, None] + np.arange(length))


def _slow_at(places: Callable[[np.random.Generator], NDArray[np.intp]], dice: np.random.Generator) -> Shape:
    values, _ = mixture(dice, 1000, (), (), 0.02)
    values[places(dice)] *= 2
    return shape_of(in_rounds(dice, values, 1))
