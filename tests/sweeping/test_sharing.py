"""Cells of one kind may be measured by one process, one after another; a new round means a new process."""

import os
import signal
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from stopwatt import running
from stopwatt.measuring.job import Job, JobKind
from stopwatt.records import Process, Status, Unavailable
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.sweeping.rounds import LocalRounds
from stopwatt.sweeping.sharing import group_of
from stopwatt.sweeping.turns import Turn

if TYPE_CHECKING:
    from stopwatt.sweeping.executors.process import ProcessExecutor

pytestmark = pytest.mark.slow


def cells(short, workload="synthetic", *, backends=("eager",), batches=(1, 2, 3), process=Process.SHARED, **params):
    asked = Request([workload], params, backends, batches=batches, threads=1, protocol=short(process=process))
    return [cell for cell in make_plan(asked).cells if cell.setup.backend in backends]


def test_cells_of_one_backend_share_a_process_and_those_of_another_do_not(short):
    eager, onnx = cells(short, "mlp", backends=("eager", "onnxruntime"), batches=(1,))
    (again,) = cells(short, "lstm", backends=("eager",), batches=(8,))
    assert group_of(JobKind.MEASURE, eager) == group_of(JobKind.MEASURE, again) != ""
    assert group_of(JobKind.MEASURE, onnx) not in {"", group_of(JobKind.MEASURE, eager)}
    assert group_of(JobKind.REFERENCE, eager) == group_of(JobKind.REFERENCE, onnx)


def test_nothing_is_shared_unless_the_protocol_says_so(short):
    (cell,) = cells(short, "mlp", batches=(1,), process=Process.FRESH)
    assert {group_of(kind, cell) for kind in JobKind} == {""}


def test_what_may_leave_traces_has_a_process_of_its_own(short, tmp_path):
    (tmp_path / "model.py").write_text(
        "import torch\ndef make():\n    return torch.nn.Linear(4, 2), (torch.ones(3, 4),)"
    )
    (foreign,) = cells(short, f"{tmp_path / 'model.py'}:make", batches=(3,))
    (failing,) = cells(short, fail="nan", batches=(1,))
    (compiled,) = cells(short, "mlp", backends=("compile",), batches=(1,))
    assert [group_of(JobKind.MEASURE, cell) for cell in (foreign, failing, compiled)] == ["", "", ""]


def test_the_rounds_of_a_grid_are_measured_by_one_process_each(run):
    result, diary = run(batches=(1, 2, 3), changes={"process": Process.SHARED, "rounds": 2})
    assert all(row.status is Status.OK for row in result.rows)
    by_round = defaultdict(list)
    for measurement in diary.measurements:
        by_round[measurement.round].append(measurement.facts["cells_before"])
    assert by_round == {0: [0, 1, 2], 1: [0, 1, 2]}


def test_a_cell_that_was_not_the_first_of_its_process_has_neither_cold_start_nor_memory(run):
    _, diary = run(batches=(1, 2), changes={"process": Process.SHARED, "rounds": 1})
    first, second = diary.measurements
    assert not isinstance(first.readings["cold_start"], Unavailable)
    assert "other cells" in second.readings["cold_start"].why
    assert "other cells" in second.readings["host_memory"].why
    assert ("start" in first.phases, "start" in second.phases) == (True, False)


def test_a_worker_that_failed_is_not_used_again(short):
    good, other = cells(short, batches=(1, 2))
    (bad,) = cells(short, fail="raise", fail_at=5, batches=(1,))
    rounds = LocalRounds(60.0)
    executor, finished = rounds._executor, []
    try:
        for cell in (good, bad, other):
            rounds._preparation.ready(cell)
            job = Job(JobKind.MEASURE, cell, bundle=str(rounds._preparation.bundle(cell)))
            finished.append(executor.run(job, 60.0, "everything").answer)
            assert ("everything" in executor._kept) is (cell is not bad)
    finally:
        rounds.close()
    assert [answer.status for answer in finished] == [Status.OK, Status.FAILED, Status.OK]
    assert [answer.facts.get("cells_before") for answer in finished][::2] == [0, 0]


def test_a_waiting_worker_that_was_killed_is_replaced(short):
    first, second = cells(short, batches=(1, 2))
    rounds = LocalRounds(60.0)
    try:
        rounds.start(Turn(0, first, first.key))
        assert rounds.finished().measurement.status is Status.OK
        for worker in rounds._executor._kept.values():
            os.killpg(worker._process.pid, signal.SIGKILL)
            worker._process.wait()
        rounds.start(Turn(0, second, second.key))
        measurement = rounds.finished().measurement
        assert (measurement.status, measurement.facts["cells_before"]) == (Status.OK, 0)
    finally:
        rounds.close()


def test_closing_leaves_no_process_behind(short):
    (cell,) = cells(short, batches=(1,))
    rounds = LocalRounds(60.0)
    rounds.start(Turn(0, cell, cell.key))
    rounds.finished()
    waiting = [worker._process for worker in rounds._executor._kept.values()]
    assert waiting
    assert all(process.poll() is None for process in waiting)
    rounds.close()
    assert all(process.poll() is not None for process in waiting)


def test_only_so_many_workers_wait(short, monkeypatch):
    monkeypatch.setattr("stopwatt.sweeping.executors.process.MOST_KEPT", 1)
    (cell,) = cells(short, batches=(1,))
    rounds = LocalRounds(60.0)
    try:
        rounds._preparation.ready(cell)
        job = Job(JobKind.MEASURE, cell, bundle=str(rounds._preparation.bundle(cell)))
        executor: ProcessExecutor = rounds._executor
        executor.renew()
        for group in ("one", "two"):
            assert executor.run(job, 60.0, group).answer.status is Status.OK
        assert list(executor._kept) == ["two"]
    finally:
        rounds.close()


def test_an_interrupted_round_of_a_shared_process_is_closed_and_saved(short, tmp_path):
    class Stopper(running.Silent):
        def phase(self, name):
            if name == "trials":
                os.kill(os.getpid(), signal.SIGINT)

    asked = Request(
        ["synthetic"], {"duration": "1ms"}, ["eager"], batches=(1, 2), threads=1,
        protocol=short(process=Process.SHARED, trials=5000, trial_seconds=None),
    )  # fmt: skip
    store = str(tmp_path / "results.db")
    with pytest.raises(running.Interrupted):
        running.run_request(asked, store=store, watcher=Stopper(), allow=True)
    with running.open_store(store) as database:
        (entry,) = database.entries()
    assert entry.status is Status.INTERRUPTED
