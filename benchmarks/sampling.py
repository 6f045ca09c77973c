"""Does it matter which operators are measured? Points chosen by `stopwatt ops plan` against chance and even spacing.

The pool are rows of NVIDIA's published H200 table of matrix products, whose times are known: `STOPWATT_H200_OPERATORS`
names the folder with `gemm_perf.parquet` (docs/operators.md says where such tables are from).
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from result import RESULTS, Page
from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.predicting.choosing import Points, Weights, choose, distances, weights_for
from stopwatt.predicting.doubt import doubt_of
from stopwatt.predicting.predictor import Predictor, fit

FOLDER = "STOPWATT_H200_OPERATORS"
DTYPE = "bfloat16"
SEEDS = 16
STEPS = (24, 48, 96)
"""Measured rows: the first at random, the same for all; each further step is chosen at once."""
POOL, HELD_OUT = 3000, 1000
CALLED = 300
"""Rows that stand for the operators of captured models."""
RESAMPLES = 10_000
Floats = NDArray[np.float64]
Shown = tuple[str, Sequence[str], Sequence[Sequence[str]]]


Strategy = str
PLAN, DOUBT, SPACE, CHANCE = "plan", "doubt alone", "space filling", "chance"
STRATEGIES = (PLAN, SPACE, CHANCE, DOUBT)


class Demand(StrEnum):
    """Which sizes models call."""

    ALL = "all sizes alike"
    LARGE = "large layers only"


LEAST = {"m": 256, "n": 4096, "k": 4096}
"""Of a large layer that is given many tokens."""


@dataclass(frozen=True, slots=True)
class World:
    """Rows to choose from, where they lie and for how much of all they speak; and rows that nobody may choose."""

    pool: Table
    points: Points
    weights: Weights
    held_out: Table
    first: NDArray[np.int64]


def main(out: Path = RESULTS) -> None:
    """Study and page; without the folder it says so and writes nothing."""
    folder = os.environ.get(FOLDER)
    if not folder:
        print(f"{FOLDER} names no folder with gemm_perf.parquet: nothing was done", file=sys.stderr)
        return
    table = rows_in(Path(folder))
    errors = {demand: errors_for(table, demand) for demand in Demand}
    page(table, errors).write(out)


def errors_for(table: Table, demand: Demand) -> dict[Strategy, Floats]:
    """Errors of each strategy, shape (seeds, steps, 3)."""
    found = {name: np.full((SEEDS, len(STEPS), 3), np.nan) for name in STRATEGIES}
    for seed in range(SEEDS):
        world = world_of(table, seed, demand=demand)
        for name in STRATEGIES:
            found[name][seed] = study(world, name, seed)
        last = ", ".join(f"{name} {found[name][seed, -1, 0]:.2%}" for name in STRATEGIES)
        print(f"{demand}, seed {seed}: {last}", flush=True)
    return found


def rows_in(folder: Path) -> Table:
    """The matrix products of one type in a folder of published tables."""
    from stopwatt.ops.importing import import_tables
    from stopwatt.store import open_store

    with tempfile.TemporaryDirectory() as place, open_store(str(Path(place) / "imported.db")) as store:
        import_tables(store, str(folder))
        (table,) = store.operators.tables(family=Family.GEMM)
    return table.take(table.dtype == DTYPE)


def world_of(
    table: Table,
    seed: int,
    *,
    demand: Demand = Demand.ALL,
    pool: int = POOL,
    held_out: int = HELD_OUT,
    first: int = STEPS[0],
) -> World:
    """A pool, rows held out of those that are called, and the first rows, by chance."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table))
    chosen, others = table.take(order[:pool]), table.take(order[pool:])
    wanted = np.flatnonzero(called_in(others, demand))
    points, called = points_in(chosen), points_in(others.take(wanted[-CALLED:]))
    weights = weights_for(points, called, np.full(len(called), 1 / len(called)))
    return World(chosen, points, weights, others.take(wanted[:held_out]), rng.permutation(pool)[:first])


def called_in(table: Table, demand: Demand) -> NDArray[np.bool_]:
    """Which rows models call."""
    large = np.all([table.dims[name] >= size for name, size in LEAST.items()], axis=0)
    return np.asarray(large | (demand is Demand.ALL))


def points_in(table: Table) -> Points:
    """Where rows of one family lie."""
    at = np.column_stack([np.log2(1 + sizes) for sizes in table.dims.values()])
    return Points(np.zeros(len(table), dtype=np.int64), at)


def study(world: World, strategy: Strategy, seed: int, steps: tuple[int, ...] = STEPS) -> Floats:
    """Errors on what is held out after each step: mean, median, 95 % quantile of the logarithm; shape (steps, 3)."""
    known = world.first
    found = []
    for step, following in zip(steps, (*steps[1:], 0), strict=True):
        learnt = fit({Family.GEMM: world.pool.take(known)}, {}, seed=seed)
        found.append(_errors(learnt, world.held_out))
        if following:
            known = np.concatenate([known, _next(world, strategy, learnt, known, following - step)])
    return np.array(found)


