"""Requests that arrive on an absolute schedule, whether or not the one before is done.

Request k is due at t0 + k * period on the monotonic clock, whatever happened before: a late one shifts no other, so no
drift accumulates and no waiting is forgotten ("coordinated omission", G. Tene). Its *response* lasts from the moment
it was due, not from the moment when its call began. A request whose predecessor is still being served waits in the
queue and is served at once when it ends.

Between two requests the process sleeps until shortly before the next is due (`Schedule.spin_ns`), and reads the clock
in a loop from there on; where less time than that is left, it does not sleep at all. A sleeper is woken late, by 50 to
100 us on an ordinary kernel and by milliseconds on a busy one; the loop hides lateness below its length, so that
`response` describes the model and not the timer. What it hides is not lost: how late the process was woken is kept for
every sleep (`wake_late`). An application without such a loop has to add it.
"""

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.trials import Call, quiet_interpreter

SPIN_NS = 200_000
"""Long enough for the lateness of most sleeps on an ordinary kernel."""
LEAD_IN = 10
LEAD_IN_NS = 200_000_000
OVERTIME = 1.25
"""A series that cannot keep up is closed after so many times the time that its schedule takes, and a second."""
GRACE_NS = 1_000_000_000


class Ending(StrEnum):
    """Why a paced series ended."""

    COUNT = "all cycles done"
    BEHIND = "fell behind the schedule for good"
    INTERRUPT = "interrupted"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When requests are due.

    Attributes:
        period_ns: Time between two.
        cycles: Requests.
        load_from: Request before which the background load begins; `None` for no load.
        spin_ns: Length of the loop that reads the clock before a request is due.
    """

    period_ns: int
    cycles: int
    load_from: int | None = None
    spin_ns: int = SPIN_NS


@dataclass(frozen=True, slots=True)
class PacedTrials:
    """One paced series.

    Attributes:
        response_ns: From when each request was due to the end of its call.
        service_ns: Length of each call.
        wake_late_ns: How late the process came back from each sleep; requests for which there was no time to sleep
            have none, so this is shorter than the others or as long.
        outputs: What the last finished call returned; `None` before the first.
        last_set: Which input set it had.
        ending: Why the series ended.
        first_ns, last_ns: When request 0 was due, and when the last finished call ended, on the clock.
    """

    response_ns: NDArray[np.int64]
    service_ns: NDArray[np.int64]
    wake_late_ns: NDArray[np.int64]
    outputs: Any
    last_set: int
    ending: Ending
    first_ns: int = 0
    last_ns: int = 0

    def overruns(self, period_ns: int) -> int:
        """Requests that were not done when the next one was due."""
        return int(np.count_nonzero(self.response_ns > period_ns))


def run_paced(
    call: Call,
    sets: Sequence[Any],
    schedule: Schedule,
    *,
    begin_load: Callable[[], None] = lambda: None,
    clock: Callable[[], int] = now_ns,
    sleep: Callable[[float], None] = time.sleep,
) -> PacedTrials:
    """Serve requests as they come due, one at a time, over rotating inputs.

    A few requests on the same schedule come first that are not counted: what happens before a series cools caches.

    Args:
        call: Returns when the work is done.
        sets: Staged inputs that take turns.
        schedule: When requests are due.
        begin_load: Called once, before request `schedule.load_from`; it must return at once.
        clock: Monotonic, in nanoseconds.
        sleep: For so many seconds.

    An interrupt (KeyboardInterrupt) ends the series; what was finished by then is returned.
    """
    cycles, period = schedule.cycles, schedule.period_ns
    begins, ends, late = (array("q", bytes(8 * cycles)) for _ in range(3))
    lead_in = max(1, min(LEAD_IN, LEAD_IN_NS // period))
    spin, load_from = schedule.spin_ns, schedule.load_from
    done, slept, outputs, ending = 0, 0, None, Ending.COUNT
    due = first = 0
    with quiet_interpreter():
        try:
            first = clock() + (lead_in + 1) * period
            patience = first + int(OVERTIME * cycles * period) + GRACE_NS
            for index, inputs in _numbered(-lead_in, cycles, sets):
                if index == load_from:
                    begin_load()
                due = first + index * period
                wanted = due - spin
                ahead = wanted - clock()
                if ahead > 0:
                    sleep(ahead / 1e9)
                    if index >= 0:
                        late[slept] = clock() - wanted
                        slept += 1
                begin = clock()
                while begin < due:
                    begin = clock()
                outputs = call(inputs)
                end = clock()
                if index >= 0:
                    begins[index] = begin
                    ends[index] = end
                    done = index + 1
                if end > patience and done < cycles:
                    ending = Ending.BEHIND
                    break
        except KeyboardInterrupt:
            ending = Ending.INTERRUPT
    begun, ended = (np.frombuffer(times, dtype=np.int64)[:done] for times in (begins, ends))
    return PacedTrials(
        response_ns=ended - (first + np.arange(done, dtype=np.int64) * period),
        service_ns=ended - begun,
        wake_late_ns=np.frombuffer(late, dtype=np.int64)[:slept],
        outputs=outputs if done else None,
        last_set=(done - 1) % len(sets),
        ending=ending,
        first_ns=first,
        last_ns=int(ended[-1]) if done else first,
    )


def _numbered(first: int, cycles: int, sets: Sequence[Any]) -> Iterable[tuple[int, Any]]:
    """Numbers of requests from `first` (negative: not counted) with their inputs; request 0 has the first set."""
    return zip(range(first, cycles), islice(cycle(sets), first % len(sets), None), strict=False)
