"""What a job's answer, or the lack of one, means for each of its operators."""

import pytest

from stopwatt.energy import EnergyRules
from stopwatt.errors import StopwattError
from stopwatt.measuring.job import Answer
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.replay import Mode, Place, Replay, ReplayRules
from stopwatt.ops.jobs import Jobs, conclude
from stopwatt.ops.queue import Task
from stopwatt.records import Status, Trouble
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.sweeping.metering import Instruments

MODES = (Mode.REUSE, Mode.STREAM)
A, B, C = (Operator("aten.relu.default", (Tensor((number + 1,)),), ({"tensor": 0},)) for number in range(3))
TASKS = tuple(Task(one, MODES) for one in (A, B, C))
SENTINEL = "sentinel"
CRASH = Trouble("crashed with SIGSEGV", now="the end of the log shows the stack")


def replays(*operators, modes=MODES):
    return tuple(Replay(one.key, mode, Status.OK) for one in operators for mode in modes)


def sentinel():
    return Replay(SENTINEL, Mode.REUSE, Status.OK)


def hear(answer, running=None, **how):
    return conclude(TASKS, answer, running, SENTINEL, **how)


@pytest.mark.parametrize("energy", [None, EnergyRules()])
def test_nobody_reads_instruments_beside_operators_but_for_energy(energy, monkeypatch):
    opened = []
    monkeypatch.setattr(Instruments, "open", lambda device, **asked: opened.append(asked) or Instruments())
    monkeypatch.setattr(ProcessExecutor, "run", lambda *_: Outcome(Answer(Status.OK, replays=replays(A)), "", 1.0))
    Jobs(Place("cpu", "a processor", "machine", 1), ReplayRules(), energy).run([Task(A, MODES)])
    assert opened == ([] if energy is None else [{"energy": True, "telemetry": False}])


def test_a_whole_answer_leaves_nothing():
    heard = hear(Answer(Status.OK, replays=(sentinel(), *replays(A, B, C), sentinel())))
    assert heard.replays == replays(A, B, C)
    assert len(heard.sentinels) == 2
    assert not heard.rest


def test_a_crash_costs_the_operator_that_ran_and_the_others_are_done_again():
    heard = hear(Answer(Status.CRASHED, CRASH), B)
    assert [(one.operator, one.mode, one.status) for one in heard.replays] == [
        (B.key, mode, Status.CRASHED) for mode in MODES
    ]
    assert heard.replays[0].trouble.what == CRASH.what
    assert heard.replays[0].trouble.when == B.label
    assert "--again" in heard.replays[0].trouble.now
    assert heard.rest == (TASKS[0], TASKS[2])


@pytest.mark.parametrize("status", [Status.KILLED, Status.NO_RESULT, Status.TIMEOUT, Status.OUT_OF_MEMORY])
def test_so_does_every_other_end_of_the_process(status):
    heard = hear(Answer(status, Trouble("gone")), C)
    assert {one.status for one in heard.replays} == {status}
    assert {one.operator for one in heard.replays} == {C.key}
    assert heard.rest == TASKS[:2]


def test_what_was_measured_before_the_time_was_up_stays():
    found = (sentinel(), *replays(A), Replay(B.key, Mode.REUSE, Status.OK))
    heard = hear(Answer(Status.TIMEOUT, Trouble("no answer within 80 s"), replays=found), B)
    assert heard.replays[:3] == found[1:]
    assert [(one.operator, one.mode, one.status) for one in heard.replays[3:]] == [(B.key, Mode.STREAM, Status.TIMEOUT)]
    assert heard.rest == (TASKS[2],)


def test_a_request_to_stop_blames_nobody_and_what_is_missing_is_left():
    heard = hear(Answer(Status.INTERRUPTED, Trouble("interrupted"), replays=replays(A)), B, stopping=True)
    assert heard.replays == replays(A)
    assert heard.rest == TASKS[1:]


def test_a_process_that_is_killed_on_request_blames_nobody():
    assert not hear(Answer(Status.KILLED, Trouble("killed")), B, stopping=True).replays


def test_a_process_that_fails_before_the_first_operator_is_an_error():
    with pytest.raises(StopwattError, match="no torch"):
        hear(Answer(Status.FAILED, Trouble("no torch here")))


def test_so_is_one_that_dies_in_the_sentinel():
    with pytest.raises(StopwattError, match="SIGSEGV"):
        hear(Answer(Status.CRASHED, CRASH), Operator("aten.mm.out"))


def test_an_interrupt_from_elsewhere_blames_nobody():
    heard = hear(Answer(Status.INTERRUPTED, Trouble("interrupted"), replays=replays(A)), B)
    assert heard.replays == replays(A)
    assert heard.rest == TASKS[1:]
