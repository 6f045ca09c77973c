"""`stopwatt meter -- COMMAND`: the command runs as if it had been started by itself."""

import json
import os
import signal
import subprocess
import sys

import pytest

from stopwatt.errors import UsageError
from stopwatt.metering.command import FORWARDED, NotStarted, run_command
from stopwatt.metering.traces import check_trace_path

PYTHON = sys.executable
SLEEPS = "import time; print('ready', flush=True); time.sleep(60)"
TELLS = (
    "import signal, sys, time\n"
    "signal.signal(signal.{0}, lambda *_: sys.exit(7))\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)


def test_output_and_exit_code_are_those_of_the_command(metered):
    done = metered("--", PYTHON, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.startswith("err\n")
    assert "exit code 3" in done.stderr


def test_a_command_reads_our_standard_input(metered):
    assert metered("--quiet", "--", "cat", stdin=None, input="a\nb\n").stdout == "a\nb\n"


def test_options_behind_the_hyphens_belong_to_the_command(metered):
    words = ["--json", "x", "--help", "--debug", "--", "", "[1]"]
    done = metered("--quiet", "--", PYTHON, "-c", "import sys; print(sys.argv[1:])", *words)
    assert done.stdout == f"{words}\n"


def test_descriptors_that_were_handed_to_us_are_handed_on(capfd):
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    os.set_inheritable(reading, True)
    assert run_command(["cat", f"/dev/fd/{reading}"]).code == 0
    os.close(reading)
    assert capfd.readouterr().out == "through a pipe"


def test_a_command_that_dies_of_a_signal_ends_with_128_and_its_number():
    assert run_command(["sh", "-c", "kill -KILL $$"]).code == 128 + signal.SIGKILL


def test_a_broken_pipe_ends_the_command_as_usual():
    assert run_command(["sh", "-c", "kill -PIPE $$"]).code == 128 + signal.SIGPIPE


def test_handlers_are_as_before_when_the_command_has_ended():
    before = [signal.getsignal(number) for number in (*FORWARDED, signal.SIGCHLD)]
    run_command(["true"])
    with pytest.raises(NotStarted):
        run_command(["no-such-program"])
    assert [signal.getsignal(number) for number in (*FORWARDED, signal.SIGCHLD)] == before


def test_signals_that_were_ignored_where_we_started_stay_ignored(capfd):
    asks = [PYTHON, "-c", "import signal; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"]
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run_command(asks)
    finally:
        signal.signal(signal.SIGHUP, before)
    run_command(asks)
    assert capfd.readouterr().out == "True\nFalse\n"


def test_a_command_that_may_not_be_run_is_126(tmp_path):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(NotStarted) as refused:
        run_command([str(tmp_path / "text")])
    assert refused.value.exit_code == 126


def test_no_command_is_a_usage_error():
    with pytest.raises(UsageError, match="stopwatt meter -- sleep 1"):
        run_command([])


def test_who_looks_is_asked_no_more_often_than_agreed():
    looks = []
    ended = run_command(["sleep", "0.5"], look=lambda: looks.append(1), every_s=0.1)
    assert 1 <= len(looks) <= (ended.end_ns - ended.begin_ns) / 1e8


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_that_only_we_get_reaches_the_command(started, name):
    process = started("--", PYTHON, "-c", TELLS.format(name))
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 7
    assert "exit code 7" in errors


def test_a_command_that_does_not_handle_the_signal_ends_by_it(started):
    process = started("--", PYTHON, "-c", SLEEPS)
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "time" in errors


def test_a_command_that_ignores_interrupts_is_metered_to_its_end(started):
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    reading, writing = os.pipe()
    process = started("--", PYTHON, "-c", script, stdin=reading)
    os.close(reading)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    os.write(writing, b"go on\n")
    os.close(writing)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "exit code 0" in errors


def test_a_command_that_is_not_there_is_127_in_three_parts(metered):
    done = metered("--", "no-such-program", "-x")
    assert done.returncode == 127
    assert "cannot be started: No such file" in done.stderr
    assert "when: no-such-program" in done.stderr
    assert "now:  check its name" in done.stderr


def test_much_output_passes_through(metered, tmp_path):
    script = "import sys\nblock = b'x' * (1 << 20)\nfor _ in range(1024): sys.stdout.buffer.write(block)"
    counted = tmp_path / "counted"
    with subprocess.Popen(["wc", "-c"], stdin=subprocess.PIPE, stdout=counted.open("w")) as counting:
        done = metered("--", PYTHON, "-c", script, stdout=counting.stdin)
        counting.stdin.close()
    assert int(counted.read_text()) == 1 << 30
    assert "exit code 0" in done.stderr


def test_the_document_follows_the_output_where_that_is_asked_for(metered):
    done = metered("--json", "-", "--quiet", "--", "echo", "out")
    first, _, document = done.stdout.partition("\n")
    assert first == "out"
    assert json.loads(document)["exit_code"] == 0
    assert done.stderr == ""


def test_nothing_is_drawn_where_nobody_looks_on_a_terminal(metered):
    assert "\x1b" not in metered("--", "sleep", "0.6").stderr


def test_files_that_could_not_be_written_are_refused_before_the_command_runs(metered, tmp_path):
    there = tmp_path / "there.json"
    there.write_text("old")
    assert metered("--json", str(there), "--", "touch", str(tmp_path / "ran")).returncode == 2
    for name in ("trace.xyz", "no-folder/trace.csv", "."):
        with pytest.raises(UsageError):
            check_trace_path(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    assert there.read_text() == "old"


def test_a_file_is_replaced_when_asked(metered, tmp_path):
    there = tmp_path / "there.json"
    there.write_text("old")
    assert metered("--json", str(there), "--force", "--", "true").returncode == 0
    assert json.loads(there.read_text())["command"] == ["true"]
