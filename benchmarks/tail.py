"""Do the bounds of the worst case hold, and does the extrapolation stay honest? Simulated series of known truth."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.signal import lfilter

from result import Page
from stopwatt.stats.extreme import HORIZON, Refusal, extrapolate
from stopwatt.stats.tail import exceedances, upper_bound
from stopwatt.units import percent

BOUND_SEEDS = 500
ANNEX_SEEDS = 200
ANNEX_N = 10_000
UNBOUNDED_SEEDS = 40
Draw = Callable[[np.random.Generator, int], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """A series whose misses have a known rate: trials above `level`."""

    name: str
    draw: Draw
    level: float
    rate: float
    n: int


def autoregressive(coefficient: float) -> Draw:
    """Normal with mean 0 and deviation 1; neighbours are correlated."""

    def draw(dice: np.random.Generator, n: int) -> NDArray[Any]:
        noise = dice.standard_normal(n + 1000)
        return lfilter([math.sqrt(1 - coefficient**2)], [1, -coefficient], noise)[1000:]

    return draw


def bursts(length: int, share: float) -> Draw:
    """0, but 1 within bursts of a mean length that take a share of all trials."""

    def draw(dice: np.random.Generator, n: int) -> NDArray[Any]:
        off, place = share / (length * (1 - share)), 0
        values = np.zeros(n)
        if dice.random() > share:
            place = int(dice.geometric(off))
        while place < n:
            end = place + int(dice.geometric(1 / length))
            values[place:end] = 1.0
            place = end + int(dice.geometric(off))
        return values

    return draw


def bound_cases() -> list[Case]:
    """What the bound has to hold for, and what it cannot."""
    found = []
    for n, rate in ((1000, 0.01), (10_000, 0.01), (10_000, 0.001)):
        level = float(stats.norm.isf(rate))
        found.append(Case("independent", lambda dice, n: dice.standard_normal(n), level, rate, n))
        found += [
            Case(f"autocorrelated {coefficient}", autoregressive(coefficient), level, rate, n)
            for coefficient in (0.5, 0.9, 0.99)
        ]
    for length, rate in ((5, 0.01), (50, 0.01), (50, 0.001)):
        bursty = bursts(length, rate)
        found.append(
            Case(f"bursts of {length}, about {100_000 * rate / length:.0f} of them", bursty, 0.5, rate, 100_000)
        )
    rare = bursts(50, 0.001)
    found.append(Case("bursts of 50, about one in 5 series", rare, 0.5, 0.001, 10_000))
    return found


def bound_rows() -> list[dict[str, Any]]:
    """How often the upper bound is above the truth, with and without regard to clustering."""
    rows = []
    for case in bound_cases():
        found = [
            exceedances([case.draw(np.random.default_rng(seed), case.n)], [case.level])[0]
            for seed in range(BOUND_SEEDS)
        ]
        rows.append(
            {
                "series": case.name,
                "n": case.n,
                "rate": case.rate,
                "held": float(np.mean([one.upper >= case.rate for one in found])),
                "held_plain": float(np.mean([upper_bound(one.count, one.n) >= case.rate for one in found])),
                "widened": float(np.mean([one.effective_n < one.n for one in found])),
                "bound_over_rate": float(np.median([one.upper for one in found]) / case.rate),
            }
        )
    return rows


LAWS: dict[str, Any] = {
    "exponential": stats.expon(1),
    "Pareto tail 0.1": stats.genpareto(0.1, 1),
    "Pareto tail 0.3": stats.genpareto(0.3, 1),
    "Pareto tail 0.5": stats.pareto(2),
    "lognormal 0.05": stats.lognorm(0.05),
    "lognormal 0.2": stats.lognorm(0.2),
    "lognormal 0.5": stats.lognorm(0.5),
    "lognormal 1": stats.lognorm(1),
    "normal": stats.norm(10, 1),
    "gamma 2": stats.gamma(2),
    "Weibull 0.5": stats.weibull_min(0.5),
    "uniform": stats.uniform(1, 1),
}


def annex_rows() -> list[dict[str, Any]]:
    """How often a series passes the gates, and how often what passed foretells too little."""
    rows = []
    for name, law in LAWS.items():
        true = float(law.isf(1 / (HORIZON * ANNEX_N)))
        passed, gates = [], Counter[str]()
        for seed in range(ANNEX_SEEDS):
            found = extrapolate([law.rvs(size=ANNEX_N, random_state=np.random.default_rng(seed))])
            if isinstance(found, Refusal):
                gates[found.gate] += 1
            else:
                passed.append(found)
        rows.append(
            {
                "law": name,
                "passed": len(passed) / ANNEX_SEEDS,
                "too_low": sum(one.high < true for one in passed),
                "of": len(passed),
                "level_over_true": float(np.median([one.level for one in passed]) / true) if passed else None,
                "high_over_true": float(np.median([one.high for one in passed]) / true) if passed else None,
                "gates": dict(gates),
            }
        )
    return rows


def mixture(*shares: tuple[float, float]) -> Draw:
    """A narrow lognormal of which shares are some times as long."""

    def draw(dice: np.random.Generator, n: int) -> NDArray[Any]:
        values, chance, reached = dice.lognormal(0.0, 0.05, n), dice.random(n), 0.0
        for share, factor in shares:
            values[(chance >= reached) & (chance < reached + share)] *= factor
            reached += share
        return values

    return draw


def refusal_rows() -> list[dict[str, Any]]:
    """Series that must not be extrapolated."""
    series: dict[str, Draw] = {
        "5 % at 1.25 x, 5 % at 2 x": mixture((0.05, 1.25), (0.05, 2.0)),
        "2 % at 1.25 x, 2 % at 2 x": mixture((0.02, 1.25), (0.02, 2.0)),
        "0.1 % at 2 x": mixture((0.001, 2.0)),
        "0.01 % at 2 x": mixture((0.0001, 2.0)),
        "exponential, drift of 20 %": lambda dice, n: dice.standard_exponential(n) * (1 + 0.2 * np.arange(n) / n),
        "exponential, a step of 30 %": lambda dice, n: (
            dice.standard_exponential(n) * np.where(np.arange(n) > 0.9 * n, 1.3, 1)
        ),
        "autocorrelated 0.3": lambda dice, n: np.exp(autoregressive(0.3)(dice, n)),
    }  # fmt: skip
    rows = []
    for name, draw in series.items():
        found = [extrapolate([draw(np.random.default_rng(seed), ANNEX_N)]) for seed in range(ANNEX_SEEDS)]
        gates = Counter(one.gate for one in found if isinstance(one, Refusal))
        rows.append({"series": name, "refused": gates.total() / ANNEX_SEEDS, "gates": dict(gates)})
    return rows


def unbounded_rows() -> list[dict[str, Any]]:
    """Why the shape is bounded: the longest tenth fitted by maximum likelihood without a bound, and without gates."""
    rows = []
    for name in ("lognormal 0.05", "lognormal 0.2", "lognormal 0.5", "normal"):
        law, k = LAWS[name], ANNEX_N // 10
        true, low, passed = float(law.isf(1 / (HORIZON * ANNEX_N))), 0, 0
        for seed in range(UNBOUNDED_SEEDS):
            values = np.sort(law.rvs(size=ANNEX_N, random_state=np.random.default_rng(seed)))[-k - 1 :]
            shape, _, scale = stats.genpareto.fit(values[1:] - values[0], floc=0)
            level = values[0] + stats.genpareto.isf(1 / (HORIZON * k), shape, 0, scale)
            low += level < true
            passed += stats.kstest(values[1:] - values[0], stats.genpareto(shape, 0, scale).cdf).pvalue > 0.05
        rows.append({"law": name, "too_low": low / UNBOUNDED_SEEDS, "passed_ks": passed / UNBOUNDED_SEEDS})
    return rows


def main() -> None:
    """Write the page."""
    bounds, annex, refusals, unbounded = bound_rows(), annex_rows(), refusal_rows(), unbounded_rows()
    page = Page("worst-case", "Do the bounds of the worst case hold?", "python benchmarks/run.py worst-case")
    low, of = sum(row["too_low"] for row in annex), sum(row["of"] for row in annex)
    page.sentences = [
        f"Simulated series whose truth is known: {BOUND_SEEDS} for each line of the first table, {ANNEX_SEEDS} for the "
        f"next two, {UNBOUNDED_SEEDS} for the last. No device was measured.",
        "A 95 % bound should hold in 95 %. It does where misses are independent and, widened, mostly where they "
        "cluster; it cannot where bursts are so rare that most series have none.",
        f"The extrapolations are from {ANNEX_N} trials to {HORIZON:g} times as many. Of {of} that passed the gates, "
        f"the interval of {low} ended below the truth.",
    ]
    page.tables = [_bound_table(bounds), _annex_table(annex), _refusal_table(refusals), _unbounded_table(unbounded)]
    page.data = {"bounds": bounds, "annex": annex, "refusals": refusals, "unbounded": unbounded}
    page.write()


Rows = list[dict[str, Any]]
Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def _bound_table(rows: Rows) -> Table:
    head = ("series", "trials", "true share", "stopwatt", "plain Clopper-Pearson", "widened", "median bound / truth")
    lines = [
        (
            row["series"],
            str(row["n"]),
            *(percent(row[name]) for name in ("rate", "held", "held_plain", "widened")),
            f"{row['bound_over_rate']:.2f}",
        )
        for row in rows
    ]
    return "Upper bound of the share of misses: how often it is above the truth", head, lines


def _annex_table(rows: Rows) -> Table:
    head = (
        "distribution",
        "passed",
        "upper end too low",
        "median level / truth",
        "median upper end / truth",
        "refused",
    )
    lines = [
        (
            row["law"],
            percent(row["passed"]),
            f"{row['too_low']} of {row['of']}",
            _ratio(row["level_over_true"]),
            _ratio(row["high_over_true"]),
            _gates(row["gates"]),
        )
        for row in rows
    ]
    return "Extrapolation: how often it passes the gates, and how often its interval ends below the truth", head, lines


def _refusal_table(rows: Rows) -> Table:
    lines = [(row["series"], percent(row["refused"]), _gates(row["gates"])) for row in rows]
    return "Series that must not be extrapolated", ("series", "refused", "by"), lines


def _unbounded_table(rows: Rows) -> Table:
    caption = "Without a bound on the shape and without gates: how often the extrapolation is too low"
    lines = [(row["law"], percent(row["too_low"]), percent(row["passed_ks"])) for row in rows]
    return caption, ("distribution", "too low", "passed a Kolmogorov-Smirnov test"), lines


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _gates(gates: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(gates.items(), key=lambda item: -item[1])) or "-"


if __name__ == "__main__":
    main()
