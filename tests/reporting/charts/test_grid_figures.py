"""Figures over many cells, read as data."""

from dataclasses import replace

import numpy as np
import pytest
from sweep_example import Example, analysis_of

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.estimate import Series
from stopwatt.analyse.shift import shift_of
from stopwatt.errors import UsageError
from stopwatt.records import Status
from stopwatt.reporting.charts.catalogue import GRID_FIGURES, Choice
from stopwatt.reporting.charts.focus import focus_of, focus_place
from stopwatt.reporting.charts.heat import OUTLIERS
from stopwatt.reporting.charts.setups import Setups, setups_of
from stopwatt.reporting.charts.shift import shift
from stopwatt.reporting.charts.theme import complete, setup_ink

FOCUS = {"hidden": 128, "layers": 2, "batch": 1}


def draw(analysis, kind, **choice):
    return GRID_FIGURES[kind].draw(analysis, Choice(focus=FOCUS, **choice))


def rows(chart, **wanted):
    found = chart.to_dict(validate=False)["datasets"]["rows"]
    return [row for row in found if all(row.get(name) == value for name, value in wanted.items())]


def title(chart):
    return " ".join(chart.title.text)


def every(document, key):
    """All values of a key, however deep."""
    if isinstance(document, dict):
        yield from (value for name, value in document.items() if name == key)
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from every(one, key)


@pytest.mark.parametrize("kind", sorted(set(GRID_FIGURES) - {"shift", "ways", "energy"}))
def test_every_figure_is_valid_and_below_5000_rows(sweep, kind):
    document = draw(sweep, kind).to_dict()
    assert 0 < len(document["datasets"]["rows"]) < 5000


@pytest.mark.parametrize("kind", sorted(set(GRID_FIGURES) - {"shift", "heat", "ways", "energy"}))
def test_a_setup_has_the_same_colour_in_every_figure(sweep, kind):
    scales = [scale for scale in every(draw(sweep, kind).to_dict(), "scale") if isinstance(scale, dict)]
    found = [dict(zip(scale["domain"], scale["range"], strict=True)) for scale in scales if _is_of_setups(scale)]
    assert found
    assert all(one == {"eager": setup_ink(0), "onnxruntime": setup_ink(1)} for one in found)


def _is_of_setups(scale):
    return scale.get("domain") == ["eager", "onnxruntime"] and str(scale["range"][0]).startswith("var(")


def test_setups_that_share_a_colour_differ_in_dash_and_shape():
    setups = Setups(("backend",), tuple(f"backend{place}" for place in range(20)))
    ranges = [channel.to_dict()["scale"]["range"] for channel in (setups.colour(), setups.shape(), setups.dash())]
    for twin in range(8, 20):
        colours, shapes, dashes = ((found[twin - 8], found[twin]) for found in ranges)
        assert colours[0] == colours[1]
        assert shapes[0] != shapes[1]
        assert dashes[0] != dashes[1]


def test_setups_are_told_apart_by_what_varies(sweep):
    assert setups_of(sweep).names == ("eager", "onnxruntime")
    assert setups_of(sweep).axes == ("backend",)


def test_growth_has_a_point_with_its_interval_for_every_cell_with_a_result(sweep):
    points = rows(draw(sweep, "growth", x="hidden"), kind="cell")
    measured = [cell for cell in sweep.cells if cell.row.estimates["latency"].value is not None]
    assert len(points) == len(measured) == 62
    assert all(row["low"] <= row["level"] <= row["high"] for row in points)


def test_growth_marks_the_planted_inversions_and_kinks(sweep):
    chart = draw(sweep, "growth", x="hidden")
    inverted = rows(chart, kind="inversion")
    assert {(row["size"], row["next"], row["setup"]) for row in inverted} == {(200, 256, "eager")}
    assert {row["size"] for row in rows(chart, kind="kink")} == {200}
    assert f"at {len(inverted)} of 48 steps the larger problem is faster" in title(chart)


