"""Device time: what the device's own clock says, with the gaps of launching hidden."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.base import DeviceTimer
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.subject import Subject
from stopwatt.measuring.trials import quiet_interpreter
from stopwatt.records import Note, Severity
from stopwatt.units import quantity

LAUNCH_MARGIN = 2.0
"""The device is kept busy for so many times the host's own time to submit a call."""
PILOTS = 5
DOUBLINGS = 3
EXPOSED_SHARE = 0.05
LATE_NS = 50_000.0
LATE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class DeviceTrials:
    """One series.

    Attributes:
        device_ns: Length of each trial between its two events.
        exposed: Share of trials that the device began before the host had submitted all of their work.
        late_ns: How long the device went on after the end event of a call that it was not kept busy for: work on
            streams that the events do not see. The median of a few calls.
    """

    device_ns: NDArray[np.float64]
    exposed: float
    late_ns: float

    def notes(self) -> list[Note]:
        """What a reader of the device time must know."""
        notes = []
        if self.exposed > EXPOSED_SHARE:
            notes.append(_gaps(self.exposed))
        if self.late_ns > max(LATE_NS, LATE_SHARE * float(np.median(self.device_ns))):
            notes.append(_other_streams(self.late_ns))
        return notes


def _gaps(share: float) -> Note:
    return Note(
        "device-time-gaps",
        f"the device began {share:.0%} of its timed calls before the host had submitted all of their work: "
        "the device time holds gaps of launching",
        Severity.INFO,
        "a call that waits for the device, or that launches more kernels than the driver's queue holds (about a "
        "thousand), cannot be queued whole; cudagraph launches all at once",
    )


def _other_streams(late_ns: float) -> Note:
    return Note(
        "other-streams",
        f"the device went on for {quantity(late_ns / 1e9, 's')} after the end event of a call: part of the work runs "
        "on another stream, and the device time does not hold it",
        now="believe the latency, which waits for the whole device; or let the model work on the current stream",
    )


def run_device_trials(subject: Subject, trials: int, budget_s: float | None) -> DeviceTrials | None:
    """Time each call between two events on the device; `None` where the device has no clock.

    Before each trial the device is kept busy, so that the whole call is queued before its first kernel starts and
    the host's launch speed does not show (as nvbench's blocking kernel does). Where that fails, because the call
    waits for the device inside or fills the queue, `exposed` tells.
    """
    timer = subject.device.timer(trials)
    if timer is None:
        return None
    submit_s, late_ns = _pilot(subject, timer)
    busy_s = _enough(subject, timer, LAUNCH_MARGIN * submit_s)
    deadline = now_ns() + int(budget_s * 1e9) if budget_s is not None else None
    done = exposed = 0
    with quiet_interpreter():
        for index in range(trials):
            exposed += _trial(subject, timer, index, busy_s)
            done = index + 1
            if deadline is not None and now_ns() > deadline:
                break
    return DeviceTrials(np.array(timer.elapsed_ns(done), dtype=np.float64), exposed / done, late_ns)


def _trial(subject: Subject, timer: DeviceTimer, index: int, busy_s: float) -> bool:
    """One call behind a busy device; whether the device began it before all of it was submitted."""
    inputs = subject.sets[index % len(subject.sets)]
    subject.device.occupy(busy_s)
    timer.start(index)
    subject.submit(inputs)
    timer.stop(index)
    exposed = timer.has_begun(index)
    subject.device.synchronize()
    return exposed


def _enough(subject: Subject, timer: DeviceTimer, least_s: float) -> float:
    """Seconds of empty work behind which a call is queued whole; the least if twice and more of it does not help."""
    for doubling in range(DOUBLINGS + 1):
        busy_s = least_s * float(1 << doubling)
        if not _trial(subject, timer, 0, busy_s):
            return busy_s
    return least_s


def _pilot(subject: Subject, timer: DeviceTimer) -> tuple[float, float]:
    """The longest of a few submissions in seconds, and the median nanoseconds of work after their end event."""
    submitted, late = [], []
    for index in range(PILOTS):
        begin = now_ns()
        subject.submit(subject.sets[index % len(subject.sets)])
        submitted.append(now_ns() - begin)
        timer.stop(0)
        timer.wait(0)
        ended = now_ns()
        subject.device.synchronize()
        late.append(now_ns() - ended)
    return max(submitted) / 1e9, float(np.median(late))
