"""Commands as rounds: real processes, each fresh, timed as a whole."""

import errno
import signal
import sys
import threading
from pathlib import Path

import pytest

from stopwatt import comparing
from stopwatt.errors import EnvironmentUnfit, UsageError, WorkloadError
from stopwatt.records import Status
from stopwatt.reporting.comparison import AaResult, CompareResult
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.abba import plan_commands
from stopwatt.sweeping.executors.command import CommandRounds
from stopwatt.sweeping.turns import Turn


@pytest.fixture
def finished():
    """`(command, timeout_s)`: the measurement of one run of it."""

    def run(command, timeout_s=20.0, rounds=None):
        (cell,) = plan_commands([command], 1, 0, timeout_s).cells
        rounds = rounds or CommandRounds(timeout_s)
        rounds.start(Turn(0, cell, cell.key))
        return rounds.finished().measurement

    return run


@pytest.fixture
def diary(tmp_path):
    """A file, and a command that writes a letter into it when it runs."""
    path = tmp_path / "diary"
    return path, lambda letter: f"sh -c 'printf {letter} >> {path}'"


def test_a_command_that_succeeds_is_one_trial_of_its_wall_time(finished):
    measurement = finished("sleep 0.05")

    assert measurement.status is Status.OK
    (wall_ns,) = measurement.samples["latency"].values
    assert wall_ns >= 50_000_000
    assert measurement.cell.workload.label == "command(command=sleep 0.05)"


def test_what_it_prints_is_not_in_the_way_and_its_errors_are_kept(finished):
    measurement = finished("sh -c 'seq 200000; echo careful >&2'")

    assert measurement.status is Status.OK
    assert measurement.log == "careful\n"


def test_a_flood_of_errors_takes_bounded_memory(finished):
    measurement = finished("sh -c 'seq 400000 >&2'")

    assert measurement.status is Status.OK
    assert len(measurement.log) < 70_000
    assert measurement.log.endswith("400000\n")


@pytest.mark.parametrize(
    ("command", "status", "told"),
    [
        ("sh -c 'echo no such model >&2; exit 3'", Status.FAILED, "exit code 3"),
        ("sh -c 'kill -SEGV $$'", Status.CRASHED, "signal SIGSEGV"),
    ],
)
def test_a_command_that_fails_has_no_trial_but_a_reason(finished, command, status, told):
    measurement = finished(command)

    assert measurement.status is status
    assert measurement.samples == {}
    assert told in measurement.trouble.what


def test_a_command_that_hangs_is_ended_with_all_that_it_started(finished, tmp_path, eventually):
    pid = tmp_path / "pid"
    for limit_s in (0.5, 4.0, 32.0):  # a busy machine takes longer until the command has begun
        measurement = finished(f"sh -c 'sleep 60 & echo $! > {pid}; wait'", timeout_s=limit_s)
        assert measurement.status is Status.TIMEOUT
        if pid.exists() and pid.read_text():
            break
    assert eventually(lambda: gone(int(pid.read_text())), 30.0), "by itself it would end after a minute"


def test_what_a_command_leaves_behind_is_ended_with_it(finished, tmp_path, eventually):
    pid = tmp_path / "pid"
    finished(f"sh -c 'sleep 60 > /dev/null 2>&1 & echo $! > {pid}'")

    assert eventually(lambda: gone(int(pid.read_text())), 30.0), "by itself it would end after a minute"


