import ctypes
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from stopwatt.measuring import realtime
from stopwatt.measuring.realtime import PRIORITY, Conditions, conditions


@pytest.fixture
def calls(monkeypatch):
    """A system that grants everything, and what it was asked for."""
    asked = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda thread, policy, param: asked.append((thread, policy, param)))
    library = SimpleNamespace(
        mlockall=lambda flags: asked.append(("lock", flags)) or 0, munlockall=lambda: asked.append(("unlock",))
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    return asked


def test_an_ordinary_process_is_left_alone(calls):
    with conditions(realtime=False) as given:
        assert given.facts() == {"paced_scheduling": "SCHED_OTHER", "paced_memory_locked": False}
        assert given.note() is None
    assert calls == []


def test_memory_is_locked_and_every_thread_gets_a_priority_that_children_do_not_inherit(calls):
    with conditions(realtime=True) as given:
        assert given.memory_locked
        assert given.refused == ()
    lock = next(call for call in calls if call[0] == "lock")
    assert lock[1] & 5 == 5, "what is there now, as it is touched"
    raised = [call for call in calls if call[1:] and call[1] == os.SCHED_FIFO | os.SCHED_RESET_ON_FORK]
    assert {thread for thread, _, _ in raised} == {int(entry.name) for entry in Path("/proc/self/task").iterdir()}
    assert {param.sched_priority for _, _, param in raised} == {PRIORITY}


def test_everything_is_given_back_even_if_the_series_fails(calls):
    def fail():
        with conditions(realtime=True):
            calls.clear()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ("unlock",) in calls
    assert (os.getpid(), os.SCHED_OTHER) in [call[:2] for call in calls]


def test_what_the_system_refuses_is_said_with_the_reason(monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    library = SimpleNamespace(mlockall=lambda _: -1, munlockall=lambda: -1)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    monkeypatch.setattr(ctypes, "get_errno", lambda: 12)
    with conditions(realtime=True) as given:
        facts, note = given.facts(), given.note()
    assert facts["paced_scheduling"] == "SCHED_OTHER"
    assert facts["paced_memory_locked"] is False
    assert facts["paced_refused"] == (f"SCHED_FIFO {PRIORITY} (Operation not permitted); mlockall ({os.strerror(12)})")
    assert note.kind == "not-realtime"
    assert "CAP_SYS_NICE" in note.now


def test_a_limit_on_locked_memory_leaves_what_comes_later_unlocked(calls, monkeypatch):
    monkeypatch.setattr(realtime, "_may_lock_everything", lambda: False)
    with conditions(realtime=True):
        pass
    assert ("lock", 5) in calls


def test_on_this_machine_the_conditions_are_got_or_refused_and_the_old_ones_come_back():
    before = os.sched_getscheduler(0)
    with conditions(realtime=True) as given:
        assert isinstance(given, Conditions)
        got = given.scheduling == f"SCHED_FIFO {PRIORITY}"
        assert got != any("SCHED_FIFO" in one for one in given.refused)
        assert given.memory_locked != any("mlockall" in one for one in given.refused)
    assert os.sched_getscheduler(0) == before