def _next(
    world: World, strategy: Strategy, learnt: Predictor, known: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Numbers of the rows that come next; by chance they are the same for the same known ones."""
    left = np.setdiff1d(np.arange(len(world.pool)), known)
    if strategy == CHANCE:
        return np.random.default_rng(known).permutation(left)[:count]
    points = Points(world.points.family[left], world.points.at[left])
    near = distances(points, Points(world.points.family[known], world.points.at[known]))
    if strategy == SPACE:
        return left[_farthest(points, near, count)]
    doubt = doubt_of(learnt.models[Family.GEMM], world.pool.take(left), {})
    if strategy == DOUBT:
        return left[np.argsort(-doubt, kind="stable")[:count]]
    worth = Weights(world.weights.own[left], world.weights.others[left]).times(doubt)
    return left[[pick.place for pick in choose(points, worth, near, count=count)]]


def _farthest(points: Points, near: Floats, count: int) -> list[int]:
    """Each time the point that is farthest from all that are known or chosen (Kennard and Stone 1969)."""
    near, found = near.copy(), []
    for _ in range(count):
        found.append(int(np.argmax(near)))
        near = np.minimum(near, points.to(points, found[-1]))
    return found


def _errors(learnt: Predictor, held_out: Table) -> tuple[float, float, float]:
    off = np.abs(np.log(learnt.predict(Family.GEMM, held_out).time_s / held_out.time_s))
    return float(off.mean()), float(np.median(off)), float(np.quantile(off, 0.95))


def page(table: Table, errors: Mapping[Demand, Mapping[Strategy, Floats]]) -> Page:
    """What the study says."""
    return Page(
        "sampling",
        "Which operators to measure: does the plan beat chance?",
        f"{FOLDER}=FOLDER python benchmarks/run.py sampling",
        sentences=list(_sentences(table, errors)),
        tables=[one for demand, found in errors.items() for one in _tables(demand, found)],
        data={
            "steps": list(STEPS),
            "seeds": SEEDS,
            "rows": len(table),
            "errors": {demand: {name: one.tolist() for name, one in found.items()} for demand, found in errors.items()},
        },
    )


def _tables(demand: Demand, errors: Mapping[Strategy, Floats]) -> Iterator[Shown]:
    about = f"Called are {demand}:"
    yield f"{about} mean error (logarithm) of held-out rows, mean of seeds [95 %]", _HEAD, _lines(errors, 0)
    yield f"{about} median error", _HEAD, _lines(errors, 1)
    yield f"{about} error that 95 % of held-out rows do not exceed", _HEAD, _lines(errors, 2)
    ratios = "mean error of the plan over that of another choice, paired by seed; below 1 it is better"
    yield f"{about} {ratios}", _RATIOS, _ratio_lines(errors)


_HEAD = ("chosen by", *(f"{step} rows" for step in STEPS))
_RATIOS = ("the plan over", *(f"{step} rows" for step in STEPS[1:]))


def _sentences(table: Table, errors: Mapping[Demand, Mapping[Strategy, Floats]]) -> Iterator[str]:
    yield (
        f"{len(table):,} matrix products in {DTYPE} with times that NVIDIA published for the H200; in each of {SEEDS} "
        f"runs {POOL:,} of them can be measured. All begin with the same {STEPS[0]} rows by chance; then each chooses "
        "which come next, without seeing their times, and the predictor learns again. Errors are those on up to "
        f"{HELD_OUT:,} other rows that models call; the plan knows {CALLED} rows like them, as captures would show. "
        "Rows lie on a grid that the table's authors chose, so that even chance is well spread."
    )
    for demand, found in errors.items():
        share = float(np.mean(called_in(table, demand)))
        for other in (CHANCE, SPACE, DOUBT):
            yield f"Called are {demand} ({share:.0%} of the table). The plan against {other}: {_verdict(found, other)}."


def _verdict(errors: Mapping[Strategy, Floats], other: Strategy) -> str:
    parts = []
    for number, step in enumerate(STEPS[1:], start=1):
        middle, low, high = _ratio(errors, other, number)
        word = "better" if high < 1 else "worse" if low > 1 else "no difference that these seeds show"
        parts.append(f"{word} after {step} rows ({middle:.2f} x the error [{low:.2f}, {high:.2f}])")
    return "; ".join(parts)


def _ratio(errors: Mapping[Strategy, Floats], other: Strategy, step: int) -> tuple[float, float, float]:
    """Geometric mean of the ratio of mean errors over the seeds, with a percentile bootstrap interval of 95 %."""
    logs = np.log(errors[PLAN][:, step, 0] / errors[other][:, step, 0])
    middle, low, high = (float(np.exp(one)) for one in _resampled(logs))
    return middle, low, high


def _resampled(values: Floats) -> tuple[float, float, float]:
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, values.size, (RESAMPLES, values.size))].mean(axis=1)
    return float(values.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def _lines(errors: Mapping[Strategy, Floats], column: int) -> list[tuple[str, ...]]:
    return [(name, *(_cell(errors[name][:, step, column]) for step in range(len(STEPS)))) for name in STRATEGIES]


def _cell(values: Floats) -> str:
    middle, low, high = _resampled(values)
    return f"{middle:.1%} [{low:.1%}, {high:.1%}]"


def _ratio_lines(errors: Mapping[Strategy, Floats]) -> list[tuple[str, ...]]:
    def cell(other: Strategy, step: int) -> str:
        middle, low, high = _ratio(errors, other, step)
        return f"{middle:.2f} [{low:.2f}, {high:.2f}]"

    return [(other, *(cell(other, step) for step in range(1, len(STEPS)))) for other in STRATEGIES[1:]]


if __name__ == "__main__":
    main()
