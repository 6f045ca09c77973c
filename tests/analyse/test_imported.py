"""What the analysis of a grid says about tables that others made."""

from pathlib import Path

import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.grid import arrange, coordinates
from stopwatt.analyse.shape import Form
from stopwatt.analyse.summary import summarise
from stopwatt.records import Cell, Protocol, Setup, Workload
from stopwatt.store.foreign import columns
from stopwatt.store.foreign.bring import read_table
from stopwatt.store.foreign.spec import TableSpec

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def means():
    spec = TableSpec(("Layers", "Hidden size", "Batch"), "Mean (s)")
    return analyse(read_table(EXAMPLES / "made-up-means.csv", spec).measurements)


@pytest.fixture(scope="module")
def trials():
    spec = TableSpec(("hidden",), trials="t*", unit="us", round="round")
    return analyse(read_table(EXAMPLES / "made-up-trials.csv", spec).measurements)


def test_a_table_of_means_is_a_grid_of_its_axes(means):
    assert [(axis.name, axis.values) for axis in means.grid.axes] == [
        ("layers", (1, 2, 4)), ("hidden_size", (64, 100, 128, 256)), ("batch", (1, 2, 4, 8)),
    ]  # fmt: skip
    assert len(means.cells) == 48
    assert all(cell.shape is None and cell.series == () for cell in means.cells)


def test_its_inversions_and_sweet_spots_are_found_but_only_suggested(means):
    """The formula lets 100 units take longer than 128 everywhere; without trials nothing of that has an interval."""
    found = {(one.small.where["hidden_size"], one.large.where["hidden_size"]) for one in means.scaling.inversions}
    assert found == {(100, 128)}
    assert len(means.scaling.inversions) == 12
    assert not any(one.shown for one in means.scaling.inversions)
    assert {one.best for one in means.scaling.batches} == {8}


def test_its_growth_is_that_of_the_formula(means):
    """With 256 units and a batch of 8 the fixed cost is small, so that latency is nearly linear in the layers."""
    line = next(
        one for one in means.scaling.growths
        if one.line.axis.name == "layers" and one.line.fixed == {"hidden_size": 256, "batch": 8}
    )  # fmt: skip
    assert line.exponent == pytest.approx(0.97, abs=0.03)


def test_trials_of_a_table_have_shapes_and_intervals(trials):
    """5 % of them were planted at 1.25 x."""
    for cell in trials.cells:
        assert cell.shape.form is Form.CLUSTERS
        assert any(abs(one.ratio - 1.25) < 0.03 for one in cell.shape.clusters)
        assert cell.row.estimates["latency"].low < cell.row.estimates["latency"].value


def test_two_tables_of_the_same_cells_are_told_apart(tmp_path):
    (tmp_path / "one.csv").write_text("n,t_s\n1,1\n2,2\n")
    (tmp_path / "two.csv").write_text("n,t_s\n1,1.5\n2,2.5\n")
    spec = TableSpec(("n",), "t_s", name="grid")
    measurements = [one for name in ("one", "two") for one in read_table(tmp_path / f"{name}.csv", spec).measurements]
    grid = arrange(summarise(measurements))

    assert len(grid.points) == 4
    assert len({tuple(sorted(map(str, point.where.items()))) for point in grid.points}) == 4


def test_no_axis_of_a_table_can_hide_a_coordinate():
    known = {*columns.SETUP, *columns._TAKEN}
    assert set(coordinates(Cell(Workload("w"), Setup(), Protocol()))) <= known
    assert {"version"} <= known  # what `arrange` adds where cells would stand in one place
