"""The section on `ops plan` of docs/json.md says exactly what is printed."""

import json
import re
from pathlib import Path

from stopwatt.operators.formulas import work_of
from stopwatt.operators.synthesis import operator_of
from stopwatt.operators.work import Family
from stopwatt.predicting.candidates import Why
from stopwatt.predicting.plan import Plan, Planned
from stopwatt.records import Precision
from stopwatt.reporting.operators.plan import PlanResult

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
LINEAR = operator_of(Family.GEMM, "linear", {"m": 8, "n": 16, "k": 32, "batch": 1}, "float32")


def documented():
    section = PAGE.read_text().partition("## `ops plan`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def printed(**about):
    known = {"why": Why.CAPTURED, "of": "", "error": 0.0, "time_s": float("nan")} | about
    planned = Planned(LINEAR, work_of(LINEAR), gain=0.1, until_s=2.0, **known)
    found = Plan("a processor", "cpu", True, 1, Precision.FP32, 60.0, (planned,), ("mlp batch 1",), {Why.CAPTURED: 1})
    return json.loads(json.dumps(PlanResult(found, "a.db").document(), allow_nan=False))


def test_the_page_has_the_keys_that_are_printed():
    page, document = documented(), printed()
    assert list(document) == list(page)
    assert list(document["operators"][0]) == list(page["operators"][0])


def test_what_is_not_there_is_null_as_the_page_says():
    (operator,) = printed()["operators"]
    assert [name for name, value in operator.items() if value is None] == ["of", "error", "expected_s"]
    (operator,) = printed(why=Why.POOR, of="relu [4]", error=0.5, time_s=1e-6)["operators"]
    assert (operator["of"], operator["error"], operator["expected_s"]) == ("relu [4]", 0.5, 1e-6)


def test_the_page_names_every_reason():
    page = documented()
    assert all(str(why) in page["candidates"]["<why>"] and str(why) in page["operators"][0]["why"] for why in Why)
