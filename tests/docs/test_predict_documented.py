"""The section on `predict` of docs/json.md says exactly what is printed; the page says what the code does."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "predicting"))
sys.path.insert(0, str(Path(__file__).parent))

from planted_models import DEVICE, Oracle, ground, measured, subject
from test_explain_documented import assert_same_keys

from stopwatt.operators.explain import Known
from stopwatt.ops.learning import ENOUGH
from stopwatt.predicting.columns import Source
from stopwatt.predicting.models import LEAST_FAMILIES, LEAST_MODELS, Interval
from stopwatt.predicting.prediction import Prediction, rows_of
from stopwatt.reporting.operators.predict import PredictResult

DOCS = Path(__file__).resolve().parents[2] / "docs"


def predicted():
    one = subject("net", 64, gaps_us=1.0)
    known = ground(
        Oracle(unseen="larger than measured: m", power_w=50.0),
        known=measured(one.capture.operators[0]),
        dispatch_s=1e-6,
    )
    times = one.times(known)
    composed = one.composed_of(times, 20.0)
    interval = Interval(1e-3, 0.9e-3, 1.1e-3, "calibrated on 12 models of 4 families", calibrated=True)
    rows = rows_of(one.capture, one.works, times, composed)
    return Prediction(
        one.capture,
        DEVICE,
        interval,
        composed,
        composed.energy,
        rows,
        "with the host's time between operators, as the capture has it",
        ("a note",),
        Known(1e-3, 0.9e-3, 1.1e-3, "t on 3 rounds"),
        (interval,),
    )


def test_the_page_has_the_keys_that_are_printed():
    section = (DOCS / "json.md").read_text().partition("## `predict`\n")[2]
    page = json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])
    assert_same_keys(json.loads(PredictResult((predicted(),)).to_json()), page)


def test_what_is_not_known_is_null():
    found = predicted()
    bare = replace(found, measured=None, turns=(), energy=replace(found.energy, value=float("nan"), why="no power"))
    (printed,) = json.loads(PredictResult((bare,)).to_json())["predictions"]
    assert printed["measured"] is None
    assert printed["energy"]["value"] is None
    assert printed["energy"]["why"] == "no power"


def test_the_page_names_every_way_in_which_a_time_is_known():
    page = (DOCS / "predict.md").read_text()
    assert all(f"| {source} |" in page for source in Source)
    assert f"fewer than {LEAST_MODELS} models of {LEAST_FAMILIES} families" in page
    assert f"fewer than {ENOUGH}" in page
