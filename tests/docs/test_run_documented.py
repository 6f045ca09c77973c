"""The section on `run` of docs/json.md says exactly what is printed."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reporting"))

from bulk_records import LAYOUT, record

from stopwatt.bulk.keeping.document import MOST_TICKS, record_document
from stopwatt.bulk.records import Bottleneck, Node
from stopwatt.images.item import Trouble

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented():
    section = PAGE.read_text().partition("## `run`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def shape(document, described):
    """The same keys as the page, where the page has `<name>` any."""
    if isinstance(described, dict):
        assert isinstance(document, dict)
        if any(key.startswith("<") for key in described):
            (inner,) = described.values()
            assert document, "the example must reach it"
            for value in document.values():
                shape(value, inner)
            return
        assert list(document) == list(described)
        for key, value in document.items():
            shape(value, described[key])
    elif isinstance(described, list):
        assert document, "the example must reach it"
        for value in document:
            shape(value, described[0])
    else:
        assert not isinstance(document, dict | list)


def test_the_page_has_the_keys_that_are_printed():
    node = Node("far", LAYOUT, 100, 10.0, (60, 40), Bottleneck("model", "model-bound"))
    printed = json.loads(json.dumps(record_document(record(nodes=(node,))), allow_nan=False))
    shape(printed, documented())


def test_the_page_has_every_reason_for_which_an_image_may_fail():
    (described,) = documented()["failed"].values()
    assert described == f"images: {', '.join(Trouble)}"


def test_a_long_run_keeps_its_first_and_last_tick():
    one = record()
    long = record(ticks=one.ticks * 200)
    ticks = record_document(long)["ticks"]
    assert len(ticks) == MOST_TICKS
    assert [ticks[0]["at_ns"], ticks[-1]["at_ns"]] == [one.ticks[0].at_ns, one.ticks[-1].at_ns]


def test_derived_figures_follow_from_the_ticks():
    document = record_document(record())
    assert document["ceilings"]["binding"] == "decode"
    assert document["ceilings"]["reached"] == 20.5 / 20.0
    assert document["stages"]["decode"] == 0.1
    assert [one["images"] for one in document["workers"]] == [120, 80]
    assert document["cores"] == pytest.approx(2.1)
