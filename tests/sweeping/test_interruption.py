"""Ctrl-C and kill -9 against the real command, at random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stopwatt import running
from stopwatt.errors import ExitCode
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.records import Status, Trouble
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.execute import _Execution, stoppable
from stopwatt.sweeping.executors.process import Outcome
from stopwatt.sweeping.plan import Plan, Request, make_plan
from stopwatt.sweeping.rounds import LocalRounds
from stopwatt.sweeping.turns import Turn

pytestmark = pytest.mark.slow

COMMAND = ["--backends", "eager", "--threads", "1", "--warmup-cap", "1s"]


def start(store, *arguments, workload="synthetic"):
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from stopwatt.cli import main; main()",
            "bench",
            workload,
            *COMMAND,
            "--allow",
            "--store",
            store,
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def measurements(store):
    with open_store(store) as database:
        return list(database.measurements(Selection()))


MODEL = """
import pathlib, signal, time

calls = 0

def call(x):
    global calls
    calls += 1
    if calls == 9 and {swallows}:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if calls == 1000:
        pathlib.Path({among_trials!r}).touch()
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass
    return x * 2

def make():
    import torch

    return call, (torch.ones(1, 4),)
"""
"""Says when it is among its trials: a second of warm-up has no more than 500 calls."""


@pytest.fixture
def among_trials(tmp_path, eventually):
    """Starts a bench whose trials last 40 s, and waits until they have begun; the process."""

    def begin(store, *, swallows=False):
        marker = tmp_path / "among trials"
        (tmp_path / "model.py").write_text(MODEL.format(swallows=swallows, among_trials=str(marker)))
        process = start(store, "--trials", "20000", "--rounds", "1", workload=f"{tmp_path / 'model.py'}:make")
        eventually(lambda: marker.exists() or process.poll() is not None)
        if not marker.exists():
            process.kill()
            pytest.fail(f"no trial was begun: {process.communicate()}")
        return process

    return begin


def children(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def is_worker(pid):
    try:
        return b"stopwatt.measuring.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_ctrl_c_closes_and_saves_the_round_and_the_next_start_goes_on(tmp_path, among_trials):
    store = str(tmp_path / "results.db")
    process = among_trials(store)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "a second Ctrl-C leaves at once" in errors
    assert "goes on" in errors
    (partial,) = measurements(store)
    assert partial.status is Status.INTERRUPTED
    assert 0 < len(partial.samples["latency"].values) < 20000


def test_a_closed_terminal_costs_nothing_that_was_measured(tmp_path, among_trials):
    store = str(tmp_path / "results.db")
    process = among_trials(store)
    process.stderr.close()  # the terminal is gone before the command hears of it, perhaps twice
    process.send_signal(signal.SIGHUP)
    time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    process.stdout.read()
    assert process.wait(60) == ExitCode.INTERRUPTED
    (partial,) = measurements(store)
    assert partial.status is Status.INTERRUPTED
    assert 0 < len(partial.samples["latency"].values) < 20000


def test_what_was_told_to_outlive_its_terminal_goes_on():
    class Execution:
        stops = 0

        def stop(self):
            self.stops += 1

    execution, before = Execution(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable(execution):
            os.kill(os.getpid(), signal.SIGHUP)
            assert execution.stops == 0
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with stoppable(execution):
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
            assert execution.stops == 1
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_that_dies_of_the_interrupt_is_measured_again(short, tmp_path):
    (cell,) = make_plan(Request(["mlp"], backends=["eager"], protocol=short())).cells
    with open_store(str(tmp_path / "results.db")) as database:
        plan = Plan((cell,), cell.protocol, {})
        run = database.begin_run("bench", plan.digest, "", "0")
        rounds = LocalRounds(plan.protocol.timeout_s)
        execution = _Execution(plan, database, run, running.Silent(), rounds)
        outcome = Outcome(Answer(Status.CRASHED, Trouble("crashed with SIGINT")), "", 1.0)
        job = Job(JobKind.MEASURE, cell, bundle="")
        assert rounds._record(job, outcome, {}).status is Status.CRASHED
        execution.stop()
        database.save(run, rounds._record(job, outcome, {}))
        assert execution._finished() == set()


def test_an_interrupt_between_two_jobs_is_not_forgotten(short):
    asked = Request(["synthetic"], {"duration": "2ms"}, ["eager"], protocol=short(trials=20000))
    (cell,) = make_plan(asked).cells
    rounds = LocalRounds(120.0)
    try:
        rounds._preparation.ready(cell)
        rounds.start(Turn(0, cell, cell.key))
        rounds.interrupt()  # as a signal does that comes before there is a worker
        done = rounds.finished()
    finally:
        rounds.close()
    assert done.measurement.status is Status.INTERRUPTED
    assert done.measurement.samples == {}, "no trial was begun"


def test_a_second_ctrl_c_leaves_at_once_with_a_valid_database(tmp_path, among_trials):
    store = str(tmp_path / "results.db")
    process = among_trials(store, swallows=True)
    process.send_signal(signal.SIGINT)
    time.sleep(1.0)
    assert process.poll() is None, "the worker swallows the first one"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert measurements(store) == [], "who waits for the worker has its round"


def test_after_kill_9_at_random_moments_the_rest_is_measured_once(tmp_path, eventually):
    store = str(tmp_path / "results.db")
    dice = random.Random(0)
    arguments = (
        "-p",
        "duration=2ms",
        "--trials",
        "100",
        "--rounds",
        "2",
        "--batch",
        "1,2,4",
        "--no-baseline",
        "--json",
    )
    for _ in range(3):
        process = start(store, *arguments)
        time.sleep(dice.uniform(1.5, 6.0))
        offspring = children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert eventually(lambda left=offspring: not any(map(is_worker, left)))
    process = start(store, *arguments)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == ExitCode.OK, errors
    rows = json.loads(output)["rows"]
    assert [row["rounds_ok"] for row in rows] == [2, 2, 2]
    turns = [(m.cell.key, m.round) for m in measurements(store)]
    assert len(turns) == len(set(turns)) == 6
