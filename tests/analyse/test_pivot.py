"""Axes by their effect, and a grid seen along two of them."""

from itertools import product

import numpy as np
import pytest

from stopwatt.analyse.grid import arrange
from stopwatt.analyse.pivot import effects_of, pivot_of
from stopwatt.analyse.summary import summarise
from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Trouble, Workload

RULES = Protocol(rounds=1)


def measured(seconds, params, setup):
    trials = Samples(np.full(10, round(seconds * 1e9)) + np.arange(10), "ns")
    return Measurement(Cell(Workload("lstm", params), setup, RULES), 0, Status.OK, samples={"latency": trials})


def grid_of(latency, *, without=lambda **_: False):
    rounds = []
    for hidden, batch, backend in product((1, 2, 4), (1, 8), ("eager", "onnxruntime")):
        where = {"hidden": hidden, "batch": batch, "backend": backend}
        one = measured(latency(**where), {"hidden": hidden}, Setup(backend, batch=batch))
        if without(**where):
            one = Measurement(one.cell, 0, Status.FAILED, Trouble("it broke"))
        rounds.append(one)
    return arrange(summarise(rounds))


def law(hidden, batch, backend):
    return 1e-3 * hidden**2 * batch**0.5 * (0.5 if backend == "onnxruntime" else 1.0)


def effects(grid):
    return {effect.name: effect for effect in effects_of(grid)}


def test_axes_come_by_falling_effect_with_its_size():
    found = effects_of(grid_of(law))
    assert [effect.name for effect in found] == ["hidden", "batch", "backend"]
    assert [effect.span for effect in found] == pytest.approx([16.0, 8**0.5, 2.0], rel=1e-3)


def test_a_pivot_holds_geometric_means_over_the_other_axes():
    grid = grid_of(law)
    named = effects(grid)
    pivot = pivot_of(grid, named["hidden"], named["backend"])
    assert pivot.over == ("batch",)
    assert pivot.combinations == {1: 2, 2: 2, 4: 2}
    assert pivot.values[2, "eager"] == pytest.approx(4e-3 * 8**0.25, rel=1e-3)
    assert pivot.values[2, "onnxruntime"] == pytest.approx(2e-3 * 8**0.25, rel=1e-3)


def test_a_row_compares_only_what_every_column_has():
    grid = grid_of(law, without=lambda hidden, batch, backend: (hidden, batch, backend) == (4, 8, "onnxruntime"))
    named = effects(grid)
    pivot = pivot_of(grid, named["hidden"], named["backend"])
    assert pivot.combinations == {1: 2, 2: 2, 4: 1}
    assert pivot.values[4, "eager"] == pytest.approx(16e-3, rel=1e-3)


def test_what_was_never_measured_in_all_columns_is_missing_and_not_0():
    grid = grid_of(law, without=lambda hidden, batch, backend: hidden == 4 and backend == "eager")
    named = effects(grid)
    pivot = pivot_of(grid, named["hidden"], named["backend"])
    assert pivot.combinations[4] == 0
    assert (4, "onnxruntime") not in pivot.values


def test_axes_that_go_together_are_one():
    rounds = [measured(size * 1e-3, {"hidden": size, "seq": 10 * size}, Setup()) for size in (1, 2, 4)]
    (effect,) = effects_of(arrange(summarise(rounds)))
    assert effect.name == "hidden+seq"


def test_a_grid_without_latencies_has_no_effects():
    assert effects_of(grid_of(law, without=lambda **_: True)) == []
