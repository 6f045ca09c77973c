"""Energy over latency, and energy over a grid, read as data."""

from dataclasses import replace

import pytest
from energy_example import OFF, ON_GPU, ON_VIRTUAL_CPU, TICKS, VIRTUAL, Run, grid, measured

from stopwatt.analyse.analysis import analyse
from stopwatt.errors import UsageError
from stopwatt.reporting.charts.catalogue import GRID_FIGURES, Choice
from stopwatt.reporting.charts.energy import drawable
from stopwatt.reporting.charts.focus import focus_place
from stopwatt.reporting.charts.theme import complete


def draw(analysis, kind="energy", **choice):
    return GRID_FIGURES[kind].draw(analysis, Choice(focus=focus_place(analysis), **choice))


def rows(chart):
    return chart.to_dict()["datasets"]["rows"]


def title(chart):
    return " ".join(chart.title.text)


def subtitle(chart):
    return " ".join(chart.title.subtitle)


@pytest.fixture(scope="module")
def setups():
    """Five setups of one model on a GPU."""
    return analyse(measured(ON_GPU))


@pytest.fixture(scope="module")
def swept():
    """A grid of two backends on a GPU."""
    return analyse(grid())


def test_every_setup_with_an_energy_has_a_place_with_both_intervals(setups):
    found = {row["setup"]: row for row in rows(draw(setups))}

    assert set(found) == {"eager fp32", "compile fp32", "onnxruntime fp16", "tensorrt fp16"}
    for row in found.values():
        assert row["low"] < row["latency"] < row["high"]
        assert row["least"] <= row["energy"] <= row["most"]
    assert found["eager fp32"]["energy"] == pytest.approx(118, rel=0.02)


def test_the_energy_of_a_sample_grows_along_an_axis_with_its_own_exponent_and_intervals(swept):
    chart = draw(swept, "growth", x="hidden", metric="energy_gpu")

    cells = [row for row in rows(chart) if row["kind"] == "cell"]
    known = [point for point in swept.grid.points if point.row.estimates["energy_gpu"].measured]
    assert len(cells) == len(known) == 28
    assert all(row["low"] <= row["level"] <= row["high"] for row in cells)
    assert not [row for row in rows(chart) if row["kind"] == "inversion"]
    ends = [float(text) for text in title(chart).removeprefix(GROWS).split(" to ")]
    assert ends == pytest.approx([1.1, 1.1], abs=0.03)
    assert "95 % intervals" in subtitle(chart)
    assert "left out: 2 cells with a suspect value" in subtitle(chart)


GROWS = "GPU board energy a sample grows with hidden to the power "


def test_the_energy_of_a_sample_that_falls_with_the_batch_is_not_said_to_grow(swept):
    assert "goes with batch to the power -0.3" in title(draw(swept, "growth", x="batch", metric="energy_gpu"))


def test_growth_of_a_metric_that_no_cell_has_is_refused_with_the_reason():
    runs = [Run(device="cpu", scope="package", why=VIRTUAL, batch=batch) for batch in (1, 2)]
    with pytest.raises(UsageError, match="no cell has a CPU package energy a sample to draw") as caught:
        draw(analyse(measured(runs)), "growth", metric="energy_package")
    assert caught.value.when == VIRTUAL


def test_of_many_reasons_why_nothing_can_be_drawn_the_most_frequent_are_told_and_the_others_counted():
    runs = [Run(device="cpu", scope="package", why=f"reason {min(batch, 4)}", batch=batch) for batch in range(1, 7)]
    with pytest.raises(UsageError) as caught:
        draw(analyse(measured(runs)), "growth", metric="energy_package")
    assert caught.value.when == "reason 4; reason 1; and 2 more reasons"


def test_the_front_is_that_of_latency_energy_and_deviation_without_the_suspect(setups):
    on_front = {row["setup"]: row["front"] for row in rows(draw(setups))}

    assert on_front == {
        "tensorrt fp16": True,  # the fastest with the least energy
        "eager fp32": True,  # exact
        "onnxruntime fp16": False,  # beaten in all three
        "compile fp32": False,  # the least energy of all, and nearer than others; but suspect
    }


