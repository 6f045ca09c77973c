"""What is printed after a sweep: enough to decide on, never more than a screen."""

import io
from itertools import product

import numpy as np
import pytest

from stopwatt.analyse.analysis import analyse
from stopwatt.records import (
    Cell,
    Measurement,
    Note,
    Protocol,
    Samples,
    Setup,
    Status,
    Trouble,
    Workload,
)
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.sweep_table import Ending, render_sweep

RULES = Protocol(rounds=3)
MOST_LINES = 40


def grid(*, hidden=(1, 2, 4, 8), batch=(1, 2, 4), backends=("eager", "onnxruntime"), seq=(10,), without=(), notes=()):
    """Rounds of an LSTM whose latency follows a law; `without` are `(hidden, backend)` that fail."""
    dice = np.random.default_rng(0)
    rounds = []
    for size, steps, count, backend in product(hidden, seq, batch, backends):
        cell = Cell(Workload("lstm", {"hidden": size, "seq": steps}), Setup(backend, batch=count), RULES)
        seconds = 1e-4 * size**1.5 * steps * (1 + 0.2 * count) * (0.5 if backend == "onnxruntime" else 1.0)
        for number in range(3):
            if (size, backend) in without:
                trouble = Trouble(f"out of memory: {backend}", now="use a smaller size")
                rounds.append(Measurement(cell, number, Status.OUT_OF_MEMORY, trouble))
            else:
                trials = np.int64(seconds * 1e9 * np.exp(dice.normal(0, 0.01, 60)))
                samples = {
                    "latency": Samples(trials, "ns"),
                    "throughput": Samples(np.full(5, count / seconds), "samples/s"),
                }
                rounds.append(Measurement(cell, number, Status.OK, samples=samples, notes=notes))
    return rounds


def shown(rounds, notes=()):
    stream = io.StringIO()
    render_sweep(console_for(stream), analyse(rounds), notes, Ending("01234567", "results.db"))
    return stream.getvalue()


def table_of(text):
    """Lines before the findings."""
    return text.partition("\nFindings")[0].splitlines()


def test_few_cells_have_a_line_each_in_the_order_of_their_axes():
    lines = table_of(shown(grid(hidden=(1, 2), batch=(1, 2), backends=("eager",))))
    data = [line.split() for line in lines if line.split()[:2] in [[h, b] for h in "12" for b in "12"]]
    assert [line[:2] for line in data] == [["1", "1"], ["1", "2"], ["2", "1"], ["2", "2"]]
    assert all("[" in " ".join(line) for line in data)
    assert "4 cells: 2 hidden x 2 batch, backend=eager" in lines[1]


def test_many_cells_are_shown_by_the_choice_and_the_size_that_matter_most():
    text = shown(grid())
    assert "latency ms by hidden and backend, geometric mean over batch (3 cells each)" in text
    assert "backend=onnxruntime" in text
    assert "by hidden and batch, geometric mean over backend" in text
    for end in ("lowest latency", "highest latency", "most samples/s"):
        assert end in text


@pytest.mark.parametrize(
    "rounds",
    [
        grid(), grid(hidden=range(1, 61), batch=(1,), backends=("eager",)),
        grid(hidden=range(1, 15), batch=range(1, 9), backends=("eager",)),
        grid(hidden=(1, 2, 4, 8), batch=(1, 2, 4, 8), seq=(10, 20, 40)),
        grid(without={(8, "eager"), (8, "onnxruntime"), (4, "eager"), (2, "eager")}),
        grid(hidden=(1,), batch=(1,), backends=("eager",)),
    ],
)  # fmt: skip
def test_it_fits_a_screen_whatever_the_grid(rounds):
    text = shown(rounds)
    assert len(table_of(text)) <= MOST_LINES
    assert max(len(line.rstrip()) for line in text.splitlines()) <= WIDTH


def test_of_a_long_axis_the_first_and_the_last_are_shown_with_how_many_lie_between():
    text = shown(grid(hidden=range(1, 61), batch=(1,), backends=("eager",)))
    assert "... 40 more" in text
    assert [line for line in text.splitlines() if line.split()[:1] == ["60"]]


def test_of_two_long_axes_some_columns_are_shown_and_how_many_there_are():
    text = shown(grid(hidden=range(1, 13), batch=range(1, 13), backends=("eager",)))
    (head,) = [line for line in text.splitlines() if line.split()[:2] == ["hidden", "batch=1"]]
    assert "by hidden and batch (6 of 12)" in text
    assert head.split() == ["hidden", *(f"batch={number}" for number in (1, 3, 5, 8, 10, 12))]
    assert "... 2 more" in text


def test_a_pivot_says_where_fewer_combinations_could_be_compared():
    text = shown(grid(hidden=(1, 2, 4, 8, 16), without={(16, "eager")}))
    (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["16"] and len(line.split()) == 4]
    assert row == ["16", "-", "-", "0"]
    assert "cells each" in text


def test_what_failed_is_said_once_for_each_reason_with_a_place_and_the_remedy():
    text = shown(grid(without={(8, "eager")}))
    assert "out_of_memory: 3 cells, such as hidden=8, backend=eager, batch=1: out of memory: eager" in text
    assert text.count("now: use a smaller size") == 1
    assert "21 of 24 cells measured" in text


def test_a_sweep_of_which_nothing_was_measured_says_why():
    text = shown(grid(hidden=(8,), backends=("eager",), without={(8, "eager")}))
    assert "0 of 3 cells measured" in text
    assert "out of memory" in text
    assert "Findings" not in text


def test_findings_are_printed_and_warnings_stand_below_with_what_to_do():
    note = Note("no-steady-state", "no steady state within 8 s", now="close other programs")
    text = shown(grid(notes=(note,)))
    findings = text.partition("\nFindings")[2]
    assert "onnxruntime is faster than eager" in findings
    assert findings.count("no steady state within 8 s") == 1
    assert "now: close other programs" in findings


def test_reasons_that_have_lines_below_are_not_counted_among_the_findings():
    rounds = grid(hidden=(1, 2, 4), batch=(1,), backends=("eager",))
    cells = [Cell(Workload("lstm", {"hidden": size, "seq": 10}), Setup("eager"), RULES) for size in range(8, 16)]
    failed = [Measurement(cell, 0, Status.FAILED, Trouble(f"reason {place}")) for place, cell in enumerate(cells)]
    text = shown([*rounds, *failed])
    assert "5 more reasons, 5 cells" in text
    assert "more findings like it" not in text


def test_one_cell_is_not_called_cells():
    assert "1 cell, backend=eager" in shown(grid(hidden=(1,), batch=(1,), backends=("eager",)))


def test_notes_of_the_machine_are_printed():
    assert "the governor is slow" in shown(grid(), (Note("governor", "the governor is slow", now="make it faster"),))


def test_the_end_names_the_run_and_the_next_command():
    assert shown(grid()).rstrip().endswith("now: stopwatt report --run 01234567, or stopwatt show --run 01234567")


def test_a_hostile_name_cannot_give_orders_to_the_terminal():
    rounds = grid(hidden=(1, 2), batch=(1,), backends=("eager",))
    hostile = [
        Measurement(
            Cell(Workload("x\x1b[31m[bold red]evil[/].py:f", one.cell.workload.params), one.cell.setup, RULES),
            one.round, one.status, samples=one.samples,
        )
        for one in rounds
    ]  # fmt: skip
    text = shown(hostile)
    assert "\x1b" not in text
    assert "[bold red]evil[/]" in text
