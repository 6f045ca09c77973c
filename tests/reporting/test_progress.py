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
