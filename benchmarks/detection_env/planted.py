"""Series with a known shape, in milliseconds around 1, drawn from a seed."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from stopwatt.analyse.estimate import Series

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

BETWEEN = 0.01
"""Standard deviation of the levels of processes."""

UNIMODAL: Mapping[str, Draw] = {
    "normal (sd 5 %)": lambda dice, n: dice.normal(1, 0.05, size=n),
    "lognormal (sigma 0.3)": lambda dice, n: dice.lognormal(sigma=0.3, size=n),
    "gamma (shape 4)": lambda dice, n: dice.gamma(4, size=n),
    "Pareto tail (index 2)": lambda dice, n: 1 + dice.pareto(2, size=n),
    "Weibull (shape 1.5, from 0.5)": lambda dice, n: 0.5 + dice.weibull(1.5, size=n),
    "inverse Gaussian (1, 3)": lambda dice, n: dice.wald(1, 3, size=n),
}
HARDER: Mapping[str, Draw] = {
    "exponential (1 + 5 %)": lambda dice, n: 1 + 0.05 * dice.exponential(size=n),
    "logistic (scale 3 %)": lambda dice, n: dice.logistic(1, 0.03, size=n),
    "normal, 10 % with a Pareto tail": lambda dice, n: (
        dice.normal(1, 0.02, size=n) * np.where(dice.random(n) < 0.1, 1 + dice.pareto(2, size=n), 1)
    ),
    "normal, 5 % spread evenly from 1 x to 3 x": lambda dice, n: (
        dice.normal(1, 0.02, size=n) * np.exp(np.where(dice.random(n) < 0.05, dice.uniform(0, 1.1, size=n), 0))
    ),
    "normal, AR(1) 0.9": lambda dice, n: np.exp(autoregressive(dice, n, 0.9, 0.02)),
}


def autoregressive(dice: np.random.Generator, n: int, coefficient: float, sd: float) -> Floats:
    """AR(1) with this standard deviation, started in its stationary state."""
    noise = dice.normal(size=n + 500)
    series: Floats = lfilter([1], [1, -coefficient], noise)[500:] * sd * np.sqrt(1 - coefficient**2)
    return series


def mixture(
    dice: np.random.Generator, n: int, shares: Sequence[float], ratios: Sequence[float], sd: float
) -> tuple[Floats, NDArray[np.intp]]:
    """Lognormal trials around 1 and, with these shares, around each ratio; and the kind of each trial."""
    kind = dice.choice(len(ratios) + 1, size=n, p=[1 - sum(shares), *shares])
    return np.array([1.0, *ratios])[kind] * np.exp(dice.normal(0, sd, size=n)), kind


def in_rounds(dice: np.random.Generator, values: Floats, rounds: int) -> list[Series]:
    """A series cut into rounds, each with the level of its process."""
    levels = np.exp(dice.normal(0, BETWEEN, size=rounds)) if rounds > 1 else [1.0]
    parts = np.array_split(values, rounds)
    return [
        Series(number, 1e-3 * level * np.abs(part))
        for number, (part, level) in enumerate(zip(parts, levels, strict=True))
    ]


def ticked(values: Floats, tick: float) -> Floats:
    """As a clock with this tick reads them; never 0."""
    return np.maximum(1, np.rint(values / tick)) * tick