def gone(pid):
    """Whether a process has ended; a killed one may stay a zombie where nobody waits for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_system_that_does_not_tell_when_a_process_ends_is_unfit(monkeypatch):
    def refuse(_pid):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("os.pidfd_open", refuse)
    with pytest.raises(EnvironmentUnfit, match="does not tell when a process ends"):
        CommandRounds(5.0)


def test_an_interrupted_command_is_measured_again_later(finished):
    rounds = CommandRounds(20.0)
    threading.Timer(0.3, rounds.interrupt).start()

    measurement = finished("sleep 30", rounds=rounds)

    assert measurement.status is Status.INTERRUPTED
    assert "start the same command again" in measurement.trouble.now


@pytest.mark.parametrize("warmups", [-1, 1001])
def test_a_number_of_warm_up_runs_that_cannot_be_is_refused(warmups):
    with pytest.raises(UsageError, match="warm-up runs are out of range"):
        plan_commands(["true"], 3, warmups, 5.0)


@pytest.mark.parametrize(
    ("command", "told"),
    [("", "the command is empty"), ("   ", "the command is empty"), ("echo 'x", "cannot read the command")],
)
def test_what_is_no_command_is_refused_before_anything_runs(command, told):
    with pytest.raises(UsageError, match=told):
        plan_commands(["true", command], 3, 1, 5.0)


def test_a_program_that_is_not_there_is_refused_with_its_name(finished):
    with pytest.raises(UsageError, match="cannot be started") as refused:
        finished("no-such-program --fast")
    assert refused.value.when == "no-such-program --fast"


def test_commands_run_in_abba_blocks_after_their_warm_up(diary, tmp_path):
    path, write = diary
    comparing.compare_commands(write("a"), write("b"), rounds=4, warmups=1, store=str(tmp_path / "s.db"), allow=True)

    assert path.read_text() == "ab" + "abba" * 2


def test_a_command_that_fails_in_its_warm_up_ends_everything_with_its_last_lines(tmp_path):
    failing = f"{sys.executable} -c \"import sys; print('no model here', file=sys.stderr); sys.exit(7)\""

    with pytest.raises(WorkloadError, match="exit code 7") as refused:
        comparing.compare_commands("true", failing, rounds=3, store=str(tmp_path / "s.db"), allow=True)

    assert "warm-up run 1" in refused.value.when
    assert "no model here" in refused.value.when
    assert not (tmp_path / "s.db").exists()


def test_a_command_that_fails_now_and_then_is_compared_by_its_good_runs_and_counted(tmp_path):
    count = tmp_path / "count"
    now_and_then = f"sh -c 'echo x >> {count}; test $(wc -l < {count}) != 4 || exit 9'"
    found = comparing.compare_commands("true", now_and_then, rounds=6, store=str(tmp_path / "s.db"), allow=True)

    (row,) = found.comparison.cells
    assert (row.b.rounds, row.b.member.failed) == (5, 1)
    assert row.ratio.rounds == 5
    with pytest.raises(Exception, match="1 rounds gave no value") as raised:
        found.raise_for_status()
    assert "exit code 9" in raised.value.when


def test_a_planted_difference_is_found_and_stored_and_can_be_shown_again(tmp_path):
    store = str(tmp_path / "s.db")
    found = comparing.compare_commands("sleep 0.01", "sleep 0.5", rounds=5, store=store, allow=True)

    (row,) = found.comparison.cells
    assert str(row.ratio.verdict) == "slower"
    assert row.ratio.value > 2
    again = comparing.compare(found.run, store=store)
    assert isinstance(again, CompareResult)
    assert again.to_json() == found.to_json()
    with open_store(store) as database:
        measured = list(database.measurements(Selection(workload="command")))
    assert [len(one.samples["latency"].values) for one in measured] == [1] * 10


def test_the_same_command_twice_is_measured_against_itself(tmp_path):
    found = comparing.compare_commands("true", "true", rounds=3, store=str(tmp_path / "s.db"), allow=True)

    assert isinstance(found, AaResult)
    assert found.calibration.pairs == 3


def test_an_interrupted_comparison_goes_on_where_it_stopped(tmp_path, diary, monkeypatch):
    path, write = diary
    store = str(tmp_path / "s.db")
    finished, calls = CommandRounds.finished, []

    def interrupting(self):
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return finished(self)

    monkeypatch.setattr(CommandRounds, "finished", interrupting)
    with pytest.raises(Exception, match="stopped on request"):
        comparing.compare_commands(write("a"), write("b"), rounds=4, warmups=0, store=store, allow=True)
    found = comparing.compare_commands(write("a"), write("b"), rounds=4, warmups=0, store=store, allow=True)

    assert path.read_text() == "abba" * 2
    assert found.comparison.cells[0].ratio.rounds == 4
    with open_store(store) as database:
        assert len(database.runs()) == 1
