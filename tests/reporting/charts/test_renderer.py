"""The process that draws."""

import json

import pytest

from stopwatt.errors import StopwattError
from stopwatt.reporting.charts import renderer as module
from stopwatt.reporting.charts.renderer import Renderer, browser_runtime

CHART = {"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {"x": {"field": "a", "type": "quantitative"}}}


def chart(title):
    return json.dumps(CHART | {"title": title})


def test_charts_come_back_in_their_order_with_what_draws_them_in_a_browser():
    with Renderer() as renderer:
        for number in range(5):
            renderer.send(chart(f"number {number}"))
        drawn = renderer.receive()
    assert [f"number {number}" in svg for number, svg in enumerate(drawn.svgs)] == [True] * 5
    assert "vegaEmbed" in drawn.runtime


def test_charts_that_are_larger_than_a_pipe_do_not_stop_either_side():
    large = json.dumps(CHART | {"data": {"values": [{"a": place, "b": "x" * 100} for place in range(3000)]}})
    with Renderer() as renderer:
        for _ in range(3):
            renderer.send(large)
        assert len(renderer.receive().svgs) == 3


def test_a_chart_that_cannot_be_drawn_is_an_error_that_says_why():
    with Renderer() as renderer:
        renderer.send('{"mark": "no such mark"}')
        with pytest.raises(StopwattError, match="could not be drawn") as caught:
            renderer.receive()
    assert caught.value.when


def test_leaving_early_ends_the_process():
    with Renderer() as renderer:
        renderer.send(chart("never asked for"))
    assert renderer._process.returncode is not None


@pytest.fixture
def bundles(monkeypatch, tmp_path):
    """How often the runtime was made, with a cache of its own."""
    monkeypatch.setenv("STOPWATT_CACHE", str(tmp_path / "cache"))
    made = []
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda snippet: made.append(snippet) or f"runtime of {snippet}")
    return made


def test_the_runtime_is_made_once_for_each_version(bundles, monkeypatch):
    assert browser_runtime() == browser_runtime() == "runtime of window.vegaEmbed = vegaEmbed;"
    assert len(bundles) == 1
    monkeypatch.setattr(module, "version", lambda _: "99")
    browser_runtime()
    assert len(bundles) == 2


def test_a_cache_that_others_may_write_to_is_not_believed(bundles, tmp_path):
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    assert browser_runtime().startswith("runtime of")
    assert list((tmp_path / "cache").iterdir()) == []
