"""The table as people see it: widths, words, digits, and what is said where a number is missing."""

import io
from dataclasses import replace

import numpy as np
import pytest

from stopwatt.analyse.summary import summarise
from stopwatt.records import (
    Cell,
    Measured,
    Measurement,
    Note,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Trouble,
    Unavailable,
    Workload,
)
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.table import render_bench

DICE = np.random.default_rng(0)


def rounds(setup, milliseconds, *, notes=(), count=3, trials=300):
    """Rounds of one setup whose latency is normal around a value."""
    cell = Cell(Workload("model.py:make", {"hidden": 64}), setup, Protocol(rounds=count))
    return [
        Measurement(
            cell=cell,
            round=number,
            status=Status.OK,
            samples={
                "latency": Samples(np.int64(DICE.normal(milliseconds, 0.01 * milliseconds, trials) * 1e6), "ns"),
                "throughput": Samples(DICE.normal(1000 / milliseconds, 1, 5), "samples/s"),
            },
            readings={
                "host_memory": Measured((100 + number) * 2.0**20, "B"),
                "device_memory": Unavailable("a CPU has no memory of its own"),
                "deviation": Measured(4e-7, "1"),
            },
            notes=notes,
        )
        for number in range(count)
    ]


def failed(setup, status, what, now=""):
    cell = Cell(Workload("model.py:make", {"hidden": 64}), setup, Protocol())
    return [Measurement(cell=cell, round=0, status=status, trouble=Trouble(what, now=now))]


def shown(*measurements):
    rows = summarise([m for group in measurements for m in group])
    stream = io.StringIO()
    render_bench(console_for(stream), rows, (), run="01234567", where="results.db")
    return stream.getvalue()


EAGER = Setup("eager")
FAST = Setup("onnxruntime")


def test_the_fastest_comes_first_and_is_called_best():
    lines = [line for line in shown(rounds(EAGER, 4.0), rounds(FAST, 2.0)).splitlines() if "fp32 " in line]
    data = [line for line in lines if line.startswith(("onnxruntime", "eager"))]
    assert data[0].startswith("onnxruntime")
    assert data[0].split()[-1] == "best"
    assert data[1].split()[-1] == "reference"


def test_setups_that_cannot_be_told_apart_are_tied():
    text = shown(rounds(EAGER, 4.0), rounds(FAST, 4.0))
    assert text.count("tied best") == 2


def test_the_unit_stands_in_the_head_and_not_in_the_cells():
    text = shown(rounds(EAGER, 4.0))
    assert "latency ms" in text
    assert "4.0 ms" not in text


def test_a_tail_that_the_trials_do_not_support_says_how_many_it_needs():
    assert "needs 299" in shown(rounds(EAGER, 4.0, count=1, trials=50))


def test_a_speedup_has_its_interval():
    text = shown(rounds(EAGER, 4.0), rounds(FAST, 2.0))
    assert "2.0" in text
    assert "[1.9" in text or "[2.0" in text


def test_what_failed_stands_below_with_reason_and_remedy_and_equal_reasons_share_a_line():
    text = shown(
        rounds(EAGER, 4.0),
        failed(replace(FAST, precision=Precision.BF16), Status.UNSUPPORTED, "no bf16 kernels", "use fp32"),
        failed(Setup("aoti", precision=Precision.BF16), Status.UNSUPPORTED, "no bf16 kernels", "use fp32"),
        failed(Setup("compile"), Status.CRASHED, "crashed with SIGSEGV", "look at the log"),
    )
    assert text.count("no bf16 kernels") == 1
    assert "onnxruntime bf16, aoti bf16" in text
    assert "crashed: compile fp32: crashed with SIGSEGV" in text
    assert "now: look at the log" in text


def test_a_setup_of_which_some_rounds_failed_has_numbers_and_a_line_below():
    good = rounds(EAGER, 4.0)
    bad = replace(good[0], round=1, status=Status.INVALID, trouble=Trouble("wrong answers: NaN"), id="0" * 32)
    text = shown([good[0], bad, good[2]])
    assert "1 of 3 rounds failed: eager fp32: wrong answers: NaN" in text
    assert "reference" in text


def test_a_warning_is_said_once_with_how_many_setups_have_it_and_marks_their_rows():
    note = Note("no-steady-state", "no steady state within 8 s", now="close other programs")
    text = shown(rounds(EAGER, 4.0, notes=(note,)), rounds(FAST, 2.0))
    assert "1 of 2 setups: no steady state" in text
    marked = [line for line in text.splitlines() if "fp32 !" in line]
    assert len(marked) == 1
    assert marked[0].startswith("eager")


@pytest.mark.parametrize("backend", ["eager", "compile", "a-runtime-with-quite-a-long-name"])
def test_no_line_is_wider_than_the_limit_even_with_long_names_and_intervals(backend):
    setup = Setup(backend, "max-autotune-no-cudagraphs", Precision.BF16)
    text = shown(rounds(EAGER, 123.4), rounds(setup, 234.5))
    assert max(len(line) for line in text.splitlines()) <= WIDTH


def test_a_hostile_name_cannot_give_orders_to_the_terminal():
    cell = Cell(Workload("x\x1b[31m[bold red]evil[/]\n\n.py:f"), EAGER, Protocol())
    text = shown([replace(m, cell=cell) for m in rounds(EAGER, 1.0)])
    assert "\x1b" not in text
    assert "[bold red]evil[/]" in text


def test_piped_output_holds_no_escape_sequences():
    assert "\x1b" not in shown(rounds(EAGER, 4.0), rounds(FAST, 2.0))


def test_the_end_says_where_the_results_are_and_how_to_see_them():
    text = shown(rounds(EAGER, 4.0))
    assert "results.db" in text
    assert "stopwatt show --run 01234567" in text
