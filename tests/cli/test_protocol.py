"""What `stopwatt protocol` answers to good and bad requests, and that Ctrl-C costs it at most a round."""

import json
import os
import signal
import subprocess
import sys

import pytest

from stopwatt.cli import main
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.store import Access, open_store


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run `stopwatt protocol` in an empty folder; `(exit code, standard output, standard error)`."""
    monkeypatch.chdir(tmp_path)

    def go(*words):
        with pytest.raises(SystemExit) as stop:
            main(["protocol", *words])
        output = capsys.readouterr()
        return stop.value.code, output.out, output.err

    return go


@pytest.mark.parametrize(
    ("words", "what", "now"),
    [
        ([], "", ""),
        (["lstmm"], "unknown workload 'lstmm'", "lstm"),
        (["lstm", "mlp"], "", ""),
        (["lstm", "--backend", "eager,onnxruntime"], "unknown backend", ""),
        (["lstm", "--backend", "auto"], "one workload in one setup", "name one backend"),
        (["lstm", "-p", "hidden"], "cannot read the parameter", "NAME=VALUE"),
        (["lstm", "--factor", "synch"], "unknown factor 'synch'", "sync"),
        (["lstm", "--level", "timer"], "cannot read the levels", "--level timer=time"),
        (["lstm", "--level", "timer="], "timer has no levels", "at least one"),
        (["lstm", "--level", "timer=time", "--level", "timer=benchmark"], "given twice", "once"),
        (["lstm", "--level", "timer=evnts"], "unknown level of timer", "events"),
        (["lstm", "--level", "timer=events"], "reads the clock of a GPU", "another setup"),
        (["lstm", "--way", "sync=none timer=events", "--device", "cpu"], "reads the clock of a GPU", "another setup"),
        (["lstm", "--way", "sync=none", "--full"], "exclude each other", "name the ways"),
        (["lstm", "--full", "--interactions", "none"], "exclude each other", "one of them"),
        (["lstm", "--full"], "10367 ways here, which is too many", "--factor"),
        (["lstm", "--repeats", "0"], "--repeats 0 is out of range", "1 to"),
        (["lstm", "--calls", "-1"], "--calls -1 is out of range", "1 to"),
        (["lstm", "--seed", "-1"], "seed -1 is out of range", ""),
        (["lstm", "--timeout", "soon"], "cannot read 'soon'", "min"),
        (["lstm", "--interactions", "some"], "", ""),
    ],
)
def test_a_request_that_cannot_be_met_says_what_and_what_now(call, tmp_path, words, what, now):
    code, out, err = call(*words, "--threads", "2") if words else call()
    assert code == ExitCode.USAGE
    assert what in err
    assert now in err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_the_ways_the_contradictions_the_rounds_and_an_honest_time(call, tmp_path):
    code, out, _ = call("lstm", "--factor", "warmup,sync,timer", "--repeats", "4", "--dry-run")
    assert code == ExitCode.OK
    assert "6 ways in 8 rounds: 2 of them start cold" in out
    assert "  warmup=none\n" in out
    assert "timer=events reads the clock of a GPU" in out
    assert "20 ways in 56 rounds" in out
    assert "time: at least" in out
    assert "nothing was measured" in out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_as_json_says_the_same(call):
    code, out, _ = call("lstm", "--factor", "warmup,sync,timer", "--repeats", "4", "--dry-run", "--json")
    document = json.loads(out)
    assert code == ExitCode.OK
    assert (len(document["ways"]), document["rounds"], document["then"][0]["rounds"]) == (6, 8, 56)
    assert document["estimate"]["likely"] is None
    assert document["estimate"]["low"] > 0


def test_a_full_factorial_has_one_stage(call):
    _, out, _ = call("lstm", "--factor", "warmup,sync,timer", "--full", "--dry-run")
    assert "20 ways in 70 rounds" in out
    assert "Not tried: 6 combinations" in out
    assert "then" not in out


COMMAND = [
    "protocol", "synthetic", "-p", "duration=100us", "--threads", "1", "--way", "sync=end", "--way", "inputs=zeros",
    "--repeats", "4", "--warmup-cap", "100ms", "--calls", "20", "--allow", "--json",
]  # fmt: skip


def start(store):
    words = [sys.executable, "-c", "from stopwatt.cli import main; main()", *COMMAND, "--store", str(store)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
def test_ctrl_c_costs_at_most_a_round_and_the_same_command_goes_on(tmp_path, eventually):
    store = tmp_path / "results.db"
    process = start(store)
    assert eventually(lambda: rounds_in(store) or process.poll() is not None)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED, errors
    assert "start the same command again" in errors
    kept = rounds_in(store)
    assert kept >= 1
    process = start(store)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == ExitCode.OK, errors
    assert "going on" in errors
    (study,) = json.loads(out)["studies"]
    assert study["rounds_ok"] == 4
    assert {effect["way"]: effect["rounds"] for effect in study["effects"]} == {"sync=end": 4, "inputs=zeros": 4}
    with open_store(store, access=Access.READ) as database:
        assert len(database.runs()) == 1


def rounds_in(store):
    try:
        with open_store(store, access=Access.READ) as database:
            return sum(run.rounds for run in database.runs())
    except StopwattError:  # it is not there yet
        return 0