def test_growth_names_every_line_at_its_end_without_a_collision(sweep):
    names = rows(draw(sweep, "growth", x="hidden"), kind="name")
    assert {row["column"] for row in names} == {"batch = 8"}
    places = sorted(np.log(row["label_at"]) for row in names)
    assert len(places) == 4
    assert min(np.diff(places)) > 0


def test_small_multiples_take_the_other_coordinates(sweep):
    assert {row["column"] for row in rows(draw(sweep, "growth", x="hidden"))} == {f"batch = {n}" for n in (1, 2, 4, 8)}


def test_a_coordinate_without_a_place_is_held_and_the_figure_says_where(sweep):
    five = analysis_of(Example(seq=(64, 128), trials=12, rounds=1))
    chart = GRID_FIGURES["heat"].draw(five, Choice(x="hidden", y="batch", focus={**FOCUS, "seq": 64}))
    assert {row["column"] for row in rows(chart)} | {row["row"] for row in rows(chart)} == {
        "layers = 1", "layers = 2", "seq = 64", "seq = 128",
    }  # fmt: skip
    only = GRID_FIGURES["boxes"].draw(five, Choice(x="hidden", focus={**FOCUS, "seq": 64}))
    assert "at layers=2, seq=64, batch=1" in " ".join(only.title.subtitle)


def test_a_heat_map_has_a_tile_for_every_cell_and_says_which_have_no_result(sweep):
    chart = draw(sweep, "heat", x="hidden", y="batch", setup="onnxruntime")
    tiles = rows(chart)
    assert len(tiles) == 32
    failed = [row for row in tiles if not row["known"]]
    assert {(row["x"], row["y"]) for row in failed} == {("256", "8")}
    assert all(row["about"].endswith("out_of_memory") for row in failed)
    assert "no result" in " ".join(chart.title.subtitle)


def test_a_heat_map_frames_the_cells_that_are_faster_than_a_smaller_neighbour(sweep):
    framed = [row for row in rows(draw(sweep, "heat", x="hidden", y="batch")) if row["inverted"]]
    assert {row["x"] for row in framed} == {"256"}


def test_a_heat_map_of_outliers_shows_their_share(sweep):
    cell = sweep.cells[0]
    tile = rows(draw(sweep, "heat", x="hidden", y="batch", metric=OUTLIERS), link=f"#cell={cell.row.cell.key}")[0]
    assert tile["value"] == pytest.approx(100 * cell.shape.outliers / cell.shape.n, rel=1e-3)


def test_a_box_plot_shows_box_and_outliers_on_one_axis_with_counts_written(sweep):
    chart = draw(sweep, "boxes", x="hidden")
    box = rows(chart, kind="box", x="128", setup="eager")[0]
    assert -0.1 < box["low"] < box["q1"] < 0 < box["q3"] < box["high"] < 0.2
    outliers = [row["from_median"] for row in rows(chart, kind="outlier", x="128", setup="eager")]
    assert max(outliers) == pytest.approx(1, abs=0.1)
    count = rows(chart, kind="count", x="128", setup="eager")[0]["text"]
    cell = next(cell for cell, point in zip(sweep.cells, sweep.grid.points, strict=True) if _is_at(point, "eager"))
    assert count[1] == f"{cell.shape.outliers} of {cell.shape.n}"
    (scale,) = {
        str(one) for one in every(chart.to_dict(), "scale") if isinstance(one, dict) and one.get("type") == "symlog"
    }
    assert "0.01" in scale


def _is_at(point, backend):
    return all(point.where[name] == value for name, value in FOCUS.items()) and point.where["backend"] == backend


def test_the_batch_figure_has_the_lines_in_focus_in_colour_and_all_others_behind_them(sweep):
    chart = draw(sweep, "batch")
    points = rows(chart, kind="line")
    assert {row["setup"] for row in points} == {"eager", "onnxruntime"}
    assert len(points) == 8
    assert len({(row["line"], row["setup"]) for row in rows(chart, kind="behind")}) == 14
    assert "at hidden=128, layers=2" in " ".join(chart.title.subtitle)
    point = rows(chart, kind="line", setup="eager", batch=4)[0]
    assert point["rate"] * point["latency"] / 1e6 == pytest.approx(4, rel=0.02)


