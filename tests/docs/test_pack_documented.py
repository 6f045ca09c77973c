"""The sections on `pack`, `unpack` and `run compare` of docs/json.md say exactly what is printed."""

import json
from pathlib import Path

from test_json_documented import assert_described

from stopwatt.bulk.comparing.classes import compared_classes
from stopwatt.bulk.comparing.compare import Compared, Difference, Side, Tolerance
from stopwatt.bulk.comparing.matching import matched
from stopwatt.bulk.comparing.rankings import Classified, Scored
from stopwatt.bulk.comparing.results import Head
from stopwatt.bulk.comparing.vectors import ArrayDifference, ArraySide, ComparedArrays
from stopwatt.images.accuracy import Accuracy
from stopwatt.images.labels import Labels
from stopwatt.measuring.parity import Deviation
from stopwatt.operators.inspection import Refusal
from stopwatt.packing.check import Checked
from stopwatt.packing.manifest import Artifact, File, Manifest, Parity, Port
from stopwatt.packing.opened import Opened
from stopwatt.packing.preflight import Preflight
from stopwatt.records import Calibration, Setup, Trouble, Workload
from stopwatt.reporting.bulk.compared import compared_document
from stopwatt.reporting.bulk.compared_arrays import arrays_document
from stopwatt.reporting.bulk.compared_classes import classes_document
from stopwatt.reporting.pack import pack_document, preflight_document
from stopwatt.serving.contract import Contract, Decoding, Detection, Preprocess, Task

FACTS = {"model": "detector"}


def printed(document):
    return json.loads(json.dumps(document, allow_nan=False))


def test_a_pack_is_printed_as_described():
    parity = Parity(8, 1e-6, 1e-3, 1.0, 1.0)
    port = Port("images", "uint8", (1, 8, 8, 3))
    manifest = Manifest(
        Workload("resnet", {"image": 64}),
        Setup("onnxruntime"),
        Contract(Task.CLASSIFY, Preprocess(8, 8), Decoding.LOGITS, ("cat",), (7,)),
        (Artifact(1, "batch1", (port,), (port,), parity, {"provider": "CPUExecutionProvider"}),),
        {"batch1/model.onnx": File(9, "aa")},
        native=("batch1/model.so",),
        software={"torch": "2"},
        machine={"arch": "x86_64"},
        calibration=Calibration("photos", "aa", 128, 0),
        notes=("something",),
    )
    opened = Opened(Path("model.swpack"), manifest, Path(), "aa")
    document = pack_document(opened, [Checked(manifest.artifacts[0], parity)])
    assert_described(printed(document), "## `pack` and `unpack`")


def test_a_conversion_that_was_not_begun_is_printed_as_described():
    refusal = Refusal("Det", "head", "Head", 1, 0.1, "no rule of conversion")
    preflight = Preflight(Setup("openvino"), 9, 4, (refusal,), "OpenVINO", Trouble("what"), ("aoti",), ("note",))
    assert_described(printed(preflight_document(preflight)), "### A conversion that was not begun")


def test_compared_detections_are_printed_as_described():
    score = Accuracy(0.5, 0.6, 0.4, {"disc": 0.5})
    side = Side("a", 1, 1, 0, 0, score, FACTS)
    one = (Detection(0, 0, 9, 9, 0.9, 1),)
    worst = Difference(1, 0.1, one, one, matched(one, one))
    found = Compared(side, side, Tolerance(), 1, 1, 0, 0, 1, 1, 0.0, 1.0, (worst,), {})
    assert_described(printed(compared_document(found, {1: "1.jpg"})), "### `run compare` of detections")


def test_compared_classes_are_printed_as_described():
    rankings = [{1: (Scored(1, score, "cat"), Scored(2, 0.1, "dog"))} for score in (0.9, 0.8)]
    a, b = (Classified(Head("run", Task.CLASSIFY, Path(), facts=FACTS), {1: "1.jpg"}, one) for one in rankings)
    found = compared_classes(a, b, Labels({1: "cat"}, "labels.csv"), 1e-3, 12)
    assert_described(printed(classes_document(found)), "### `run compare` of classes")


def test_compared_arrays_are_printed_as_described():
    side = ArraySide("a", 2, 0, 0, FACTS)
    worst = (ArrayDifference(1, "1.jpg", None, "another shape"), ArrayDifference(2, "2.jpg", Deviation(0.1, 0.2, 0.9)))
    found = ComparedArrays(side, side, Task.RAW, 1e-3, 2, 0, 1, 0.9, 0.9, 0.1, 0.2, worst)
    assert_described(printed(arrays_document(found)), "### `run compare` of vectors and raw outputs")
