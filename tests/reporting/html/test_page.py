"""The page as a document; what it does in a browser is in test_browser."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from sweep_example import Example, analysed, measure
from undrawn import Undrawn

from stopwatt.errors import UsageError
from stopwatt.records import Finding
from stopwatt.reporting.html import page as page_module
from stopwatt.reporting.html.figures import slim
from stopwatt.reporting.html.page import SHOWN_FINDINGS, in_script, render
from stopwatt.reporting.html.provenance import Source

SMALL = Example(layers=(1,), hidden=(64, 128), batch=(1,), trials=20)


class Parsed(HTMLParser):
    """Ids, texts by tag, attributes by tag."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.tags, self.words, self._open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        if "id" in found:
            self.ids.append(found["id"])

    def handle_data(self, data):
        self.words.append(data)

    def named(self, tag, **wanted):
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


def test_the_parts_come_in_their_order(text):
    order = ["findings", "cells", "growth", "grid", "batch", "setups", "distributions", "one-cell", "provenance"]
    places = [text.index(f'<section id="{one}"') for one in order]
    assert places == sorted(places)


def test_findings_stand_first_by_weight_with_links_to_evidence_that_is_there(made):
    analysis, text = made
    parsed = Parsed(text)
    for finding in analysis.findings:
        assert finding.text.replace(" %", "\N{NO-BREAK SPACE}%")[:30] in "".join(parsed.words)
    links = re.findall(r'<p class="evidence">(.*?)</p>', text, re.DOTALL)
    assert len(links) == len(analysis.findings)
    targets = [target for one in links for target in re.findall(r'href="#([^"]+)"', one)]
    assert targets
    assert set(targets) <= set(parsed.ids)


def test_a_finding_that_is_only_suggested_says_so(text):
    assert re.search(r"Batch \d+ is the sweet spot.*?<span class=\"tag\"[^>]*>suggested", text)


def test_every_cell_has_a_row_and_details(made):
    analysis, text = made
    keys = [cell.row.cell.key for cell in analysis.cells]
    assert re.findall(r'<tr data-key="(\w+)"', text) == keys
    assert re.findall(r'<template id="cell=(\w+)"', text) == keys


def test_a_failed_cell_says_what_happened_and_what_to_do(text):
    failed = re.search(r'<tr data-key="(\w+)" class="failed">', text)[1]
    details = text.partition(f'<template id="cell={failed}">')[2].partition("</template>")[0]
    assert "the allocation of 3.2 GiB failed" in details
    assert "now: take a smaller batch" in details
    assert "Traceback: no memory" in details


def test_pictures_of_every_cell_fit_the_drawings(made):
    analysis, text = made
    drawings = json.loads(
        re.search(r'<script type="application/json" id="drawings">(.*?)</script>', text, re.DOTALL)[1]
    )
    pictures = [
        json.loads(one) for one in re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    ]
    drawn = [one for one in pictures if one]
    assert len(drawn) == sum(bool(cell.series) for cell in analysis.cells)
    for picture in drawn:
        assert picture.keys() <= drawings.keys()
        for kind, one in picture.items():
            assert one["tables"].keys() == drawings[kind]["datasets"].keys()
            assert one["params"].keys() == {param["name"] for param in drawings[kind]["params"]}


def test_figures_are_numbered_named_and_drawn_in_the_colours_of_the_page(text):
    figures = re.findall(r'<figure id="([\w-]+)".*?</figure>', text, re.DOTALL)
    assert re.findall(r"Figure (\d+)\.</span>", text) == [str(n + 1) for n in range(len(figures))]
    for name in figures:
        assert f'aria-labelledby="{name}-title"' in text
    assert "var(--s0)" in text
    assert "vega.github.io" not in "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))


def test_pixels_of_a_figure_are_rounded_and_its_numbers_are_not():
    assert slim('<text transform="translate(1.234,5.06)" opacity="1">0.015 x</text>') == (
        '<text transform="translate(1.2,5.1)">0.015 x</text>'
    )


