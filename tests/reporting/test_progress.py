import io

import pytest
from rich.console import Console

from stopwatt.records import Cell, Measurement, Protocol, Setup, Status, Trouble, Workload
from stopwatt.reporting.console import THEME
from stopwatt.reporting.progress import ProgressLine, show_progress

CELL = Cell(Workload("lstm"), Setup("openvino", batch=8), Protocol())


def line(terminal):
    stream = io.StringIO()
    return ProgressLine(Console(file=stream, force_terminal=terminal, width=120, theme=THEME)), stream


def play(watcher, status=Status.OK):
    watcher.begin(10, 4)
    watcher.turn(CELL, 1)
    watcher.phase("warm-up")
    watcher.saved(Measurement(cell=CELL, round=1, status=status, trouble=Trouble("it broke")), 5, 1, 61.0)
    watcher.end()


def test_a_terminal_sees_what_is_done_what_failed_what_is_left_and_what_is_measured_now():
    watcher, stream = line(terminal=True)
    play(watcher)
    text = stream.getvalue()
    for part in ("4/10", "5/10", "61 s left", "1 failed", "openvino", "round 2", "warm-up"):
        assert part in text


def test_a_pipe_sees_no_progress_but_failures_and_that_a_run_goes_on():
    watcher, stream = line(terminal=False)
    play(watcher, Status.CRASHED)
    text = stream.getvalue()
    assert "going on: 4 of 10" in text
    assert "crashed - it broke" in text
    assert "\x1b" not in text
    assert "warm-up" not in text


def test_that_a_run_goes_on_is_said_once_though_rounds_are_added_later():
    watcher, stream = line(terminal=False)
    watcher.begin(10, 4)
    watcher.begin(20, 10)
    assert stream.getvalue().count("going on") == 1


def test_a_round_that_was_interrupted_on_request_is_no_failure():
    watcher, stream = line(terminal=False)
    play(watcher, Status.INTERRUPTED)
    assert "it broke" not in stream.getvalue()


def test_nothing_is_redrawn_by_a_timer():
    watcher, _ = line(terminal=True)
    assert watcher._progress.live.auto_refresh is False


def begin_and_fail(stream):
    with show_progress(Console(file=stream, force_terminal=True)) as watcher:
        watcher.begin(2, 0)
        raise ZeroDivisionError


def test_an_exception_leaves_the_terminal_in_order():
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError):
        begin_and_fail(stream)
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is shown again


def test_what_looks_like_markup_is_text():
    watcher, stream = line(terminal=False)
    watcher.begin(1, 0)
    trouble = Trouble("shapes [1, 2] and [/bold] \x1b[31m do not fit")
    watcher.saved(Measurement(cell=CELL, round=0, status=Status.FAILED, trouble=trouble), 1, 1, None)
    assert "shapes [1, 2] and [/bold] \\x1b[31m do not fit" in stream.getvalue()


def failed(watcher, what, number=0):
    measurement = Measurement(cell=CELL, round=number, status=Status.FAILED, trouble=Trouble(what))
    watcher.saved(measurement, number, number, None)


def test_equal_failures_of_many_cells_are_printed_once_with_their_number_at_the_end():
    watcher, stream = line(terminal=False)
    watcher.begin(100, 0)
    for number in range(42):
        failed(watcher, "it broke", number)
    watcher.end()
    assert stream.getvalue().count("it broke") == 2
    assert "42 rounds in all: failed - it broke" in stream.getvalue()


def test_ever_different_failures_do_not_flood_the_terminal():
    watcher, stream = line(terminal=False)
    watcher.begin(1000, 0)
    for number in range(1000):
        failed(watcher, f"it broke in way {number}", number)
    watcher.end()
    assert len(stream.getvalue().splitlines()) < 30
    assert "990 rounds in all: for other reasons" in stream.getvalue()


def test_the_last_finding_stays_until_there_is_another():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, theme=THEME)
    says = iter(["5 % of trials at 2 x", ""])
    watcher = ProgressLine(console, lambda _: next(says))
    watcher.begin(10, 0)
    good = Measurement(cell=CELL, round=0, status=Status.OK)
    watcher.saved(good, 1, 0, None)
    stream.truncate(0)
    watcher.saved(good, 2, 0, None)
    assert "last: 5 % of trials at 2 x" in stream.getvalue()
    watcher.end()


def test_what_is_measured_now_is_told_with_the_parameters_that_differ():
    watcher, stream = line(terminal=True)
    watcher.begin(1, 0)
    watcher.turn(Cell(Workload("lstm", {"hidden": 64, "layers": 3}), Setup(), Protocol()), 0)
    watcher.end()
    assert "lstm(hidden=64)" in stream.getvalue()
