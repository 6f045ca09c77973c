import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stopwatt.devices.facts import Facts
from stopwatt.errors import StopwattError
from stopwatt.measuring import load
from stopwatt.measuring.load import background_load, usable_cores
from stopwatt.ways import Load


def cpu_ticks(pid):
    """Processor time of a process in ticks of the kernel."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def exists(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(holds, patience_s=30.0):
    until = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_no_load_starts_nothing():
    with background_load(Load.NONE) as found:
        found.begin()
        assert (len(found.processes), found.ended_early()) == (0, 0)


@pytest.mark.parametrize("kind", [Load.CPU, Load.MEMORY])
def test_a_process_per_core_waits_then_works_and_ends_with_the_series(kind):
    with background_load(kind) as found:
        pids = [process.pid for process in found.processes]
        assert len(pids) == len(usable_cores())
        before = [cpu_ticks(pid) for pid in pids]
        time.sleep(0.2)
        idle = [cpu_ticks(pid) - then for pid, then in zip(pids, before, strict=True)]
        assert max(idle) <= 1, "idle until the word is given"
        found.begin()
        assert eventually(lambda: all(cpu_ticks(pid) > then + 2 for pid, then in zip(pids, before, strict=True)))
        assert found.ended_early() == 0
    assert not any(map(exists, pids))


def test_each_process_has_a_core_of_its_own():
    with background_load(Load.CPU) as found:
        assert [os.sched_getaffinity(process.pid) for process in found.processes] == [{c} for c in usable_cores()]


def test_they_end_when_the_series_fails():
    pids = []

    def fail():
        with background_load(Load.CPU) as found:
            pids.extend(process.pid for process in found.processes)
            found.begin()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pids
    assert not any(map(exists, pids))


@pytest.mark.parametrize("begun", [False, True])
def test_they_end_when_the_worker_is_killed(begun):
    script = (
        "import sys\nfrom stopwatt.measuring.load import background_load\nfrom stopwatt.ways import Load\n"
        "with background_load(Load.CPU) as found:\n"
        f"    {'found.begin()' if begun else 'pass'}\n"
        "    print(*(process.pid for process in found.processes), flush=True)\n    sys.stdin.read()\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in worker.stdout.readline().split()]
    assert all(map(exists, pids))
    worker.kill()
    worker.communicate()
    assert pids
    assert eventually(lambda: not any(map(exists, pids)))


def test_an_interrupt_at_the_terminal_does_not_end_them():
    with background_load(Load.CPU) as found:
        found.begin()
        for process in found.processes:
            process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert found.ended_early() == 0


def test_those_that_died_are_counted():
    with background_load(Load.CPU) as found:
        found.processes[0].kill()
        assert eventually(lambda: found.ended_early() == 1)


def test_a_load_that_does_not_start_is_an_error_of_three_parts(monkeypatch):
    monkeypatch.setattr(load.sys, "executable", "/bin/false")
    with pytest.raises(StopwattError) as raised, background_load(Load.CPU):
        pytest.fail("it did not start")
    assert "did not start" in raised.value.what
    assert raised.value.when
    assert "--load none" in raised.value.now


def test_a_load_that_memory_cannot_hold_is_refused(monkeypatch):
    monkeypatch.setattr(load, "read_facts", lambda: Facts({"memory.available": 2**20, "cpu.allowed": 2}, {}))
    with pytest.raises(StopwattError, match="copy memory takes"), background_load(Load.MEMORY):
        pytest.fail("it was started")