def test_a_colour_means_the_same_in_the_map_of_every_setup(sweep):
    maps = [draw(sweep, "heat", x="hidden", y="batch", setup=setup) for setup in ("eager", "onnxruntime")]
    found = [[scale["domain"] for scale in every(one.to_dict(), "scale") if "threshold" in str(scale)] for one in maps]
    assert found[0] == found[1]


def test_a_share_of_zero_is_the_lightest_and_the_largest_the_darkest(sweep):
    document = draw(sweep, "heat", x="hidden", y="batch", metric=OUTLIERS, setup="onnxruntime").to_dict()
    steps = next(scale["domain"] for scale in every(document, "scale") if "threshold" in str(scale))
    assert steps == pytest.approx([steps[0] * place for place in range(1, 9)])


def test_every_cluster_but_the_main_ones_is_in_the_figure_of_modes(sweep):
    chart = draw(sweep, "modes")
    expected = sum(len(cell.shape.clusters) - 1 for cell in sweep.cells if cell.shape is not None)
    assert len(rows(chart)) == expected == 64
    assert title(chart) == "32 of 62 cells have clusters of calls apart from the usual ones"


def test_the_speed_up_figure_says_how_many_places_are_decided(sweep):
    chart = draw(sweep, "speedup")
    found = rows(chart)
    assert len(found) == 30
    decided = sum(row["verdict"] == "faster" for row in found)
    assert f"; faster in {decided} of 30 places" in title(chart)


def test_a_speed_up_of_too_few_rounds_is_not_called_decided():
    one_round = analysis_of(Example(layers=(1,), batch=(1,), rounds=1, trials=20, failures=False))
    assert "decided in none of 4 places" in title(draw(one_round, "speedup"))


@pytest.mark.parametrize("kind", sorted(set(GRID_FIGURES) - {"shift", "ways", "energy"}))
def test_a_complete_document_holds_every_table_that_it_draws(sweep, kind):
    document = complete(draw(sweep, kind))
    named = {one["name"] for one in every(document, "data") if isinstance(one, dict) and "name" in one}
    assert named <= document["datasets"].keys()
    assert all(document["datasets"][name] for name in named)


def test_the_pareto_front_holds_the_fastest_and_the_exact_setup(sweep):
    chart = draw(sweep, "pareto")
    assert {row["setup"]: row["front"] for row in rows(chart)} == {"eager": True, "onnxruntime": True}
    assert title(chart).startswith("onnxruntime is the fastest")


def test_a_shift_shows_every_decile_with_its_interval():
    dice = np.random.default_rng(1)
    a = [Series(number, dice.lognormal(0, 0.01, 500)) for number in range(5)]
    b = [Series(one.round, one.values * np.where(dice.random(500) < 0.3, 1.5, 1.02)) for one in a]
    chart = shift(shift_of(a, b), "old", "new")
    chart.to_dict()
    found = rows(chart)
    assert [row["q"] for row in found] == pytest.approx([place / 10 for place in range(1, 10)])
    assert found[4]["change"] == pytest.approx(
        0.025, abs=0.006
    )  # the body is cut at 70 %, so its middle moves a little
    assert found[8]["change"] == pytest.approx(0.5, abs=0.02)
    assert all(row["low"] < row["change"] < row["high"] for row in found)
    assert title(chart).startswith("new is slower in the median (+2.")


def test_a_shift_needs_exactly_two_cells(sweep):
    with pytest.raises(UsageError, match="compares two cells"):
        draw(sweep, "shift")


