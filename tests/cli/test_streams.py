"""What the command does where its output cannot be written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stopwatt.cli import main
from stopwatt.errors import ExitCode
from stopwatt.store import open_store

COMMAND = [sys.executable, "-c", "from stopwatt.cli import main; main()"]


def run(words, **streams):
    return subprocess.run([*COMMAND, *words], stderr=subprocess.PIPE, text=True, check=False, **streams)


@pytest.mark.parametrize("words", [["--help"], ["bench", "--help"], ["workloads"], ["workloads", "--json"]])
def test_a_reader_that_has_seen_enough_is_no_failure(words):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(words, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")


@pytest.mark.parametrize("words", [["workloads"], ["workloads", "--json"]])
def test_a_full_disk_under_the_output_is_named(words):
    with Path("/dev/full").open("w") as full:
        done = run(words, stdout=full)
    assert done.returncode == ExitCode.PARTLY_FAILED
    assert "No space left on device" in done.stderr
    assert "now:" in done.stderr
    assert "fault of stopwatt" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_that_nobody_hears_keeps_its_exit_code():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "show", "--no-such-option"], stderr=full, check=False)
        assert done.returncode == ExitCode.USAGE
        done = subprocess.run([*COMMAND, "sweep", "no-such-model"], stderr=full, check=False)
        assert done.returncode == ExitCode.USAGE


@pytest.mark.slow
def test_a_sweep_goes_on_when_nobody_looks_at_its_progress(tmp_path):
    store = str(tmp_path / "results.db")
    (tmp_path / "grid.yaml").write_text(
        "workload: synthetic\n"
        "axes: {threads: 1, batch: [1, 2], fail: ['', raise]}\n"
        "params: {duration: 100us, fail_at: 9}\n"
        "protocol:\n"
        "  {rounds: 1, trials: 30, throughput_windows: 1, throughput_seconds: 5ms,\n"
        "   warmup: {min_calls: 1, min_seconds: 0, window_calls: 10, window_seconds: 0, cap_seconds: 100ms}}\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    words = [*COMMAND, "sweep", str(tmp_path / "grid.yaml"), "--allow", "--store", store, "--json"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=writing, text=True, check=False)
    os.close(writing)
    assert done.returncode == ExitCode.PARTLY_FAILED
    assert sorted(row["status"] for row in json.loads(done.stdout)["rows"]) == ["failed", "failed", "ok", "ok"]


def test_who_interrupts_a_verb_is_told_what_became_of_the_results(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("stopwatt.cli.show.open_store", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["show"])
    assert ended.value.code == ExitCode.INTERRUPTED
    assert "interrupted; everything measured so far is saved" in capsys.readouterr().err


def test_closed_streams_are_no_failure():
    script = f'exec {sys.executable} -c "from stopwatt.cli import main; main()" workloads >&- 2>&-'
    assert subprocess.run(["bash", "-c", script], check=False).returncode == ExitCode.OK


def test_a_character_that_the_encoding_lacks_is_escaped(tmp_path):
    store = str(tmp_path / "results.db")
    with open_store(store) as database:
        database.begin_run("stopwatt bench", "plan", "gel\u00f6st", "0")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = run(["show", "--store", store], stdout=subprocess.PIPE, env=environment)
    assert done.returncode == ExitCode.OK
    assert "gel\\xf6st" in done.stdout
