"""The section on `ops measure` of docs/json.md says exactly what is printed."""

import json
import re
from pathlib import Path

import numpy as np

from stopwatt.operators.measured import Ending, Measured
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Place, Replay
from stopwatt.records import Samples, Status, Trouble
from stopwatt.reporting.operators.measure import MeasureResult

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
RELU = Operator("aten.relu.default")
TIMED = Replay(RELU.key, Mode.REUSE, Status.OK, samples={"call": Samples(np.full(20, 1000.0), "ns")})
FAILED = Replay(RELU.key, Mode.STREAM, Status.UNSUPPORTED, Trouble("it reads no memory", "relu, stream", "nothing"))


def documented():
    section = PAGE.read_text().partition("## `ops measure`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def printed(spread=0.01):
    place = Place("cpu", "a processor", "machine", 1, software={"torch": "2"})
    found = Measured(place, {RELU.key: RELU}, (TIMED, FAILED), 0, 0, 0.0, 1.0, 1, 0, spread, spread, Ending.DONE)
    return json.loads(json.dumps(MeasureResult(found, "a.db").document(), allow_nan=False))


def test_the_page_has_the_keys_that_are_printed():
    page, document = documented(), printed()
    assert list(document) == list(page)
    assert list(document["place"]) == list(page["place"])
    assert list(document["series"][0]) == list(page["series"][0])
    assert list(document["series"][1]["trouble"]) == list(page["series"][0]["trouble"])


def test_what_is_not_there_is_null_as_the_page_says():
    assert printed(spread=float("nan"))["spread"] is None
    timed, failed = printed()["series"]
    assert timed["trouble"] is None
    assert failed["time_s"] is None


def test_the_page_names_every_mode_and_every_status_that_can_be():
    series = documented()["series"][0]
    assert all(str(mode) in series["mode"] for mode in Mode)
    never = {Status.INVALID, Status.INTERRUPTED}
    assert all(str(status) in series["status"] for status in set(Status) - never)