@pytest.mark.parametrize(
    ("kind", "choice", "named"),
    [
        ("growth", {"x": "hiden"}, "hidden"),
        ("heat", {"x": "hidden", "y": "batch", "metric": "latencyy"}, "latency"),
        ("heat", {"x": "hidden", "y": "batch", "setup": "egaer"}, "eager"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(sweep, kind, choice, named):
    with pytest.raises(UsageError) as caught:
        draw(sweep, kind, **choice)
    assert named in caught.value.now


def test_a_figure_that_the_cells_do_not_give_says_what_is_missing():
    one = analysis_of(Example(layers=(1,), hidden=(64,), batch=(1,), backends=("eager",), trials=12, rounds=1))
    for kind in ("growth", "heat", "boxes", "batch"):
        with pytest.raises(UsageError, match=r"no (numeric )?axis"):
            GRID_FIGURES[kind].draw(one, Choice())


def test_the_focus_is_the_first_cell_of_the_weightiest_finding_about_distributions(sweep):
    finding = next(finding for finding in sweep.findings if finding.kind == "outlier-clusters")
    assert focus_of(sweep).row.cell.key == finding.cells[0]


def test_without_such_a_finding_the_focus_has_the_most_outliers(sweep):
    plain = replace(sweep, findings=())
    focus = focus_of(plain)
    shares = [cell.shape.outliers / cell.shape.n for cell in sweep.cells if cell.shape is not None]
    assert focus.shape.outliers / focus.shape.n == max(shares)


def test_there_is_no_focus_where_nothing_has_trials(sweep):
    bare = replace(sweep, cells=tuple(replace(cell, series=(), shape=None, worst=()) for cell in sweep.cells))
    assert focus_of(bare) is None
    assert focus_place(bare) == sweep.grid.points[32].where


def test_grid_figures_that_need_no_trials_are_drawn_without_them(sweep):
    bare = replace(sweep, cells=tuple(replace(cell, series=(), shape=None, worst=()) for cell in sweep.cells))
    for kind in ("growth", "heat", "batch", "speedup", "pareto"):
        assert rows(draw(bare, kind))


def test_cells_that_all_failed_can_be_drawn(sweep):
    failed = analysis_of(
        Example(layers=(1, 2), hidden=(64, 256), batch=(1, 8), backends=("onnxruntime",), trials=12, rounds=1)
    )
    assert any(cell.row.status is not Status.OK for cell in failed.cells)
    assert isinstance(failed, Analysis)
    for kind in ("growth", "heat"):
        draw(failed, kind).to_dict()


@pytest.fixture(scope="module")
def long_axis():
    """One size with 60 values."""
    sizes = tuple(range(8, 488, 8))
    return analysis_of(Example(layers=(1,), hidden=sizes, batch=(1,), backends=("eager",), trials=12, rounds=1))


def test_boxes_along_a_long_axis_are_those_that_have_room_and_the_figure_says_so(long_axis):
    chart = draw(long_axis, "boxes", x="hidden")
    assert len(rows(chart, kind="box")) == 32
    assert {"8", "480"} <= {row["x"] for row in rows(chart, kind="box")}
    assert "32 of 60 values of hidden" in " ".join(chart.title.subtitle)


def test_a_long_axis_is_labelled_1_2_5(long_axis):
    axes = [axis for axis in every(draw(long_axis, "growth").to_dict(), "axis") if isinstance(axis, dict)]
    (sizes,) = {tuple(axis["values"]) for axis in axes if "labelOverlap" in axis}
    assert sizes == (10, 20, 50, 100, 200, 500)


def test_no_figure_speaks_of_intervals_that_there_are_not(long_axis, sweep):
    assert "intervals" in " ".join(draw(sweep, "growth").title.subtitle)
    bare = [
        replace(point, row=replace(point.row, estimates=_without_bounds(point.row.estimates)))
        for point in long_axis.grid.points
    ]
    unbounded = replace(long_axis, grid=replace(long_axis.grid, points=tuple(bare)))
    assert "intervals" not in " ".join(draw(unbounded, "growth").title.subtitle)


def _without_bounds(estimates):
    return {name: replace(estimate, low=None, high=None) for name, estimate in estimates.items()}
