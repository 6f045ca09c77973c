"""The figure over batch, read as data."""

import numpy as np
import pytest
from batch_example import FOUR, ONE, TWELVE, Line, measured

from stopwatt.analyse.analysis import analyse
from stopwatt.reporting.charts.batch import batch
from stopwatt.reporting.charts.batch_words import NO_RESULT, NO_ROOM
from stopwatt.reporting.charts.theme import complete


@pytest.fixture(scope="module")
def four():
    return batch(analyse(measured(FOUR)))


def rows(chart, **wanted):
    found = chart.to_dict(validate=False)["datasets"]["rows"]
    return [row for row in found if all(row.get(name) == value for name, value in wanted.items())]


def title(chart):
    return " ".join(chart.title.text)


def subtitle(chart):
    return " ".join(chart.title.subtitle)


def test_the_panels_stand_below_each_other_on_one_axis_of_doublings(four):
    panels = complete(four)["vconcat"]
    assert len(panels) == 3
    domains = [str(panel["layer"][1]["encoding"]["x"]["scale"]) for panel in panels]
    assert len(set(domains)) == 1
    assert "'base': 2" in domains[0]


def test_energy_has_a_panel_only_where_it_was_measured(four):
    assert len(complete(batch(analyse(measured(ONE))))["vconcat"]) == 2
    assert all("energy" in row for row in rows(four, kind="line"))


def test_every_cell_with_a_result_is_a_point_with_its_intervals(four):
    points = rows(four, kind="line", setup="eager fp16")
    assert [row["batch"] for row in points] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert all(row["rate_low"] < row["rate"] < row["rate_high"] for row in points)
    assert all(row["latency_low"] < row["latency"] < row["latency_high"] for row in points)


def test_knees_are_ringed_where_there_are_some(four):
    assert {row["setup"]: row["batch"] for row in rows(four, kind="knee")} == {
        "eager fp32": 8, "eager fp16": 64, "compile fp16": 1,
    }  # fmt: skip
    names = {row["setup"]: row["name"] for row in rows(four, kind="name of rate")}
    assert names["tensorrt fp16"] == "tensorrt fp16, rising"
    assert names["eager fp32"].startswith("eager fp32, knee ")


def test_a_line_ends_at_the_first_batch_that_did_not_fit(four):
    stops = rows(four, kind="stop", setup="compile fp16")
    assert [(row["batch"], row["to"], row["sign"]) for row in stops] == [(4, 8, NO_RESULT), (32, 64, NO_ROOM)]
    assert "did not fit into memory" in subtitle(four)
    assert "no result (crashed)" in subtitle(four)


def test_signs_that_do_not_occur_are_not_explained():
    chart = batch(analyse(measured([Line()])))
    assert "fit into memory" not in subtitle(chart)
    assert "no result" not in subtitle(chart)


def test_a_suspect_energy_is_hollow(four):
    assert [row["batch"] for row in rows(four, kind="line", suspect=True)] == [4]
    assert "hollow: suspect energy" in subtitle(four)


def test_the_names_of_twelve_lines_do_not_collide():
    chart = batch(analyse(measured(TWELVE, (1, 8, 64), rounds=1)))
    places = np.sort(np.log([row["rate"] for row in rows(chart, kind="name of rate")]))
    assert len(places) == 12
    assert np.diff(places).min() > 0


def test_the_title_names_the_line_with_the_most_samples_and_its_knee(four):
    assert title(four).startswith("tensorrt fp16 gives the most samples/s; samples/s still rise at batch 256")
    one = title(batch(analyse(measured(ONE))))
    assert one.startswith("Batch ")
    assert "is the knee: " in one


def test_a_knee_that_rounds_cannot_show_is_not_drawn():
    chart = batch(analyse(measured(ONE, rounds=1)))
    assert rows(chart, kind="knee") == []
    assert "rings" not in subtitle(chart)
