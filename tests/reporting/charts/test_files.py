"""Figures as files."""

import xml.etree.ElementTree as ET

import pytest

from stopwatt.errors import UsageError
from stopwatt.reporting.charts.files import write_figure
from stopwatt.reporting.charts.heat import Slice, heat
from stopwatt.reporting.charts.sequence import SEQUENCE
from stopwatt.reporting.charts.theme import DARK, LIGHT


@pytest.fixture(scope="module")
def chart(clustered):
    return SEQUENCE.chart(clustered)


def test_a_png_is_a_png(chart, tmp_path):
    write_figure(tmp_path / "a.png", chart)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_an_svg_is_a_picture_on_its_own_ground_with_its_title(chart, tmp_path, dark, colours):
    write_figure(tmp_path / "a.svg", chart, dark=dark)
    text = (tmp_path / "a.svg").read_text()
    ET.fromstring(text)  # noqa: S314  (our own file)
    assert f'fill="{colours["paper"]}"' in text
    assert "var(--" not in text
    assert "The level is steady" in text


def test_a_file_has_no_links_into_a_page(sweep, tmp_path):
    axis = sweep.grid.axis
    write_figure(tmp_path / "a.svg", heat(sweep, Slice(axis("hidden"), axis("batch"), setup="eager"), {"layers": 1}))
    assert "<a " not in (tmp_path / "a.svg").read_text()


def test_an_html_figure_is_one_document_that_says_what_it_shows(chart, tmp_path):
    write_figure(tmp_path / "a.html", chart)
    text = (tmp_path / "a.html").read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert "The level is steady" in text.partition("<svg")[0]
    assert "http" not in text.replace("http://www.w3.org/", "")


def test_a_file_that_is_there_is_kept(chart, tmp_path):
    (tmp_path / "a.svg").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        write_figure(tmp_path / "a.svg", chart)
    assert (tmp_path / "a.svg").read_text() == "mine"
    write_figure(tmp_path / "a.svg", chart, overwrite=True)
    assert (tmp_path / "a.svg").read_text() != "mine"


@pytest.mark.parametrize("name", ["a.gif", "a"])
def test_an_unknown_format_is_refused_with_those_there_are(chart, tmp_path, name):
    with pytest.raises(UsageError) as caught:
        write_figure(tmp_path / name, chart)
    assert ".png, .svg, .html" in caught.value.now
