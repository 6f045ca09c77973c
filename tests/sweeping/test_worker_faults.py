"""Each fault is planted in a real worker process; the cell gets a name for it, and the other cells go on."""

import os
from pathlib import Path

import numpy as np
import pytest

from stopwatt.errors import ExitCode
from stopwatt.records import Status, Warmup
from stopwatt.reporting.result import PartlyFailed, TimedOut

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("segfault", Status.CRASHED, "SIGSEGV"),
        ("abort", Status.CRASHED, "SIGABRT"),
        ("host_oom", Status.KILLED, "SIGKILL"),
        ("raise", Status.FAILED, "planted failure"),
        ("oom", Status.OUT_OF_MEMORY, "out of memory"),
        ("exit0", Status.NO_RESULT, "exit code 0"),
        ("exit3", Status.NO_RESULT, "exit code 3"),
        ("nan", Status.INVALID, "NaN"),
        ("constant", Status.INVALID, "deviation"),
        ("wrong_shape", Status.INVALID, "shape"),
        ("offset", Status.INVALID, "deviation"),
    ],
)
def test_a_fault_during_the_trials_has_a_name_a_reason_and_a_remedy(run, fault, status, words):
    result, _ = run(params={"fail": fault, "fail_at": 30})
    (row,) = result.rows
    assert row.status is status
    assert words in row.trouble.what
    assert row.trouble.now
    assert row.estimates["latency"].value is None
    with pytest.raises(PartlyFailed) as caught:
        result.raise_for_status()
    assert caught.value.exit_code == ExitCode.PARTLY_FAILED


def test_one_cell_fails_and_the_others_finish(run):
    result, _ = run(params={"fail": "segfault", "fail_at": 10, "fail_batch": 2}, batches=(1, 2, 4))
    assert [row.status for row in result.rows] == [Status.OK, Status.CRASHED, Status.CRASHED]
    assert result.rows[0].estimates["latency"].value > 0


def test_memory_that_runs_out_from_a_batch_on_is_told_with_the_batch(run):
    result, _ = run(params={"fail": "oom", "fail_at": 10, "fail_batch": 4}, batches=(2, 4))
    assert [row.status for row in result.rows] == [Status.OK, Status.OUT_OF_MEMORY]
    assert result.rows[1].cell.setup.batch == 4


def test_inputs_that_memory_cannot_hold_are_refused_before_the_machine_swaps(run):
    result, _ = run(params={"size": 2**16}, batches=(2**20,))
    (row,) = result.rows
    assert row.status is Status.OUT_OF_MEMORY
    assert "smaller batch" in row.trouble.now


def test_the_last_words_of_a_crashed_worker_are_kept(run, stored):
    run(params={"fail": "segfault", "fail_at": 30})
    assert "Segmentation fault" in stored()[-1].log


def test_the_log_of_a_cell_that_raised_holds_the_traceback(run, stored):
    result, _ = run(params={"fail": "raise", "fail_at": 30})
    assert 'raise RuntimeError("planted failure")' in stored()[-1].log
    assert "stopwatt show ID" in result.rows[0].trouble.now


@pytest.mark.parametrize("fault", ["hang", "hang_gil"])
def test_a_hang_ends_at_the_time_limit_and_leaves_no_process(run, fault, eventually):
    result, _ = run(params={"fail": fault, "fail_at": 30}, changes={"timeout_s": 3.0})
    (row,) = result.rows
    assert row.status is Status.TIMEOUT
    assert "3 s" in row.trouble.what
    with pytest.raises(TimedOut) as caught:
        result.raise_for_status()
    assert caught.value.exit_code == ExitCode.TIMEOUT
    assert eventually(lambda: workers() == [])


BRIEF = Warmup(min_calls=3, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.02)
"""Ten calls of 2 ms at most, steady or not."""


def test_trials_finished_before_a_hang_are_kept(run, stored):
    for limit_s in (4.0, 16.0, 64.0):  # a busy machine takes longer until the trials begin
        run(
            params={"fail": "hang", "fail_at": 60, "duration": "2ms"},
            changes={"timeout_s": limit_s, "trials": 1000, "warmup": BRIEF},
        )
        measurement = stored()[-1]
        assert measurement.status is Status.TIMEOUT
        if "latency" in measurement.samples:
            break
    assert 0 < len(measurement.samples["latency"].values) < 60


@pytest.mark.parametrize("fault", ["garbage_stdout", "huge_stdout", "chdir", "sigint_handler"])
def test_what_the_model_does_to_its_process_stays_there(run, stored, fault):
    before = Path.cwd()
    result, _ = run(params={"fail": fault, "fail_at": 15})
    assert [row.status for row in result.rows] == [Status.OK]
    assert Path.cwd() == before
    assert len(stored()[-1].log) < 100_000


def test_results_remembered_by_input_are_flagged(run, undisturbed):
    def attempt():
        result, _ = run(params={"fail": "cached", "fail_at": 1})
        (row,) = result.rows
        assert [counted.note.kind for counted in row.notes if counted.note.kind == "cached-results"]

    undisturbed(attempt)


def test_results_that_become_lazy_in_the_midst_are_flagged(run):
    result, _ = run(params={"fail": "lazy", "fail_at": 25, "duration": "500us"})
    (row,) = result.rows
    (note,) = [counted.note for counted in row.notes if counted.note.kind == "lazy-results"]
    assert "began to return promises" in note.text


def test_a_lazy_result_is_forced_inside_the_timing_and_flagged(run, stored):
    result, _ = run(params={"fail": "lazy", "fail_at": 1, "duration": "500us"})
    (row,) = result.rows
    assert "lazy-results" in [counted.note.kind for counted in row.notes]
    assert row.estimates["latency"].value >= 500e-6
    assert 500_000 <= min(stored()[-1].samples["latency"].values) < 1_000_000, "it is forced once"


def test_a_cell_that_only_fails_is_not_tried_again_in_the_next_round(run):
    result, diary = run(params={"fail": "raise", "fail_at": 10}, changes={"rounds": 3})
    assert len(diary.measurements) == 1
    assert result.rows[0].rounds_failed == 1


def test_the_phases_are_told_in_their_order(run):
    _, diary = run(params={"size": 63})  # of which no other test has left a reference
    wanted = ["reference", "load", "first call", "check", "warm-up", "trials", "throughput"]
    assert [phase for phase in diary.phases if phase in wanted] == wanted


def test_a_planted_duration_is_reported(run, stored):
    result, _ = run(params={"duration": "1ms"}, changes={"rounds": 3, "trials": 100})
    latency, trials = result.rows[0].estimates["latency"], [one.samples["latency"].values for one in stored()]
    medians = [np.median(values) / 1e9 for values in trials]
    assert 1e-3 <= min(medians) <= latency.value <= max(medians)
    assert min(map(min, trials)) < 1.02e6, "one of 300 calls at least was left alone"
    assert latency.rounds == 3


def workers():
    """Worker processes that are children of this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if b"stopwatt.measuring.worker" in command and parent in (os.getpid(), 1):
            found.append(int(folder.name))
    return found
