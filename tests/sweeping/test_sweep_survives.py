"""What may happen to a sweep in progress, and what it costs: at most the round under way."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from stopwatt import running
from stopwatt.errors import ExitCode, StoreError, UsageError
from stopwatt.records import Process, Status
from stopwatt.store import Access, RunStatus, open_store
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.plan import plan_grid

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from stopwatt.cli import main; main()", "sweep"]
RULES = """
protocol:
  trials: 200
  rounds: 2
  warmup: {min_calls: 1, min_seconds: 0, window_calls: 10, window_seconds: 0, cap_seconds: 100ms}
  throughput_windows: 1
  throughput_seconds: 5ms
"""
GRID = """
workload: synthetic
axes: {threads: 1, batch: [1, 2], size: [8, 16]}
params: {duration: 1ms}
"""


@pytest.fixture
def start():
    """Starts `stopwatt sweep`; whatever still runs at the end is killed."""
    begun = []

    def go(store, *arguments):
        words = [*COMMAND, *arguments, "--allow", "--store", store]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(words, **pipes, start_new_session=True))
        return begun[-1]

    yield go
    for process in begun:
        process.kill()
        process.communicate()


def rounds(store):
    """`(cell, round)` and status of everything saved."""
    with open_store(store, access=Access.READ) as database:
        return [((one.cell, one.round), one.status) for one in database.entries()]


@pytest.fixture
def wait_for(store, eventually):
    """`(count, process)`: waits until so many rounds are saved and a next one is under way; its workers."""

    def saved():
        with suppress(StoreError, UsageError):  # not there yet, or just being made
            return len(rounds(store))
        return 0

    def under_way(count, process):
        eventually(lambda: process.poll() is not None or (saved() >= count and workers_of(process.pid)))
        if process.poll() is not None:
            pytest.fail(f"ended early: {process.communicate()}")
        return workers_of(process.pid)

    return under_way


def workers_of(pid):
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return []
    return [int(word) for word in listed if is_worker(word)]


def is_worker(pid):
    try:
        return b"stopwatt.measuring.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def written(tmp_path):
    """Path of a grid file."""

    def write(text, name="grid.yaml"):
        (tmp_path / name).write_text(text + RULES)
        return str(tmp_path / name)

    return write


def test_killed_interrupted_and_started_again_in_other_words_a_sweep_measures_each_round_once(
    store, start, written, wait_for, eventually
):
    killed = start(store, written(GRID))
    offspring = wait_for(2, killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert offspring
    assert eventually(lambda: not any(map(is_worker, offspring))), "no worker outlives the sweep"
    saved = len(rounds(store))

    other_words = written("workload: synthetic\nparams: {duration: 1ms}", "other.yaml")
    axes = ("--axis", "size=16,8", "--axis", "batch=1..2", "--axis", "threads=1")
    stopped = start(store, other_words, *axes)
    wait_for(saved + 1, stopped)
    stopped.send_signal(signal.SIGINT)
    _, errors = stopped.communicate(timeout=60)
    assert stopped.returncode == ExitCode.INTERRUPTED, errors
    assert f"going on: {saved} of 8 rounds" in errors

    last = start(store, written(GRID), "--json")
    output, errors = last.communicate(timeout=120)
    assert last.returncode == ExitCode.OK, errors
    assert [row["rounds_ok"] for row in json.loads(output)["rows"]] == [2] * 4
    ended = Counter(turn for turn, status in rounds(store) if status is Status.OK)
    assert sorted(ended.values()) == [1] * 8
    assert {status for _, status in rounds(store)} <= {Status.OK, Status.INTERRUPTED}
    with open_store(store, access=Access.READ) as database:
        (run,) = database.runs()
    assert run.status is RunStatus.COMPLETE


def test_two_sweeps_on_one_database_lose_and_double_nothing(tmp_path, start, written):
    store = str(tmp_path / "results.db")
    both = [start(store, written(GRID), "--axis", "size=8") for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == ExitCode.OK, errors
    with open_store(store, access=Access.READ) as database:
        runs = database.runs()
        found = [(one.run, one.cell, one.round) for one in database.entries()]
    assert [run.rounds for run in runs] == [4, 4]
    assert len(found) == len(set(found)) == 8


def test_a_cell_that_crashes_costs_itself_only(tmp_path, start, written):
    store = str(tmp_path / "results.db")
    axes = "axes: {fail: ['', segfault, raise, nan], threads: 1}"
    process = start(store, written(f"workload: synthetic\n{axes}\nparams: {{fail_at: 20}}"), "--json")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == ExitCode.PARTLY_FAILED, errors
    rows = {row["params"]["fail"]: row for row in json.loads(output)["rows"]}
    assert {fail: row["status"] for fail, row in rows.items()} == {
        "": "ok", "segfault": "crashed", "raise": "failed", "nan": "invalid",
    }  # fmt: skip
    assert rows[""]["rounds_ok"] == 2


def grid_of(rules, **axes):
    blocks = [(Axis(name, tuple(values)),) for name, values in axes.items()]
    return Grid(((Axis("workload", ("synthetic",)),), (Axis("threads", (1,)),), *blocks), protocol=rules)


ROUND_PAGES = 16
"""Room for a round of 4000 trials or two, and not for four."""


def test_a_full_disk_costs_the_round_being_saved_and_with_space_the_sweep_goes_on(tmp_path, short, small_disk):
    store = str(tmp_path / "results.db")
    asked = grid_of(short(trials=4000, rounds=4, process=Process.SHARED), duration=["20us"])
    open_store(store).close()
    with sqlite3.connect(store) as empty:
        small_disk[0] = empty.execute("PRAGMA page_count").fetchone()[0] + ROUND_PAGES
    empty.close()
    with pytest.raises(StoreError, match="the disk is full") as full:
        running.run_grid(asked, store=store, allow=True)
    assert "goes on" in full.value.now
    small_disk[0] = 0
    saved = rounds(store)
    assert 0 < len(saved) < 4
    (row,) = running.run_grid(asked, store=store, allow=True).rows
    assert row.rounds_ok == 4
    assert [turn for turn, _ in rounds(store)][: len(saved)] == [turn for turn, _ in saved]
    assert len(rounds(store)) == 4


def test_a_database_that_is_none_is_named_and_left_alone(tmp_path, short):
    store = tmp_path / "results.db"
    store.write_bytes(b"something else" * 100)
    for attempt in (running.run_grid, running.foresee_grid):
        with pytest.raises(StoreError, match="not a results database"):
            attempt(grid_of(short(), batch=[1]), store=str(store))
    assert store.read_bytes() == b"something else" * 100


def test_after_the_models_code_changed_a_sweep_is_another_one(tmp_path):
    file = tmp_path / "model.py"
    asked = Grid(((Axis("workload", (f"{file}:make",)),), (Axis("batch", (1, 2)),)))
    file.write_text("def make():\n    return (lambda x: x * 2), (1,)\n")
    before = plan_grid(asked)
    assert plan_grid(asked).digest == before.digest
    file.write_text("def make():\n    return (lambda x: x * 3), (1,)\n")
    after = plan_grid(asked)
    assert after.digest != before.digest
    assert {cell.key for cell in after.cells}.isdisjoint(cell.key for cell in before.cells)


def test_what_was_asked_for_is_kept_with_the_run(tmp_path, short):
    store = str(tmp_path / "results.db")
    result = running.run_grid(grid_of(short(), batch=[1], duration=["20us"]), store=store, allow=True)
    with open_store(store, access=Access.READ) as database:
        request = database.run(result.run.id).request
    assert request["axes"]["batch"] == [1]
    assert request["deadlines"] == []
    assert request["grid"]["protocol"]["trials"] == 40
