"""Rows with given round medians, without measuring anything."""

from dataclasses import replace
from itertools import product

import numpy as np

from stopwatt.analyse.analysis import CellAnalysis
from stopwatt.analyse.estimate import Estimate, Series
from stopwatt.analyse.grid import arrange
from stopwatt.analyse.row import Row
from stopwatt.analyse.shape import shape_of
from stopwatt.records import Cell, Protocol, Setup, Status, Trouble, Workload

PROTOCOL = Protocol()
SETUP = {"backend", "batch", "threads", "device", "precision", "variant"}
LSTM = {"layers": (1, 2, 3, 4), "hidden": (64, 128, 200, 256), "seq": (64, 128, 200, 256)}


def row(medians, *, source="lstm", machine="here", protocol=PROTOCOL, code="", metric="latency", trouble=None, **where):
    """A row with one OK round per median (seconds); without any it failed.

    A single number instead is a value that was measured once, without rounds.
    """
    setup = Setup(**{name: value for name, value in where.items() if name in SETUP})
    params = {name: value for name, value in where.items() if name not in SETUP}
    cell = Cell(Workload(source, params), setup, protocol, code=code, machine=machine)
    estimates = {"latency": Estimate("latency", "s", why="not measured")}
    if isinstance(medians, float):
        estimates[metric] = Estimate(metric, "s", medians, n=1, rounds=1)
        return Row(cell, Status.OK, None, 1, 0, estimates)
    if not len(medians):
        what = trouble or Trouble("out of memory", now="take a smaller batch")
        return Row(cell, Status.OUT_OF_MEMORY, what, 0, 3, estimates)
    logs = np.log(medians)
    estimates["latency"] = Estimate("latency", "s", float(np.exp(logs.mean())), n=300 * logs.size, rounds=logs.size)
    numbered = tuple(enumerate(float(median) for median in medians))
    return Row(cell, Status.OK, None, logs.size, 0, estimates, round_medians=numbered)


def planted(law, axes=LSTM, *, rounds=3, noise=0.005, state=0.02, seed=0, single=False, drop=(), **fixed):
    """The grid of `law(**where)` in seconds over all combinations of the axes.

    Args:
        noise: Standard deviation of the logarithm of a cell's median in one round.
        state: The same of what all cells of a round have in common.
        single: One value a cell, without rounds.
        drop: Places (as tuples of values) that are not there.
    """
    dice = np.random.default_rng(seed)
    states = dice.normal(0, state, rounds)
    rows = []
    for values in product(*axes.values()):
        where = dict(zip(axes, values, strict=True))
        own = law(**where) * np.exp(states + dice.normal(0, noise, rounds))
        if values not in drop:
            rows.append(row(float(own[0]) if single else own, **where, **fixed))
    return arrange(rows)


def without_rounds(grid):
    """The same grid where nobody kept the rounds."""
    return arrange([replace(point.row, round_medians=()) for point in grid.points])


def spread(n, dice, sd=0.012):
    """Trials around 1 with one mode."""
    return np.exp(dice.normal(0, sd, n))


def analysed(grid, trials=None, *, n=600, between=0.0, seed=0):
    """The cells of a grid.

    Args:
        trials: `trials(where, n, dice)` are the trials of one round in ms; without it there are none.
        between: Standard deviation of the logarithm of the rounds' levels.
    """
    dice = np.random.default_rng(seed)
    return [_cell(point, trials, n, between, dice) for point in grid.points]


def _cell(point, trials, n, between, dice):
    if trials is None or point.row.status is not Status.OK:
        return CellAnalysis(point.row)
    series = [
        Series(number, 1e-3 * np.exp(dice.normal(0, between)) * trials(point.where, n, dice)) for number in range(3)
    ]
    return CellAnalysis(point.row, tuple(series), shape_of(series))
