"""The ranked figure of ways of measuring, read as data."""

import pytest
from study_example import SINGLES, effect, long, mild, study

from stopwatt.records import Workload
from stopwatt.reporting.charts.theme import complete, ink
from stopwatt.reporting.charts.ways import LEAST_TOGETHER, MOST_LINES, TOGETHER, ways
from stopwatt.ways import Load, Way


def rows(chart):
    return chart.to_dict(validate=False)["datasets"]["rows"]


def every(document, key):
    """All values of a key, however deep."""
    if isinstance(document, dict):
        yield from (value for name, value in document.items() if name == key)
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from every(one, key)


def test_it_is_a_valid_vega_lite_document():
    assert "vega-lite" in ways(study()).to_dict()["$schema"]


def test_lines_are_ranked_and_those_with_several_changes_stand_below_under_a_head():
    found = rows(ways(study()))
    assert [row["place"] for row in found] == list(range(len(found)))
    labels = [row.get("way", row.get("head")) for row in found]
    assert labels[:3] == ["sync=none", "idle=100 ms", "load=cpu"]
    assert labels[11] == TOGETHER
    assert labels[12] == "inputs=zeros load=cpu"


def test_ways_without_a_number_have_no_line():
    assert "timer=events" not in {row.get("way") for row in rows(ways(study()))}


def test_a_line_has_its_interval_its_number_and_its_verdict():
    row = next(row for row in rows(ways(study())) if row.get("way") == "inputs=zeros")
    assert (row["low"], row["value"], row["high"]) == (0.85, 0.87, 0.9)
    assert row["ratio"] == "0.87 [0.85, 0.90]"
    assert row["verdict"] == "too short"


def test_the_axis_is_logarithmic_and_holds_everything_from_a_hundredth_to_sixty():
    chart = complete(ways(study()))
    (scale,) = {str(one): one for one in every(chart, "scale") if one and one.get("type") == "log"}.values()
    low, high = scale["domain"]
    assert low < 0.014
    assert high > 65.8


def test_a_figure_of_small_effects_shows_the_margin_in_full():
    chart = complete(ways(mild()))
    low, high = next(one["domain"] for one in every(chart, "scale") if one and one.get("type") == "log")
    (band,) = (row for data in chart["datasets"].values() for row in data if "from" in row)
    assert low < band["from"] < 1 < band["to"] < high
    assert (band["from"], band["to"]) == pytest.approx((1 / 1.02, 1.02))


def test_each_verdict_has_a_colour_and_a_shape_of_its_own():
    scales = [one for one in every(complete(ways(study())), "scale") if one and "too long" in str(one.get("domain"))]
    assert len({tuple(scale["domain"]) for scale in scales}) == 1
    ranges = {tuple(scale["range"]) for scale in scales}
    assert (ink("bad"), ink("accent"), ink("good"), ink("quiet")) in ranges
    assert len(ranges) == 2  # colours and shapes
    assert all(len(set(one)) == 4 for one in ranges)


def test_a_long_list_is_cut_and_says_so():
    chart = ways(long(60))
    assert len(rows(chart)) == MOST_LINES
    assert f"the {MOST_LINES} largest of 60 choices" in chart.description
    assert chart.height == 20 * MOST_LINES


def test_combinations_keep_some_room_beside_many_choices():
    together = tuple(effect(Way(threads=n, load=Load.CPU), 1.5) for n in range(1, 30))
    chart = ways(study(effects=long(60).effects, combined=together))
    found = rows(chart)
    assert sum("load=cpu" in row.get("way", "") for row in found) == LEAST_TOGETHER
    assert len(found) == MOST_LINES + 1
    assert f"the {LEAST_TOGETHER} largest of 29 combinations" in chart.description


def test_the_title_names_what_changes_the_number_most():
    title = " ".join(ways(study()).title.text)
    assert title.startswith(
        "Reported against the reference: sync=none 0.0160 x, idle=100 ms 60.2 x and load=cpu 1.92 x"
    )
    assert "2 of 11 choices make no difference" in title
    assert "2 of 11 choices are undecided" in title


def test_where_nothing_is_shown_to_matter_the_title_says_that():
    title = " ".join(ways(study(effects=(SINGLES[9],), combined=())).title.text)
    assert title == "No choice is shown to change the number; 1 of 1 choice makes no difference"


def test_the_description_says_everything_for_those_who_do_not_see_it():
    says = ways(study()).description
    for part in ("sync=none", "mlp(hidden=300)", "4.51 ms [4.47, 4.55]", "95 % intervals", "within 2 %"):
        assert part in says


def test_names_from_outside_are_cut():
    assert "x" * 100 not in ways(study(workload=Workload("x" * 300))).description
