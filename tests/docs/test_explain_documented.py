"""The section on `ops explain` of docs/json.md says exactly what is printed."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "operators"))

from explained import ADD, LINEAR, US, WORKS, net, planted, replay

from stopwatt.operators.explain import Basis, EnergySums, Known, Model, explain
from stopwatt.operators.groups import By
from stopwatt.operators.memory import Caches
from stopwatt.reporting.operators.compared import Compared, Ran
from stopwatt.reporting.operators.explain import ExplainResult

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def documented():
    section = PAGE.read_text().partition("## `ops explain`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def assert_same_keys(printed, page, path=""):
    """Every object has the keys of its description; the first of a list stands for all."""
    if isinstance(page, dict) and not any(key.startswith("<") for key in page):
        assert list(printed) == list(page), path
        for key, inner in page.items():
            assert_same_keys(printed[key], inner, f"{path}.{key}")
    elif isinstance(page, list):
        assert printed, f"{path} is empty in the example"
        assert_same_keys(printed[0], page[0], f"{path}[]")
    elif isinstance(page, str):
        assert not isinstance(printed, dict), path


def test_the_page_has_the_keys_that_are_printed():
    times = planted(replay(LINEAR, 10), replay(ADD, 3))
    found = explain(net(), times, Model(Known(40 * US)), Basis(WORKS, Caches(1e6, 1e7)))
    side = Compared("compile", 3, 20 * US, "", (Ran("fused", 3, 1e-5),), ("fused_0",), (("odd", 1),))
    document = ExplainResult(found, By.OPERATOR, (side,), (0.0, 0.65), changes=("a change",)).document()
    printed = json.loads(json.dumps(document | {"notes": ["a note"]}, allow_nan=False))
    assert_same_keys(printed, documented())


def test_the_page_names_the_parts_that_are_printed():
    found = explain(net(), planted(replay(LINEAR, 10)), Model(Known(40 * US)), Basis(WORKS, Caches(1e6, 1e7)))
    described = documented()["residual"][0]
    for part in found.parts:
        assert part.name in described["name"]
        assert str(part.place) in described["place"]


def test_energies_have_the_names_of_the_times():
    names = [name.removesuffix("_j") for name in EnergySums.__dataclass_fields__ if name != "why"]
    assert list(documented()["energy"]) == names