def test_the_title_says_who_is_fastest_and_who_takes_least(setups):
    assert title(draw(setups)) == (
        "tensorrt fp16 is the fastest and takes the least energy; nearer to the reference: eager fp32"
    )
    frugal = analyse(measured([Run(joules=0.05), Run("onnxruntime", milliseconds=2.0, joules=0.1)]))
    assert title(draw(frugal)) == "onnxruntime is the fastest, eager takes the least energy"


def test_the_subtitle_says_what_is_suspect_and_how_many_are_missing(setups):
    said = subtitle(draw(setups))

    assert "4 of 5 setups" in said
    assert "?: suspect, not weighed" in said
    assert "ringed: not beaten in latency, energy and deviation" in said
    (suspect,) = [row for row in rows(draw(setups)) if row["suspect"]]
    assert suspect["name"].startswith("compile fp32 ?")


def test_the_axis_names_scope_and_unit(setups):
    assert "energy a sample, GPU board (mJ)" in str(draw(setups).to_dict())


def test_where_every_energy_is_suspect_nobody_is_told_from_another():
    doubtful = [replace(run, why=OFF) for run in ON_GPU if run.joules is not None]
    chart = draw(analyse(measured(doubtful)))

    assert title(chart) == "Every energy here is suspect: no setup is told from another"
    assert not any(row["front"] for row in rows(chart))


def test_one_setup_alone_is_neither_the_fastest_nor_the_one_with_the_least_energy():
    chart = draw(analyse(measured(ON_GPU[:1])))

    assert title(chart) == f"Latency and energy of {rows(chart)[0]['setup']}, the only setup with an energy"
    assert subtitle(chart).startswith("1 setup;") or subtitle(chart) == "1 setup"


def test_without_an_energy_the_figure_says_why():
    analysis = analyse(measured(ON_VIRTUAL_CPU))

    assert not drawable(analysis, focus_place(analysis))
    with pytest.raises(UsageError, match="no setup has an energy to draw") as caught:
        draw(analysis)
    assert VIRTUAL in caught.value.when


def test_without_asking_the_figure_says_how_to_ask():
    silent = analyse(measured([replace(run, asked=False, joules=None, why="") for run in ON_GPU]))

    with pytest.raises(UsageError) as caught:
        draw(silent)
    assert "not asked for: --energy" in caught.value.when


@pytest.mark.parametrize("kind", ["energy", "heat"])
def test_a_complete_document_holds_the_table_that_it_draws(swept, kind):
    document = complete(draw(swept, kind, **({"metric": "energy_gpu"} if kind == "heat" else {})))
    assert document["datasets"]["rows"]


def test_a_map_of_energy_marks_the_suspect_and_says_why_tiles_are_empty(swept):
    chart = draw(swept, "heat", x="hidden", y="batch", metric="energy_gpu")
    found = {(row["x"], row["y"]): row for row in rows(chart)}

    assert found["128", "2"]["text"].endswith("?")
    assert OFF in found["128", "2"]["about"]
    assert not found["512", "8"]["known"]
    assert f"unavailable ({TICKS})" in subtitle(chart)
    assert "?: suspect" in subtitle(chart)
    assert title(chart).startswith("The GPU board energy a sample on eager goes from 5.")


def test_a_map_of_power_has_its_unit(swept):
    chart = draw(swept, "heat", x="hidden", y="batch", metric="power_gpu")
    assert "GPU board power (W)" in subtitle(chart)


def test_a_map_of_an_energy_that_no_cell_has_says_why():
    runs = [replace(run, hidden=size, batch=count) for run in ON_VIRTUAL_CPU for size in (64, 128) for count in (1, 2)]
    chart = draw(analyse(measured(runs)), "heat", x="hidden", y="batch", metric="energy_package")

    assert title(chart) == "No cell has a value: CPU package energy a sample on eager"
    assert f"unavailable ({VIRTUAL})" in subtitle(chart)
