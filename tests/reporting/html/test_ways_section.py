"""The part of the page about ways of measuring."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from contrast import CONTRAST
from study_example import SINGLES, effect, failed, mild, study
from sweep_example import Example
from undrawn import Undrawn

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.findings import find
from stopwatt.records import Protocol, Workload
from stopwatt.reporting.charts.renderer import Renderer
from stopwatt.reporting.html.page import render
from stopwatt.reporting.html.provenance import Source
from stopwatt.reporting.html.ways import MOST_LISTED
from stopwatt.ways import Ablation, Load, Way

SMALL = Example(layers=(1,), hidden=(64, 128), batch=(1,), trials=20)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RULES = Protocol(ablation=Ablation(tuple(one.way for one in SINGLES), calls=70, seconds=0.15))


def page(*studies, renderer=None):
    """A page of nothing but studies."""
    empty = analyse([])
    findings = find(empty.grid, (), empty.scaling, studies)
    analysis = replace(empty, studies=studies, findings=findings, rules=(RULES,))
    with renderer or Undrawn() as one:
        return render(analysis, {}, Source((), "demo.db", "2026-01-02T04:00:00+00:00"), one)


@pytest.fixture(scope="module")
def text():
    return page(study(software={"torch": "9.9.9"}))


def section(text):
    return text.partition('<section id="ways"')[2].partition("</section>")[0]


class Words(HTMLParser):
    """The text of a document without its markup."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_data(self, data):
        self.found.append(data)


def words(text):
    return " ".join(" ".join(Words(text).found).replace("\N{NO-BREAK SPACE}", " ").split())


def test_sentences_figure_tables_and_what_else_there_is_to_know_follow_each_other(text):
    told = section(text)
    parts = ("Without synchronisation you", "<figure id=", "One choice at a time", "Choices together",
             "Warm-up, synchronisation and timer together", "Does not matter here")  # fmt: skip
    places = [told.index(part) for part in parts]
    assert places == sorted(places)
    assert "reference: 4.51 ms [4.47, 4.55] a call on average; 6 rounds" in words(told)


def test_every_measured_way_has_a_line_that_can_be_sorted_by_its_numbers(text):
    told = section(text)
    line = re.search(r'<tr><th scope="row" data-order="idle=100 ms">.*?</tr>', told)[0]
    assert 'data-order="60.2">60 [55, 66]</td>' in line
    assert 'data-order="0.271502">272</td>' in line
    assert "v-too-long" in line
    assert told.count('<table class="sortable ways">') == 2
    assert 'data-order="timer=events"' not in told
    assert "Not measured: timer=events, timer=graph, timer=do_bench" in words(told)


def test_the_cross_table_names_its_rows(text):
    told = section(text)
    assert re.search(r'<th scope="row">none</th><th scope="row">perf_counter</th><td class="n">4.77 \[', told)


def test_a_page_of_nothing_else_has_no_cells_and_says_what_it_is_about(text):
    assert "<h1>The way of measuring mlp on eager</h1>" in text
    assert re.search(r'<section id="cells"[^>]* hidden>', text)
    assert 'href="#cells">Cells' not in text
    assert '<a href="#ways">The way of measuring</a>' in text
    assert "600 trials in 6 rounds" in text


def test_findings_lead_to_the_figure_of_their_study():
    other = replace(mild(), effects=(effect(Way(load=Load.CPU), 3.0),))
    told = page(study(), other)
    links = re.findall(r'<p class="finding">([^<]*)<.*?href="#(ways-study-\w+)"', told, re.DOTALL)
    by_words = dict(links)
    assert by_words[next(one for one in by_words if "load=cpu: 13" in one)] == f"ways-study-{other.keys[0]}"
    assert by_words[next(one for one in by_words if "Without synch" in one)] == f"ways-study-{study().keys[0]}"
    assert all(f'<figure id="{target}"' in told for target in by_words.values())


