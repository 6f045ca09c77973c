"""The line at the bottom of a terminal on which another program writes."""

import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from stopwatt.reporting.bottomline import BottomLine

ROWS, COLUMNS = 24, 90
SHOWS = (
    "import sys\n"
    "from stopwatt.reporting.bottomline import BottomLine\n"
    "line = BottomLine(sys.stderr)\n"
    "for text in sys.argv[1:]:\n"
    "    line.show(text)\n"
    "line.close()\n"
)
OWN_TERMINAL = (
    "import os, sys, fcntl, termios\n"
    "os.setsid()\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)


def on_a_terminal(command, keys=b"", wait_for=b"", **environment):
    """What a program writes on a terminal of its own, and its exit code; the keys are pressed once it wrote a text."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *command], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            seen += os.read(ours, 1 << 16)
        except OSError:
            break
        if keys and wait_for in seen:
            os.write(ours, keys)
            keys = b""
    os.close(ours)
    return seen.decode(), process.wait(timeout=30)


def test_the_line_stands_in_the_last_row_and_the_cursor_returns():
    seen, code = on_a_terminal([sys.executable, "-c", SHOWS, "first", "second"])
    assert code == 0
    drawn = re.findall(rf"\x1b7\x1b\[1;{ROWS - 1}r\x1b\[{ROWS};1H[^\x1b]*(?:\x1b\[0;2m)?\x1b\[2K(\w+)\x1b8", seen)
    assert drawn == ["first", "second"]


def test_the_whole_terminal_scrolls_again_afterwards():
    seen, _ = on_a_terminal([sys.executable, "-c", SHOWS, "x"])
    assert seen.rfind("\x1b[r") > seen.rfind(f"\x1b[1;{ROWS - 1}r")
    assert seen.endswith("\x1b[2K\x1b8")


def test_a_long_line_and_one_that_would_move_the_cursor_stay_in_their_row():
    seen, _ = on_a_terminal([sys.executable, "-c", SHOWS, "y" * 500, "a\nb\x1b[H"])
    assert "y" * (COLUMNS - 1) in seen
    assert "y" * COLUMNS not in seen
    assert "a b\\x1b[H" in seen


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_is_left_alone(environment):
    seen, code = on_a_terminal([sys.executable, "-c", SHOWS, "x"], **environment)
    assert (seen, code) == ("", 0)


def test_what_is_no_terminal_is_left_alone(tmp_path):
    with Path(tmp_path / "piped").open("w+") as file:
        line = BottomLine(file)
        line.show("x")
        line.close()
        assert not line.possible
        assert file.read() == ""
    assert not BottomLine(io.StringIO()).possible


def test_a_metered_command_has_a_line_that_is_drawn_at_most_four_times_a_second():
    command = [sys.executable, "-m", "stopwatt", "meter", "--", "sleep", "1.5"]
    seen, code = on_a_terminal(command, STOPWATT_METERS="process")
    drawn = seen.count(f"\x1b[{ROWS};1H") - 1  # the last one removes it
    lasted = float(re.search(r"time +(\d+\.\d+) s", seen)[1])
    assert code == 0
    assert 1 <= drawn <= lasted / 0.25
    assert " cores · " in seen
    assert seen.rfind("\x1b[r") < seen.rfind("exit code 0")


def test_keys_reach_the_command_once_and_its_end_is_ours():
    script = (
        "import signal, time\n"
        "heard = []\n"
        "signal.signal(signal.SIGINT, lambda *_: heard.append(1))\n"
        "print('ready', flush=True)\n"
        "until = time.monotonic() + 1.5\n"
        "while time.monotonic() < until: time.sleep(0.1)\n"
        "print('heard', len(heard), flush=True)\n"
        "raise SystemExit(5)\n"
    )
    command = [sys.executable, "-m", "stopwatt", "meter", "--quiet", "--", sys.executable, "-c", script]
    seen, code = on_a_terminal(command, keys=b"\x03", wait_for=b"ready", STOPWATT_METERS="null")
    assert "heard 1" in seen
    assert code == 5
