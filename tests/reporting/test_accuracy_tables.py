"""Accuracy as people see it: in the tables of bench and sweep, on the report page, and nowhere where nobody asked."""

import io

import numpy as np
import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.analyse.summary import summarise
from stopwatt.metrics import ACCURACY, ANSWERS
from stopwatt.records import (
    Cell,
    Labelled,
    Measured,
    Measurement,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Unavailable,
    Workload,
)
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.html.table import table_of
from stopwatt.reporting.sweep_table import Ending, render_sweep
from stopwatt.reporting.table import render_bench

PHOTOS = Labelled("photos", "labels.csv", "digest", 200, seed=3)
SETUPS = {"eager": (Precision.FP32, 190), "onnxruntime": (Precision.INT8, 184), "openvino": (Precision.BF16, 191)}


def rounds(rules=None, reading=None):
    """Three rounds of three setups; the first of each judged 200 samples."""
    found = []
    for place, (backend, (precision, right)) in enumerate(SETUPS.items()):
        cell = Cell(Workload("planted"), Setup(backend, precision=precision), rules or Protocol(accuracy=PHOTOS))
        for number in range(3):
            values = (3 - place) * 1_000_000 + 20_000 * number + 1_000 * np.arange(100)
            samples, readings, facts = {"latency": Samples(values, "ns")}, {}, {}
            if number == 0 and cell.protocol.accuracy is not None:
                answers = np.repeat([1, 0], [right, 200 - right])
                readings[ACCURACY] = reading or Measured(right / 200, "1")
                samples |= {} if reading else {ANSWERS: Samples(answers, "1")}
                facts = {"accuracy.metric": "top-1", "accuracy.samples": 200}
            found.append(Measurement(cell, number, Status.OK, samples=samples, readings=readings, facts=facts))
    return found


def bench(measurements):
    stream = io.StringIO()
    render_bench(console_for(stream), summarise(measurements), (), run="01234567", where="results.db")
    return stream.getvalue()


def sweep(measurements):
    stream = io.StringIO()
    render_sweep(console_for(stream), analyse(measurements), (), Ending("01234567", "results.db"))
    return stream.getvalue()


def test_nobody_who_named_no_labels_reads_of_accuracy():
    silent = rounds(Protocol())
    assert "accuracy" not in bench(silent)
    assert "accuracy" not in sweep(silent)


def test_the_table_of_bench_has_a_column_and_below_it_intervals_and_what_is_lost():
    lines = bench(rounds()).splitlines()
    assert max(map(len, lines)) <= WIDTH
    (first,) = [line for line in lines if line.startswith("eager") and "reference" in line]
    assert first.split()[-2:] == ["0.950", "reference"]
    start = next(place for place, line in enumerate(lines) if line.startswith("accuracy"))
    told = [line.split() for line in lines[start + 1 : start + 4]]
    assert [line[:3] for line in told] == [
        ["openvino", "bf16", "0.955"],
        ["eager", "fp32", "0.950"],
        ["onnxruntime", "int8", "0.920"],
    ]
    assert told[1][-1] == "0"
    assert told[2][5] == "0.030"
    assert "accuracy: top-1 of 200 labelled samples of photos by labels.csv (seed 3)" in lines


def test_why_there_is_no_accuracy_stands_below_the_table():
    text = bench(rounds(reading=Unavailable("it would take an hour")))
    assert "accuracy: unavailable (it would take an hour)" in text
    assert "accu-" not in text


def test_a_sweep_has_a_column_and_says_what_it_is_of():
    text = sweep(rounds())
    assert "0.920" in text
    assert "top-1 of 200 labelled samples of photos" in text


@pytest.mark.parametrize(("measurements", "shown"), [(rounds(), True), (rounds(Protocol()), False)])
def test_the_page_has_columns_where_it_was_measured(measurements, shown):
    heads = [head.name for head in table_of(analyse(measurements)).heads]
    assert ("accuracy" in heads) is ("lost accuracy" in heads) is shown
