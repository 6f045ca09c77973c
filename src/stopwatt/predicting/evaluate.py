"""How well a family is predicted: every question that its rows can ask, beside every baseline."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import Family
from stopwatt.predicting.baselines import BASELINES, constant_power, share_of_limit
from stopwatt.predicting.family import Forecast, fit_family
from stopwatt.predicting.features import providers_of
from stopwatt.predicting.scores import Scores, score
from stopwatt.predicting.splits import Question, divide

MOST_TRAIN = 12_000
MOST_TEST = 4_000
LONG_S = 1e-4
"""Rows at least this long have a power that is their own: shorter ones carry that of the row before."""
OURS = "stopwatt"
LEAST_TEST = 5


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, answered.

    Attributes:
        question: What was asked.
        trained: Rows that were learnt from.
        time: Scores of the time, ours and each baseline's.
        energy: Of the energy of rows of at least `LONG_S`, likewise; empty where no row has a power.
        kinds: Our scores of the time by `dtype kind`.
        energy_kinds: Our scores of the energy, likewise.
    """

    question: Question
    trained: int
    time: Mapping[str, Scores]
    energy: Mapping[str, Scores]
    kinds: Mapping[str, Scores]
    energy_kinds: Mapping[str, Scores]


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How much two collections of the same rows differ: no prediction can be expected to be nearer.

    Attributes:
        rows: That are in two collections of one device.
        median, mean: Of the absolute differences, as shares.
    """

    rows: int
    median: float
    mean: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of one family.

    Attributes:
        family: Which.
        rows: There are.
        answers: To the questions that its rows can ask.
        missing: Questions that they cannot.
        noise: `None` where no row was collected twice.
    """

    family: Family
    rows: int
    answers: tuple[Answered, ...]
    missing: tuple[Question, ...]
    noise: NoiseFloor | None


def evaluate(
    table: Table,
    specs: Mapping[str, DeviceSpecs],
    *,
    questions: tuple[Question, ...] = tuple(Question),
    most: tuple[int, int] = (MOST_TRAIN, MOST_TEST),
    device: str = "",
    seed: int = 0,
    told: Callable[[Question], None] = lambda _: None,
) -> Evaluation:
    """Ask all questions of a family's rows.

    Args:
        table: The rows.
        specs: Of their devices.
        questions: Which.
        most: Rows that are learnt from and tried on, at most; others are left out at random.
        device: That is held out in the question of unseen devices.
        seed: Of splits and models.
        told: Called with each question before it is asked.
    """
    answers, missing = [], []
    for question in questions:
        told(question)
        division = divide(table, question, seed, device)
        if division is None or division.test.sum() < LEAST_TEST:
            missing.append(question)
            continue
        rng = np.random.default_rng(seed)
        train = table.take(_some(division.train, most[0], rng))
        answers.append(ask(question, train, table.take(_some(division.test, most[1], rng)), specs, seed))
    return Evaluation(table.family, len(table), tuple(answers), tuple(missing), noise_floor(table))


def ask(
    question: Question, train: Table, test: Table, specs: Mapping[str, DeviceSpecs], seed: int, *, beside: bool = True
) -> Answered:
    """Learn from one table, be tried on another.

    Args:
        question: What is asked.
        train: Learnt from.
        test: Tried on.
        specs: Of the devices of both.
        seed: Of the models.
        beside: Whether the baselines are asked, too.
    """
    forecast = fit_family(train, specs, seed).predict(test, specs)
    bounds = (forecast.low_s, forecast.high_s)
    time = {OURS: score(forecast.time_s, test.time_s, bounds, forecast.outside)}
    if beside:
        time |= {name: score(baseline(train, test, specs), test.time_s) for name, baseline in BASELINES.items()}
    kinds, energy_kinds = _by_kind(forecast, test)
    return Answered(question, len(train), time, _energy(forecast, train, test, specs), kinds, energy_kinds)


def _by_kind(forecast: Forecast, test: Table) -> tuple[dict[str, Scores], dict[str, Scores]]:
    names = np.array([f"{dtype} {kind}" for dtype, kind in zip(test.dtype, test.kind, strict=True)])
    long = _long(forecast, test)
    time, energy = {}, {}
    for name in map(str, np.unique(names)):
        rows = names == name
        bounds = (forecast.low_s[rows], forecast.high_s[rows])
        time[name] = score(forecast.time_s[rows], test.time_s[rows], bounds, forecast.outside[rows])
        if (rows & long).any():
            energy[name] = score(forecast.energy_j[rows & long], (test.time_s * test.power_w)[rows & long])
    return time, energy


def _long(forecast: Forecast, test: Table) -> NDArray[np.bool_]:
    """Rows whose power is their own, and is predicted."""
    known = np.isfinite(test.power_w) & np.isfinite(forecast.power_w)
    return np.asarray(known & (test.time_s >= LONG_S), dtype=np.bool_)


def _energy(forecast: Forecast, train: Table, test: Table, specs: Mapping[str, DeviceSpecs]) -> dict[str, Scores]:
    usable = _long(forecast, test)
    if usable.sum() < LEAST_TEST:
        return {}
    measured = (test.time_s * test.power_w)[usable]
    powers = {
        OURS: forecast.power_w,
        "constant power": constant_power(train, test),
        "power limit": share_of_limit(train, test, specs),
    }
    return {
        name: score((forecast.time_s * power)[usable], measured)
        for name, power in powers.items()
        if np.isfinite(power[usable]).all()
    }


def noise_floor(table: Table) -> NoiseFloor | None:
    """Compare rows of equal device, type, kind, mode, sizes and software, collected twice (two versions of it)."""
    software = np.array([" ".join(str(one).split()[-2:]) for one in providers_of(table)], dtype=np.str_)
    columns = [table.device, table.dtype, table.kind, table.mode, software]
    codes = np.column_stack(
        [np.unique(one, return_inverse=True)[1] for one in columns] + [table.dims[name] for name in sorted(table.dims)]
    )
    key = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    order = np.lexsort((table.source, key))
    first, second = order[:-1], order[1:]
    twice = (key[first] == key[second]) & (table.source[first] != table.source[second])
    if not twice.any():
        return None
    apart = np.abs(table.time_s[first][twice] / table.time_s[second][twice] - 1)
    return NoiseFloor(int(twice.sum()), float(np.median(apart)), float(apart.mean()))


def _some(mask: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    rows = np.flatnonzero(mask)
    return rows if rows.size <= most else np.sort(rng.choice(rows, most, replace=False))