def test_a_mark_that_links_to_a_cell_can_be_clicked_but_is_no_stop_of_the_keyboard():
    link = (
        '<a xlink:href="https://vega.github.io/vega-datasets/#cell=ab"><path aria-label="its row says it" d="M0"/></a>'
    )
    assert slim(link) == '<a tabindex="-1" href="#cell=ab"><path d="M0"/></a>'


def test_ids_are_unique(text):
    parsed = Parsed(re.sub(r"<template.*?</template>", "", text, flags=re.DOTALL))
    assert len(parsed.ids) == len(set(parsed.ids))


def test_the_policy_allows_the_two_scripts_of_the_page_and_nothing_from_outside(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe-eval" not in policy
    assert "script-src 'sha256" in policy
    document = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r'\b(src|href|action)="(?!#)', document)
    assert "url(" not in document.replace("url(#", "")


def test_provenance_has_command_grid_machine_versions_rules_and_store(text):
    end = text.partition('id="provenance"')[2]
    for part in (
        "my grid.yaml",
        "nightly",
        "Imaginary 9000",
        "onnxruntime",
        "1.2.3",
        "demo/stopwatt.db",
        "5 ms",
        "warmup",
    ):
        assert part in end
    assert "workload: lstm" in end
    assert "2026-01-02 03:04 UTC" in end


def test_more_findings_than_fit_at_first_are_all_there(quick):
    many = tuple(Finding("growth", f"finding number {n}", ()) for n in range(12))
    _, text = quick(SMALL, findings=many)
    assert text.count('<li class="more">') == 12 - SHOWN_FINDINGS
    assert all(f"finding number {n}" in text for n in range(12))


def test_a_page_without_findings_says_so(quick):
    _, text = quick(SMALL, findings=())
    assert "Nothing to report" in text


def test_one_cell_alone_has_no_figures_of_a_grid(quick):
    _, text = quick(Example(layers=(1,), hidden=(64,), batch=(1,), backends=("eager",), trials=20))
    assert '<section id="one-cell"' in text
    assert '<section id="growth"' not in text


def test_measurements_without_trials_have_tables_and_grid_figures_only(quick):
    measurements, labels = measure(SMALL)
    analysis = analysed(measurements, labels)
    bare = replace(analysis, cells=tuple(replace(cell, series=(), shape=None, worst=()) for cell in analysis.cells))
    text = render(bare, {}, Source(), Undrawn())
    assert '<section id="growth"' in text
    assert '<section id="one-cell"' not in text
    assert "without single trials" in text


def test_more_cells_than_a_page_can_hold_are_refused_before_anything_is_drawn(sweep, monkeypatch):
    monkeypatch.setattr(page_module, "MOST_CELLS", 10)
    with pytest.raises(UsageError, match="64 cells are too many"):
        render(sweep, {}, Source(), Undrawn())


def test_a_script_cannot_be_ended_by_what_is_in_it():
    assert "</script" not in in_script('"</script><!--"')


def test_hostile_names_stay_text(hostile):
    assert "<script>alert" not in hostile
    assert "</template>{{" not in hostile
    assert "{{7*7}}" in hostile
    parsed = Parsed(hostile)
    assert len(parsed.named("script")) == 3 + len(parsed.named("template"))
    assert any("<script>alert(1)</script>" in words for words in parsed.words)


def test_a_name_of_300_characters_is_cut_in_headings_and_figures(hostile):
    assert "x" * 100 not in re.search(r"<h1>(.*?)</h1>", hostile, re.DOTALL)[1]
    assert all("x" * 100 not in one for one in re.findall(r"<svg.*?</svg>", hostile, re.DOTALL))


def test_a_cell_of_1000_trials_takes_less_than_13_kilobytes(quick):
    analysis, text = quick(Example(hidden=(64, 128), batch=(1, 2), trials=334))
    per_cell = re.findall(r"<tr data-key.*?</tr>|<template.*?</template>", text, re.DOTALL)
    assert sum(len(one.encode()) for one in per_cell) / len(analysis.cells) < 13_000
