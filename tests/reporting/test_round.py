"""One round in full: readings with their verdicts, spans and traces in a line each."""

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.cli import main
from stopwatt.energy import SCREENING, TRIALS, WINDOW, About, Scope, Span, Trace
from stopwatt.meters.spread import HALF_WIDTH
from stopwatt.records import (
    Cell,
    Estimated,
    Measured,
    Measurement,
    Protocol,
    Setup,
    Status,
    Suspect,
    Unavailable,
    Workload,
)
from stopwatt.reporting.round import TRACE_COLUMNS, reading_pairs, reading_text, span_cells, trace_cells, trace_document

SECOND = 10**9
TIMES = np.arange(0, 10 * SECOND, SECOND // 2)


@pytest.fixture
def board():
    """Ten seconds of a GPU at 200 W."""
    channels = {
        "energy": 5000.0 + 200.0 * TIMES / SECOND,
        "power": np.where(TIMES < SECOND, np.nan, 200.0),
        "sm_clock": np.full(TIMES.size, 1410.0),
        "slowdown": np.full(TIMES.size, 4.0),
        "others": np.zeros(TIMES.size),
    }
    return Trace(About("gpu-0", Scope.GPU, "NVML", "GPU-1234"), TIMES, channels)


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Measured(0.1178, "J"), "118 mJ"),
        (Suspect(0.1178, "J", "the counter stands still"), "118 mJ (suspect: the counter stands still)"),
        (Estimated(0.05, "J", 0.03, 0.07, "12 W a core"), "50 mJ [30, 70] (estimated: 12 W a core)"),
        (Unavailable("no RAPL: virtual machine"), "- (no RAPL: virtual machine)"),
        (Measured(float("nan"), "J"), "-"),
    ],
)
def test_a_reading_is_told_with_its_verdict(reading, text):
    assert reading_text(reading) == text


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Measured(0.1178, "J"), "117.8 mJ [117.2, 118.4] (one process)"),
        (Suspect(0.1178, "J", "a doubt"), "117.8 mJ [117.2, 118.4] (one process; suspect: a doubt)"),
        (Unavailable("no RAPL: virtual machine"), "- (no RAPL: virtual machine)"),
    ],
)
def test_an_energy_has_the_interval_that_its_windows_support_and_says_that_it_is_of_one_process(reading, text):
    cell = Cell(Workload("mlp"), Setup(device="cuda"), Protocol(energy=SCREENING))
    one = Measurement(cell, 0, Status.OK, readings={"power_gpu": reading}, facts={f"{HALF_WIDTH}power_gpu": 0.005})
    assert list(reading_pairs(one)) == [("power_gpu", text)]


def test_energies_that_were_not_read_are_a_line_for_each_scope_and_what_nobody_asked_for_is_none():
    virtual = Unavailable("no RAPL: virtual machine")
    readings = {
        "energy_gpu": Unavailable("a CPU setup has no GPU at work"),
        "energy_package": virtual,
        "power_package": virtual,
        "energy_dram": virtual,
        "energy_cpu_estimated": Unavailable("not asked for"),
        "device_memory": Unavailable("a CPU has no memory of its own"),
    }
    asked = Measurement(Cell(Workload("mlp"), Setup(), Protocol(energy=SCREENING)), 0, Status.OK, readings=readings)
    silent = replace(asked, cell=replace(asked.cell, protocol=Protocol()))

    assert list(reading_pairs(asked)) == [
        ("energy, CPU package", "- (no RAPL: virtual machine)"),
        ("energy, DRAM", "- (no RAPL: virtual machine)"),
        ("device_memory", "- (a CPU has no memory of its own)"),
    ]
    assert list(reading_pairs(silent)) == [("device_memory", "- (a CPU has no memory of its own)")]


def test_a_net_energy_alone_that_is_missing_is_called_by_its_name():
    readings = {"energy_package": Measured(1.0, "J"), "energy_net_package": Unavailable("lost in the noise")}
    one = Measurement(Cell(Workload("mlp"), Setup(), Protocol(energy=SCREENING)), 0, Status.OK, readings=readings)

    assert list(reading_pairs(one)) == [
        ("energy_package", "1.00 J"),
        ("energy_net_package", "- (lost in the noise)"),
    ]


def test_spans_count_from_the_first_of_them():
    spans = [Span(TRIALS, 7 * SECOND, 8 * SECOND, 300), Span(WINDOW, 9 * SECOND, 11 * SECOND)]

    assert list(span_cells(spans)) == [
        ["trials", "0.00 s", "1.00 s", "300"],
        ["energy window", "2.00 s", "2.00 s", ""],
    ]


def test_a_trace_is_one_line_with_what_it_counted_and_the_middle_of_the_rest(board):
    line = dict(zip(TRACE_COLUMNS, trace_cells(board), strict=True))

    assert line["instrument"] == "gpu-0"
    assert line["source"] == "NVML GPU-1234"
    assert (line["rows>"], line["over>"]) == ("20", "9.50 s")
    assert line["read"] == "energy 1900 J, power 200 W, sm_clock 1410 MHz, others 0"


def test_a_trace_without_a_row_and_with_an_instrument_that_went_is_told_too():
    silent = Trace(About("gpu-0", Scope.GPU, "NVML"), np.empty(0, np.int64), {"power": np.empty(0)}, gone="unplugged")

    assert trace_cells(silent) == ["gpu-0", "NVML", "0", "", "gone: unplugged"]
    assert trace_document(silent)["begin_ns"] is None


def test_what_was_never_read_has_no_number_in_the_document(board):
    document = trace_document(board)
    json.dumps(document, allow_nan=False)

    assert document["channels"]["power"] == {"n": 18, "min": 200.0, "median": 200.0, "max": 200.0, "unit": "W"}
    never = trace_document(Trace(board.about, TIMES, {"power": np.full(TIMES.size, np.nan)}))
    assert never["channels"]["power"] == {"n": 0, "min": None, "median": None, "max": None, "unit": "W"}


def test_show_prints_spans_and_traces_where_there_are_some(capsys, monkeypatch, board):
    cell = Cell(Workload("mlp"), Setup(), Protocol())
    plain = Measurement(cell, 0, Status.OK, readings={"energy_gpu": Suspect(0.1, "J", "a doubt")})
    full = Measurement(cell, 0, Status.OK, spans=(Span(TRIALS, 0, SECOND, 300),), traces=(board,))
    monkeypatch.setattr("stopwatt.cli.show.open_store", lambda *_, **__: nullcontext())
    printed = []
    for one in (plain, full):
        monkeypatch.setattr("stopwatt.cli.show._measurement", lambda *_, one=one: one)
        with pytest.raises(SystemExit):
            main(["show", "any"])
        printed.append(capsys.readouterr().out)

    assert "Spans" not in printed[0]
    assert "100 mJ (suspect: a doubt)" in printed[0]
    assert "Spans" in printed[1]
    assert "energy 1900 J" in printed[1]
