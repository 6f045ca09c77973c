"""What each step of a ladder loses of its accuracy, against the base on the same labelled samples."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_climb import climb_of, measured

from stopwatt.climbing.document import ladder_document
from stopwatt.climbing.rungs import conclude
from stopwatt.climbing.table import render_ladder
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS, ANSWERS
from stopwatt.records import Measured, Precision, Samples
from stopwatt.reporting.console import console_for

STEPS = ("inference-mode", "onnxruntime", "int8")
WRONG = {Precision.FP32: 10, Precision.BF16: 18, Precision.INT8: 18}


@pytest.fixture(scope="module")
def found():
    """A ladder whose int8 answers 8 of 200 samples wrong that the others answer right."""
    climb = climb_of(STEPS, orders=1)
    return conclude(climb, [judged(one) if one.round == 0 else one for one in measured(climb)])


def judged(one):
    answers = np.ones(200)
    answers[: WRONG[one.cell.setup.precision]] = 0
    return replace(
        one,
        samples={**one.samples, ANSWERS: Samples(answers, "1")},
        readings={**one.readings, ACCURACY: Measured(float(answers.mean()), "1")},
        facts={"accuracy.metric": "top-1", "accuracy.samples": 200},
    )


def test_what_is_lost_is_lost_against_the_base(found):
    lost = {one.step.name: one.row.estimates[ACCURACY_LOSS].value for one in found.gains}
    assert lost == pytest.approx({"inference-mode": 0, "onnxruntime": 0, "int8": 8 / 200})
    assert found.base.estimates[ACCURACY_LOSS].value == 0


def test_people_read_it_in_a_table_of_its_own_and_programs_among_the_metrics(found):
    stream = io.StringIO()
    render_ladder(console_for(stream), found, (), run="01234567", where="results.db")
    text = stream.getvalue()
    assert "lost to the base" in text
    assert "0.910" in text
    metrics = ladder_document(found)["steps"][-1]["with_it"]["metrics"]
    assert metrics[ACCURACY]["value"] == pytest.approx(0.91)
    assert metrics[ACCURACY_LOSS]["value"] == pytest.approx(0.04)


def test_what_is_faster_than_the_end_but_loses_too_much_is_no_rival():
    climb = climb_of(("inference-mode", "bf16", "compile"), orders=1)
    rounds = measured(climb)
    assert conclude(climb, rounds).rival is not None
    assert conclude(climb, [judged(one) if one.round == 0 else one for one in rounds]).rival is None
