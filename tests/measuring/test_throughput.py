import time
from types import SimpleNamespace

import pytest

from stopwatt.measuring import throughput
from stopwatt.measuring.throughput import run_windows, saturate


class Queue:
    """A device with a queue: submitting is quick, the work is done one piece after the other."""

    def __init__(self, clock, work_ns):
        self.clock = clock
        self.work_ns = work_ns
        self.free_at = 0
        self.waits = 0

    def submit(self, _):
        self.free_at = max(self.free_at, self.clock.ns) + self.work_ns

    def synchronize(self):
        self.waits += 1
        self.clock.ns = max(self.clock.ns, self.free_at)


@pytest.fixture
def clock(monkeypatch):
    """A clock, and one of the CPU, that only the planted work moves: what else runs on the machine is not in them."""
    planted = SimpleNamespace(ns=10**15, cpu_s=100.0)
    monkeypatch.setattr(throughput, "now_ns", lambda: planted.ns)
    monkeypatch.setattr(throughput, "time", SimpleNamespace(process_time=lambda: planted.cpu_s))
    return planted


def test_samples_per_second_of_a_saturated_queue(clock):
    queue = Queue(clock, 100_000)
    rates = run_windows(queue.submit, queue.synchronize, [0, 1], batch=4, windows=3, seconds=0.02)
    assert list(rates) == pytest.approx([4 / 100e-6] * 3)


def test_the_queue_is_waited_for_once_a_window_and_not_at_each_call(clock):
    queue = Queue(clock, 50_000)
    run_windows(queue.submit, queue.synchronize, [0], batch=1, windows=3, seconds=0.01)
    assert queue.waits == 4  # three windows and the pilot


def test_a_slow_call_still_gets_whole_windows():
    calls = []
    rates = run_windows(lambda _: calls.append(time.sleep(0.01)), lambda: None, [0], batch=1, windows=2, seconds=0.0)
    assert len(rates) == 2
    assert len(calls) == 12


def test_cpu_time_is_that_of_the_counted_windows(clock):
    def work(_):
        clock.ns += 2_000_000
        clock.cpu_s += 0.002

    def wait(_):
        clock.ns += 2_000_000

    found = saturate(work, lambda: None, [0], batch=4, windows=3, seconds=0.01)
    calls = found.samples / 4
    assert calls % 3 == 0
    assert found.cpu_s == pytest.approx(0.002 * calls)
    assert saturate(wait, lambda: None, [0], batch=4, windows=3, seconds=0.01).cpu_s == 0.0


def test_cpu_time_is_what_this_process_really_used():
    def work(_):
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass

    found = saturate(work, lambda: None, [0], batch=1, windows=3, seconds=0.0)
    assert found.cpu_s >= 0.002 * found.samples
