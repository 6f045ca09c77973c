import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_grids import PROTOCOL, planted, row

from stopwatt.analyse.grid import arrange, coordinates, place
from stopwatt.records import Protocol

ONE = [1e-3, 1.1e-3, 1.05e-3]


def lines_of(grid, name):
    axis = grid.axis(name)
    return {line.label: [point.where[name] for point in line.points] for line in grid.lines(axis, grid.tied(axis))}


def test_what_varies_is_an_axis_and_what_does_not_is_fixed():
    grid = planted(lambda **where: 1.0, {"hidden": (200, 64), "seq": (8, 4), "backend": ("openvino", "eager")})

    assert [(axis.name, axis.values) for axis in grid.axes] == [
        ("hidden", (64, 200)),  # numbers by size
        ("seq", (4, 8)),
        ("backend", ("openvino", "eager")),  # names as they came
    ]
    assert [axis.numeric for axis in grid.axes] == [True, True, False]
    assert grid.fixed["batch"] == 1
    assert grid.label(grid.points[0]) == "hidden=200, seq=8, backend=openvino"


def test_a_line_runs_along_one_axis_and_agrees_in_the_others():
    grid = planted(lambda **where: 1.0, {"hidden": (64, 200), "seq": (4, 8, 16)})

    assert lines_of(grid, "seq") == {"hidden=64": [4, 8, 16], "hidden=200": [4, 8, 16]}
    assert lines_of(grid, "hidden") == {f"seq={seq}": [64, 200] for seq in (4, 8, 16)}


def test_a_grid_with_holes_has_shorter_lines_and_points_alone_none():
    grid = planted(
        lambda **where: 1.0, {"hidden": (64, 128, 200), "seq": (4, 8)}, drop={(128, 4), (64, 8), (128, 8), (200, 8)}
    )
    assert lines_of(grid, "hidden") == {"": [64, 200]}
    assert grid.fixed["seq"] == 4


@pytest.mark.parametrize("rows", [[], [row(ONE)]])
def test_nothing_and_a_single_cell_are_grids_without_axes(rows):
    grid = arrange(rows)
    assert grid.axes == ()
    assert [grid.label(point) for point in grid.points] == [""] * len(rows)


def test_a_parameter_that_one_workload_lacks_is_missing_there_and_fixed_nowhere():
    grid = arrange([row(ONE, source="bert", seq=8), row(ONE, source="bert", seq=16), row(ONE, source="mlp", width=4)])

    assert "width" not in grid.fixed
    assert lines_of(grid, "seq") == {"workload=bert": [8, 16]}
    assert grid.label(grid.points[2]) == "workload=mlp"


def test_a_parameter_that_is_called_like_a_part_of_the_setup_keeps_its_own_axis():
    grid = arrange([row(ONE), row(ONE)])
    cell = grid.points[0].row.cell
    where = coordinates(
        type(cell)(type(cell.workload)("imported:a", {"batch": 7, "workload": "x"}), cell.setup, PROTOCOL)
    )

    assert (where["batch"], where["workload.batch"]) == (1, 7)
    assert (where["workload"], where["workload.workload"]) == ("imported:a", "x")


def test_cells_at_one_place_that_are_not_the_same_are_versions():
    grid = arrange([row(ONE, hidden=64), row(ONE, hidden=128), row(ONE, hidden=64, protocol=Protocol(trials=9))])

    assert lines_of(grid, "hidden") == {"version=1": [64, 128]}
    assert lines_of(grid, "version") == {"hidden=64": ["1", "2"]}
    assert not grid.axis("version").numeric


def test_a_machine_is_told_by_the_first_digits_of_its_digest():
    grid = arrange([row(ONE, machine="0123456789abcdef0123"), row(ONE, machine="fedcba98765432100123")])

    assert [grid.label(point) for point in grid.points] == ["machine=01234567", "machine=fedcba98"]
    assert grid.points[0].where["machine"] == "0123456789abcdef0123"


@pytest.mark.parametrize("values", [("8", 16), (True, False), (1.0, math.nan), (1.0, math.inf), ("a", "b")])
def test_an_axis_is_only_numeric_if_all_its_values_are_finite_numbers(values):
    grid = arrange([row(ONE, size=value) for value in values])
    assert not grid.axis("size").numeric
    assert len(list(grid.lines(grid.axis("size")))) == 1


def test_sizes_that_rise_together_are_one_scale():
    sizes = ((64, 1), (128, 2), (256, 4))
    grid = arrange([row(ONE, hidden=hidden, batch=batch, seq=seq) for hidden, batch in sizes for seq in (4, 8)])

    assert [(axis.name, tied) for axis, tied in grid.scales()] == [("hidden", ("batch",)), ("seq", ())]
    assert lines_of(grid, "hidden") == {"seq=4": [64, 128, 256], "seq=8": [64, 128, 256]}


def test_a_backend_that_changes_with_the_precision_is_no_scale():
    grid = arrange([row(ONE, backend="eager", precision="fp32"), row(ONE, backend="tensorrt", precision="fp16")])
    assert list(grid.lines(grid.axis("backend"))) == []
    assert grid.tied(grid.axis("backend")) == ()


def test_places_are_written_as_people_read_them():
    assert place({"layers": 3, "rate": 0.5, "bias": True}) == "layers=3, rate=0.5, bias=True"


@given(st.sets(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), max_size=30))
def test_every_point_is_once_on_each_line_that_it_belongs_to(places):
    grid = arrange([row(ONE, a=a, b=b, c=c) for a, b, c in sorted(places)])
    for axis in grid.axes:
        lines = list(grid.lines(axis))
        seen = [point for line in lines for point in line.points]
        assert len(seen) == len({id(point) for point in seen})
        for line in lines:
            assert [point.where[axis.name] for point in line.points] == sorted(
                point.where[axis.name] for point in line.points
            )
        alone = [point for point in grid.points if all(point is not one for one in seen)]
        others = [other.name for other in grid.axes if other is not axis]
        for first, second in product(alone, grid.points):
            if first is not second:
                assert any(first.where[name] != second.where[name] for name in others)


def test_a_parameter_that_only_follows_from_the_workload_is_no_axis():
    cells = [
        ("lstm", {"seq": 8}),
        ("lstm", {"seq": 8, "batch": 2}),
        ("mlp", {"outputs": 10}),
        ("mlp", {"outputs": 10, "batch": 2}),
    ]
    grid = arrange([row(ONE, source=source, layers=3 if source == "lstm" else 2, **where) for source, where in cells])
    assert [axis.name for axis in grid.axes] == ["workload", "batch"]
    assert grid.label(grid.points[0]) == "workload=lstm, batch=1"


def test_a_parameter_that_varies_within_a_workload_stays_an_axis():
    cells = [("lstm", 64), ("lstm", 128), ("mlp", 64)]
    grid = arrange([row(ONE, source=source, hidden=hidden) for source, hidden in cells])
    assert [axis.name for axis in grid.axes] == ["workload", "hidden"]
