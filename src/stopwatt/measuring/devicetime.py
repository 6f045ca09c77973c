"""Device time: what the device's own clock says, with the gaps of launching hidden."""

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.subject import Subject
from stopwatt.measuring.trials import quiet_interpreter

LAUNCH_MARGIN = 2.0
"""The device is kept busy for so many times the host's own time to submit a call."""


def run_device_trials(subject: Subject, trials: int, budget_s: float | None) -> NDArray[np.float64] | None:
    """Time each call between two events on the device; `None` where the device has no clock.

    Before each trial the device is kept busy, so that the whole call is queued before its first kernel starts and
    the host's launch speed does not show (as nvbench's blocking kernel does). A backend that synchronises inside its
    call defeats this: its device time then holds launch gaps too.
    """
    timer = subject.device.timer(trials)
    if timer is None:
        return None
    busy_s = LAUNCH_MARGIN * _submit_seconds(subject)
    deadline = now_ns() + int(budget_s * 1e9) if budget_s is not None else None
    done = 0
    with quiet_interpreter():
        for index in range(trials):
            inputs = subject.sets[index % len(subject.sets)]
            subject.device.occupy(busy_s)
            timer.start(index)
            subject.submit(inputs)
            timer.stop(index)
            subject.device.synchronize()
            done = index + 1
            if deadline is not None and now_ns() > deadline:
                break
    return np.array(timer.elapsed_ns(done), dtype=np.float64)


def _submit_seconds(subject: Subject, calls: int = 5) -> float:
    """The longest of a few submissions, without waiting for the device."""
    longest = 0
    for index in range(calls):
        begin = now_ns()
        subject.submit(subject.sets[index % len(subject.sets)])
        longest = max(longest, now_ns() - begin)
        subject.device.synchronize()
    return longest / 1e9
