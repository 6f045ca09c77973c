"""The section on `meter` of docs/json.md says exactly what is printed."""

import json
import re
from pathlib import Path

import numpy as np

from stopwatt.analyse.metered import PROCESS, metered_of
from stopwatt.energy import SCOPES, About, Scope, Trace
from stopwatt.reporting.meter import MeterResult

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
S = 1_000_000_000


def documented():
    section = PAGE.read_text().partition("## `meter`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def test_the_page_has_the_keys_that_are_printed():
    time_s = np.arange(0, 5, 0.02)
    about = About("gpu-0", Scope.GPU, "NVML", quirks=("a quirk",))
    trace = Trace(about, (time_s * S).astype(np.int64), {"energy": 100 * time_s})
    printed = json.loads(MeterResult(metered_of([trace], {}, S, 4 * S, {})).to_json())
    page = documented()
    assert list(printed) == list(page)
    (scope,) = page["scopes"].values()
    assert list(printed["scopes"]) == [str(one) for one in SCOPES]
    for shown in printed["scopes"].values():
        assert {name: list(inner) for name, inner in shown.items() if isinstance(inner, dict)} == {
            name: list(inner) for name, inner in scope.items() if isinstance(inner, dict)
        }
        assert list(shown) == list(scope)
    assert list(printed["instruments"][0]) == list(page["instruments"][0])
    ((names, reading),) = page["process"].items()
    assert re.findall(r"\w+", names.replace(" or ", " ")) == list(PROCESS) == list(printed["process"])
    assert all(list(one) == list(reading) for one in printed["process"].values())
