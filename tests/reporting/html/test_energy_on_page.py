"""What the page says of energy."""

import re
from dataclasses import replace

import pytest
from energy_example import OFF, ON_GPU, ON_VIRTUAL_CPU, TICKS, VIRTUAL, grid, measured
from undrawn import Undrawn

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.rounds import rounds_by_cell
from stopwatt.reporting.html.details import details_of
from stopwatt.reporting.html.page import render
from stopwatt.reporting.html.provenance import Source
from stopwatt.reporting.html.story import sections_of
from stopwatt.reporting.html.table import table_of
from stopwatt.reporting.html.words import totals


def page_of(measurements):
    analysis = analyse(measurements)
    with Undrawn() as renderer:
        return render(analysis, rounds_by_cell(measurements), Source((), "results.db", "2026-01-02T04:00:00"), renderer)


@pytest.fixture(scope="module")
def swept():
    return analyse(grid())


def heads(analysis):
    return {head.name: head for head in table_of(analysis).heads}


def column(analysis, name):
    """Fields of a column by the key of the cell."""
    table = table_of(analysis)
    place = [head.name for head in table.heads].index(name)
    return {line.key: line.fields[place] for line in table.lines}


def test_the_table_has_energy_and_power_with_unit_and_meaning(swept):
    found = heads(swept)

    assert found["energy"].unit == "mJ a sample [95 %]"
    assert "GPU board" in found["energy"].title
    assert found["power"].unit == "W"
    assert "estimated energy" not in found


def test_a_suspect_energy_is_marked_in_the_table_with_the_reason_beside_it(swept):
    fields = column(swept, "energy").values()

    marked = [field for field in fields if field.text.endswith("?")]
    assert len(marked) == 2
    assert all(f"suspect: {OFF}" in field.note for field in marked)


def test_a_missing_energy_has_its_reason_and_is_sorted_last(swept):
    missing = [field for field in column(swept, "energy").values() if field.text == "-"]

    assert [field.note for field in missing] == [TICKS] * 2
    assert {float(field.order) for field in missing} == {1e300}


def test_the_head_of_the_page_says_how_many_energies_are_suspect_and_why(swept):
    assert f"energy, GPU board: suspect (?) in 2 of 32 cells: {OFF}" in totals(swept)


def test_an_opened_cell_says_why_it_has_no_energy(swept):
    cell = next(cell for cell in swept.cells if cell.row.estimates["energy_gpu"].value is None)
    numbers = {name: (value, how) for name, value, how in details_of(cell, "", (), 100).numbers}

    assert numbers["GPU board energy a sample"] == ("-", TICKS)


def test_an_estimate_has_a_column_of_its_own():
    analysis = analyse(measured([replace(run, watts=12.0) for run in ON_VIRTUAL_CPU]))

    assert heads(analysis)["estimated energy"].unit == "mJ a sample [low, high]"
    assert "energy" not in heads(analysis)
    assert {field.text for field in column(analysis, "estimated energy").values()} == {"48 [29, 67]", "24 [14, 34]"}


def test_the_page_has_a_figure_and_a_map_of_energy(swept):
    figures = [figure.id for section in sections_of(swept, lambda _: None) for figure in section.figures]

    assert "map-energy" in figures
    assert "energy-front" in figures


def test_where_no_energy_could_be_measured_the_page_says_why_once_and_shows_no_column():
    analysis = analyse(measured(ON_VIRTUAL_CPU))
    figures = [figure.id for section in sections_of(analysis, lambda _: None) for figure in section.figures]

    assert f"energy, CPU package: unavailable ({VIRTUAL})" in totals(analysis)
    assert not {"energy", "power"} & set(heads(analysis))
    assert not [figure for figure in figures if "energy" in figure]


def test_nobody_who_did_not_ask_for_energy_reads_of_it_on_the_page():
    text = page_of(measured([replace(run, asked=False, joules=None, why="") for run in ON_GPU]))

    told = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert "energy" not in told.lower().replace("--energy", "")


def test_the_page_explains_the_metrics_of_energy_that_it_shows():
    text = page_of(measured(ON_GPU))

    assert "GPU board: energy a sample, all of it, queue kept full" in text
    assert "CPU package: energy a sample" not in text
