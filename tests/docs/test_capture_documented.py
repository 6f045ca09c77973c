"""The section on `ops capture` of docs/json.md says exactly what is printed."""

import json
import re
from pathlib import Path

import numpy as np

from stopwatt.operators.capture import Capture, Kernel, LeafCall, Module
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.records import Cell, Protocol, Setup, Status, Trouble, Workload
from stopwatt.reporting.operators.capture import CaptureResult, Failed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"
TENSOR = Tensor((2, 3), strides=(3, 1))
RELU = Operator("aten.relu.default", (TENSOR,), ({"tensor": 0},), outputs=(TENSOR,))
CAPTURE = Capture(
    Workload("mlp", {"hidden": 4}),
    Setup(),
    (RELU,),
    np.array([0]),
    np.array([0]),
    np.zeros(0),
    (Module("", "ReLU", leaf=True),),
    leaves=(LeafCall(0, (TENSOR,), (TENSOR,), 0, 1),),
    kernels=(Kernel("Relu_1", "Relu", 1.0, 1e-6),),
    seconds={"forward": 1.0, "capture": 2.0},
)
FAILED = Failed(Cell(CAPTURE.workload, CAPTURE.setup, Protocol()), Status.FAILED, Trouble("it broke"))


def documented():
    section = PAGE.read_text().partition("## `ops capture`\n")[2]
    return json.loads(re.search(r"```json\n(.*?)```", section, re.DOTALL)[1])


def keys(document):
    """Names of all keys, down to those that a capture chooses itself."""
    if isinstance(document, list):
        return [keys(document[0])] if document else []
    if not isinstance(document, dict):
        return None
    open_ones = {"params", "facts", "software"}
    return {name: None if name in open_ones else keys(value) for name, value in document.items()}


def test_the_page_has_the_keys_that_are_printed():
    printed = json.loads(CaptureResult((CAPTURE,), (FAILED,), files=("a.yaml",)).to_json())
    page = documented()
    page["captures"][0]["notes"] = printed["captures"][0]["notes"]
    assert keys(printed) == keys(page)


def test_what_was_not_measured_is_null_as_the_page_says():
    assert json.loads(CaptureResult((CAPTURE,)).to_json())["captures"][0]["gaps_s"] is None
