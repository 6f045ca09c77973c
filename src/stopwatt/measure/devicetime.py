"""Device time: what the device's own clock says, with the gaps of launching hidden."""

import numpy as np
from numpy.typing import NDArray

from stopwatt.measure.clock import now_ns
from stopwatt.measure.subject import Subject
from stopwatt.measure.trials import quiet_interpreter


def run_device_trials(subject: Subject, trials: int, budget_s: float | None) -> NDArray[np.float64] | None:
    """Time each call between two events on the device; `None` where the device has no clock.

    Before each trial the device is kept busy, so that the whole call is queued before its first kernel starts and
    the host's launch speed does not show.
    """
    timer = subject.device.timer(trials)
    if timer is None:
        return None
    deadline = now_ns() + int(budget_s * 1e9) if budget_s is not None else None
    done = 0
    with quiet_interpreter():
        for index in range(trials):
            inputs = subject.sets[index % len(subject.sets)]
            timer.start(index)
            subject.submit(inputs)
            timer.stop(index)
            subject.device.synchronize()
            done = index + 1
            if deadline is not None and now_ns() > deadline:
                break
    return np.array(timer.elapsed_ns(done), dtype=np.float64)