def test_rules_and_versions_are_in_the_provenance(text):
    told = words(text.partition('id="provenance"')[2])
    assert "torch 9.9.9" in told
    assert f"ways {len(SINGLES)}" in told
    assert "series 70 calls or 150 ms, at least 10 calls" in told


def test_ordinary_cells_of_the_same_report_stay_as_they_are(quick):
    (_, alone), (_, beside) = quick(SMALL), quick(SMALL, studies=(study(),))
    part = re.compile(r'<section id="cells".*?</section>|<template.*?</template>', re.DOTALL)
    assert part.findall(beside) == part.findall(alone)
    assert '<section id="ways"' not in alone
    assert (
        beside.index('<section id="cells"') < beside.index('<section id="ways"') < beside.index('<section id="growth"')
    )


def test_a_study_without_a_number_says_why_and_has_neither_figure_nor_table():
    told = section(page(failed()))
    assert "3 rounds failed: the model is not there" in words(told)
    assert "<figure" not in told
    assert "<table" not in told


def test_a_full_factorial_is_cut_and_says_so():
    many = tuple(effect(Way(threads=n, load=Load.CPU), 1.5) for n in range(1, MOST_LISTED + 8))
    told = section(page(study(combined=many)))
    assert f'data-order="threads={MOST_LISTED} load=cpu"' in told
    assert f'data-order="threads={MOST_LISTED + 1} load=cpu"' not in told
    assert "and 7 more; stopwatt show --ways --json has all of them" in words(told)


def test_hostile_names_stay_text():
    evil = "<script>alert(1)</script>\"'&\n{{7*7}}" + "x" * 300
    told = page(study(workload=Workload(evil), effects=(effect(Way(idle_s=0.1), 2.0, text=evil), *SINGLES)))
    assert "<script>alert" not in told
    assert "<script>alert(1)</script>\"'& {{7*7}}x" in words(section(told))


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """`(**options)`: the page in Chromium, with what it complained about in `page.heard`."""
    from playwright.sync_api import sync_playwright

    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(study(), failed(), renderer=Renderer()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def go(**options):
            found = browser.new_page(**{"viewport": {"width": 1200, "height": 900}} | options)
            found.heard = []
            found.on("console", lambda message: found.heard.append(message.text))
            found.on("pageerror", lambda error: found.heard.append(str(error)))
            found.goto(path.as_uri())
            return found

        yield go
        browser.close()


def in_browser(test):
    return pytest.mark.browser(pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")(test))


def first_column(page):
    return page.locator("table.ways").first.locator("tbody th").all_inner_texts()


@in_browser
def test_the_table_is_sorted_by_keyboard_and_the_others_stay(visited):
    page = visited()
    together = page.locator("table.ways").nth(1).inner_text()
    page.locator("table.ways thead button", has_text="ratio").first.focus()
    page.keyboard.press("Enter")
    assert first_column(page)[:2] == ["sync=none", "inputs=zeros"]
    page.keyboard.press("Enter")
    assert first_column(page)[:2] == ["idle=100 ms", "load=cpu"]
    assert page.locator("table.ways thead th[aria-sort=descending]").count() == 1
    assert page.locator("table.ways").nth(1).inner_text() == together
    assert not page.locator("#cells").is_visible()
    assert page.heard == []


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_verdicts_and_names_in_the_figure_can_be_read_in_both_lights(visited, scheme):
    page = visited(color_scheme=scheme)
    for place in ("td.v-too-long", "td.v-too-short", "td.v-no-difference", ".further li", "#ways figure svg text"):
        assert page.evaluate(CONTRAST, page.locator(place).first.element_handle()) >= 4.5, place


@in_browser
def test_neither_a_phone_nor_paper_cuts_anything(visited):
    page = visited(viewport={"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page = visited(viewport={"width": 680, "height": 1009})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 680
    widths = page.evaluate(
        "[...document.querySelectorAll('#ways table')].map(one => one.getBoundingClientRect().width)"
    )
    assert len(widths) == 3
    assert max(widths) <= 680
    assert max(one.bounding_box()["height"] for one in page.locator("#ways figure").all()) <= 1009
