import time

import numpy as np
import pytest

from stopwatt.measuring.throughput import run_windows, saturate


class Queue:
    """A device with a queue: submitting is quick, the work is done one piece after the other."""

    def __init__(self, work_ns):
        self.work_ns = work_ns
        self.free_at = 0
        self.waits = 0

    def submit(self, _):
        self.free_at = max(self.free_at, time.perf_counter_ns()) + self.work_ns

    def synchronize(self):
        self.waits += 1
        while time.perf_counter_ns() < self.free_at:
            pass


def test_samples_per_second_of_a_saturated_queue():
    queue = Queue(100_000)
    rates = run_windows(queue.submit, queue.synchronize, [0, 1], batch=4, windows=3, seconds=0.02)
    assert np.median(rates) == pytest.approx(4 / 100e-6, rel=0.05)


def test_the_queue_is_waited_for_once_a_window_and_not_at_each_call():
    queue = Queue(50_000)
    run_windows(queue.submit, queue.synchronize, [0], batch=1, windows=3, seconds=0.01)
    assert queue.waits == 4  # three windows and the pilot


def test_a_slow_call_still_gets_whole_windows():
    calls = []
    rates = run_windows(lambda _: calls.append(time.sleep(0.01)), lambda: None, [0], batch=1, windows=2, seconds=0.0)
    assert len(rates) == 2
    assert len(calls) == 12


def test_cpu_time_is_that_of_the_counted_windows():
    def work(_):
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass

    found = saturate(work, lambda: None, [0], batch=4, windows=3, seconds=0.01)
    calls = found.samples / 4
    assert calls % 3 == 0
    assert found.cpu_s / calls == pytest.approx(0.002, rel=0.2)
    slept = saturate(lambda _: time.sleep(0.002), lambda: None, [0], batch=4, windows=3, seconds=0.01)
    assert slept.cpu_s < 0.2 * 0.002 * slept.samples / 4
