"""The page in a real browser: offline, by keyboard, in both lights, on paper."""

import json
import re
import shutil
import time
from itertools import pairwise

import numpy as np
import pytest
from contrast import CONTRAST

from stopwatt.reporting.html.pack import pack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
]
A4 = (680, 1009)
"""What 15 mm margins leave of a page, in pixels."""


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(made, hostile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(made[1])
    (folder / "hostile.html").write_text(hostile)
    return folder


@pytest.fixture
def visit(chromium, files):
    """`(name, **options)`: a page, with everything that it complained about or asked for in `page.heard`."""
    contexts = []

    def go(name="report.html", **options):
        context = chromium.new_context(
            **{"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("dialog", lambda dialog: (page.heard.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda request: page.heard.append(request.url))
        page.goto((files / name).as_uri())
        assert page.heard.pop(0) == (files / name).as_uri()
        return page

    yield go
    for context in contexts:
        context.close()


def until(page, condition, argument=None):
    """Wait for a condition; the page's policy forbids the way in which Playwright itself would."""
    end = time.monotonic() + 60
    while not page.evaluate(condition, argument):
        assert time.monotonic() < end, f"not within 60 s: {condition}"
        page.wait_for_timeout(20)


def open_cell(page, key):
    """Open a cell and wait until its figures are drawn."""
    page.evaluate(f"location.hash = 'cell={key}'")
    until(
        page,
        "document.querySelectorAll('dialog figure').length > 0 &&"
        "!document.querySelector('dialog figure:not([data-drawn])')",
    )


def shown(page):
    return page.locator("#table tbody tr:not([hidden])")


def column(page, name):
    """Texts of a column in the order in which they are shown."""
    heads = [text.split("\n")[0] for text in page.locator("#table thead th").all_inner_texts()]
    return [row.locator("th, td").nth(heads.index(name)).inner_text() for row in shown(page).all()]


def test_it_opens_from_a_file_without_a_complaint_and_asks_for_nothing(visit, made):
    page = visit()
    open_cell(page, made[0].cells[0].row.cell.key)
    page.keyboard.press("Escape")
    page.locator("#map-0 svg a path").first.hover()
    assert page.heard == []


def test_columns_sort_up_and_down(visit):
    page = visit()
    button = page.locator("#table thead button", has_text="latency")
    button.click()
    values = [float(text.split(" ")[0]) for text in column(page, "latency") if text != "-"]
    assert values == sorted(values)
    assert page.locator("#table thead th[aria-sort=ascending]").inner_text().startswith("latency")
    button.click()
    assert [float(text.split(" ")[0]) for text in column(page, "latency") if text != "-"] == values[::-1]


def test_menus_and_words_filter_together_and_the_count_says_how_many_are_left(visit):
    page = visit()
    page.select_option("select[data-axis=hidden]", "200")
    page.fill("#search", "eager batch=8")
    assert column(page, "hidden") == ["200", "200"]
    assert page.locator("#count").inner_text() == "2 of 48 cells"
    page.locator("button[type=reset]").click()
    until(page, "document.querySelector('#count').textContent.startsWith('48 of 48')")


def test_the_cells_of_a_finding_are_shown_in_the_table(visit, made):
    page = visit()
    finding = next(one for one in made[0].findings if one.kind == "outlier-clusters")
    page.locator("a[data-rows]").first.click()
    assert shown(page).count() == len(finding.cells)
    assert set(column(page, "backend")) == {"eager"}


def test_a_cell_is_opened_walked_through_and_closed_by_keyboard(visit):
    page = visit()
    first = page.locator("#table tbody a").first
    first.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog")
    dialog.wait_for()
    title = dialog.locator("h2").inner_text()
    page.keyboard.press("ArrowRight")
    until(page, "title => document.querySelector('dialog h2').textContent !== title", title)
    page.keyboard.press("ArrowLeft")
    until(page, "title => document.querySelector('dialog h2').textContent === title", title)
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement === document.querySelector('#table tbody a')")
    assert page.evaluate("location.hash") == ""


def test_an_opened_cell_shows_its_distribution_tables_and_log(visit, made):
    page = visit()
    cell = made[0].cells[0]
    open_cell(page, cell.row.cell.key)
    kinds = [one.get_attribute("data-kind") for one in page.locator("dialog figure").all()]
    assert kinds == ["sequence", "histogram", "ecdf", "spectrum", "deadline"]
    assert all(one.locator("svg").count() == 1 for one in page.locator("dialog figure").all())
    assert "take 1.2" in page.locator("dialog figcaption").nth(1).inner_text()
    assert page.locator("dialog .clusters tbody tr").count() == 3
    assert page.locator("dialog .rounds tbody tr").count() == 3
    page.locator("dialog summary").click()
    assert "ready" in page.locator("dialog pre").first.inner_text()
    points = page.locator("dialog figure[data-kind=sequence] svg .mark-symbol path")
    assert points.count() == 120


def test_a_failed_cell_says_why_instead_of_showing_figures(visit):
    page = visit()
    page.evaluate("location.hash = document.querySelector('tr.failed a').hash")
    assert "3.2 GiB failed" in page.locator("dialog .trouble").inner_text()
    assert page.locator("dialog figure").count() == 0


def test_menus_lead_to_the_cell_that_differs_in_one_coordinate(visit, made):
    page = visit()
    open_cell(page, made[0].cells[0].row.cell.key)
    page.locator("dialog label", has_text="hidden").locator("select").select_option(label="200")
    until(page, "document.querySelector('dialog h2').textContent.includes('hidden=200')")
    assert "layers=1, backend=eager, batch=1" in page.locator("dialog h2").inner_text()


def test_a_tile_of_a_heat_map_opens_its_cell(visit, made):
    page = visit()
    tile = page.locator("#map-0 svg a").first
    key = tile.get_attribute("href").removeprefix("#cell=")
    tile.locator("path").click()
    page.locator("dialog").wait_for()
    label = next(made[0].grid.label(point) for point in made[0].grid.points if point.row.cell.key == key)
    assert page.locator("dialog h2").inner_text() == label


def test_a_mark_says_what_it_stands_for(visit):
    page = visit()
    page.locator("#map-0 svg a path").first.hover()
    tip = page.locator("#tip")
    tip.wait_for()
    assert re.search(r"hidden=\d+, layers=\d, backend=eager, batch=\d\nlatency \d", tip.inner_text())


def test_a_link_to_a_cell_opens_it(chromium, files, made):
    key = made[0].cells[3].row.cell.key
    page = chromium.new_page()
    page.goto(f"{(files / 'report.html').as_uri()}#cell={key}")
    assert page.locator("dialog h2").inner_text() == made[0].grid.label(made[0].grid.points[3])
    page.close()


def test_the_script_reads_every_kind_of_column_as_it_was_packed(visit):
    dice = np.random.default_rng(0)
    columns = [
        np.full(40, 7), np.arange(3, 90), np.repeat([1, 5], 30), np.cumsum(dice.integers(1, 9, 70)),
        np.where(np.arange(400) % 9 == 0, 2, 0), dice.integers(0, 99, 60), dice.integers(0, 2**20, 61),
        [0.5] * 30 + [None] * 9, np.linspace(4, 1, 31),
    ]  # fmt: skip
    page = visit()
    # The function is private to the page's script; the same text is run here by itself.
    script = re.search(
        r"  function unpack\(column\) \{.*?\n  \}\n\n.*?function numbers.*?\n  \}\n", page.content(), re.DOTALL
    )[0]
    for values in columns:
        expected = values if isinstance(values, list) else values.tolist()
        packed = json.dumps(pack(values))
        assert page.evaluate(f"(() => {{ {script} return unpack({packed}); }})()") == pytest.approx(expected)
    times = dice.lognormal(0, 1, 101)
    found = page.evaluate(f"(() => {{ {script} return unpack({json.dumps(pack(times))}); }})()")
    assert np.allclose(found, times, rtol=2e-3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_lights(visit, scheme):
    page = visit(color_scheme=scheme)
    for place in (
        "body",
        ".quiet",
        "nav a",
        ".evidence a",
        "#table thead .unit",
        "figcaption strong",
        "figure svg text",
    ):
        assert page.evaluate(CONTRAST, page.locator(place).first.element_handle()) >= 4.5, place


@pytest.mark.parametrize("width", [360, 400, 800, 1600])
def test_no_width_makes_the_page_scroll_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_nothing_is_cut(visit):
    page = visit(viewport={"width": A4[0], "height": A4[1]}, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= A4[0]
    assert page.locator("#table").bounding_box()["width"] <= A4[0]
    heights = [one.bounding_box()["height"] for one in page.locator("main figure").all()]
    assert max(heights) <= A4[1]
    assert all(page.evaluate("one => getComputedStyle(one).breakInside", one) == "avoid"
               for one in page.locator("main figure").element_handles())  # fmt: skip
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#filters").is_visible()


def test_without_scripts_findings_table_and_figures_are_there(chromium, files):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((files / "report.html").as_uri())
    assert page.locator(".finding").first.is_visible()
    assert shown(page).count() == 48
    assert page.locator("#growth figure svg").first.is_visible()
    assert "need JavaScript" in page.locator("noscript").inner_text()
    context.close()


def test_hostile_names_run_nothing_and_look_like_what_they_are(visit):
    page = visit("hostile.html")
    page.locator("#table tbody a").first.click()
    until(page, "document.querySelectorAll('dialog figure[data-drawn]').length === 5")
    assert page.heard == []
    assert "<script>alert(1)</script>" in page.locator("h1").inner_text()
    assert page.evaluate("document.querySelectorAll('script:not([type])').length") == 2


def test_even_a_script_that_got_in_would_not_run(visit):
    page = visit()
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.textContent = 'window.ran = 1';
          document.body.append(script);
        }"""
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in page.heard)


def test_everything_that_can_be_used_has_a_name(visit):
    page = visit()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select, [role=region], [role=img]')]
        .filter(one => !(one.closest('svg') && one.localName === 'a'))
        .filter(one => !(one.textContent.trim() || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby')
          || one.closest('label')))
        .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = [
        int(name[1]) for name in page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => h.localName)")
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
