"""From times of single operators to the time of a model: one queue on a CPU, two beside a GPU.

A plain sum counts neither what the host does between operators nor that a GPU works on while the host prepares the
next launch. Composing does: on a CPU everything happens one after another; with a GPU the host submits, and the device
begins a call when it was submitted and the one before is done.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """One call of a model, put together from its operators.

    Attributes:
        sum_s: Plain sum of the operators' times where they run.
        host_s: What the host needs by itself: gaps, and on a GPU submissions; on a CPU also the operators.
        gaps_s: All gaps.
        paging_s: Of the host: memory that the call takes from the system anew.
        excess_s: How far the median of the sum is above the sum of the medians (`operators.resampling`).
        composed_s: From the beginning of the model's call to its end.
        starts, ends: float64, shape (calls,): seconds since that beginning at which each call runs.
    """

    sum_s: float
    host_s: float
    gaps_s: float
    composed_s: float
    starts: Floats
    ends: Floats
    paging_s: float = 0.0
    excess_s: float = 0.0

    @property
    def waiting_s(self) -> float:
        """Time in which no operator runs where operators run, and no memory is taken."""
        return self.composed_s - self.sum_s - self.paging_s - self.excess_s

    @property
    def interval_s(self) -> float:
        """From one call to the next where nobody waits for any: the host or the device, whichever has more to do."""
        return max(self.host_s, self.sum_s)


@dataclass(frozen=True, slots=True, eq=False)
class Launches:
    """How an operator's work comes from the host to a device.

    Attributes:
        submit_s: Shape (operators,): seconds until each call returns to the host.
        call_s: Shape (operators,): seconds of a call by itself until the device was waited for; 0 where nobody knows.
        waits: Shape (operators,): whether the host waits for the device inside of the call (it reads a value).
    """

    submit_s: Floats
    call_s: Floats
    waits: NDArray[np.bool_]

    @classmethod
    def of(cls, submit_s: Floats) -> "Launches":
        """Where only submissions are known."""
        return cls(submit_s, np.zeros_like(submit_s), np.zeros(submit_s.shape, dtype=np.bool_))

    def take(self, sequence: NDArray[np.int64]) -> "Launches":
        """Those of calls."""
        return Launches(self.submit_s[sequence], self.call_s[sequence], self.waits[sequence])


def compose(
    sequence: NDArray[np.int64],
    device_s: Floats,
    launches: "Launches | Floats",
    gaps_s: Floats,
    *,
    on_device: bool,
    paging_s: float = 0.0,
    excess_s: float = 0.0,
) -> Composition:
    """Put a model's call together.

    On a CPU a call starts when the one before has ended and its gap is over. With a GPU there are two queues:
    `cpu_i = cpu_(i-1) + gap_i + submit_i`, and `gpu_i = max(gpu_(i-1), ready_i) + t_i`; the model's call ends when both
    are through. An operator of one kernel is ready when the host has submitted it. One of many kernels runs while the
    host still submits it, so that it is ready earlier; but it ends no earlier than by itself, `cpu_(i-1) + gap_i +
    call_i`, which also holds what it takes the host to learn of the end. Where a call waits for the device, the host
    goes on when that is through.

    Args:
        sequence: Shape (calls,): which operator each call is.
        device_s: Shape (operators,): seconds of each operator where it runs.
        launches: How operators come to a device, or only the seconds until each call returns to the host; not used on a
            CPU.
        gaps_s: Shape (calls + 1,): seconds on the host before each call and after the last; shape (0,) for none known.
        on_device: Whether operators run on a device with a queue of its own.
        paging_s: Seconds of the host for memory that the call takes anew, wherever in the call.
        excess_s: Seconds by which the median of a call is above the sum of its operators' medians.

    Raises:
        ValueError: Shapes that do not fit, or a time that is negative or not finite.
    """
    gaps = gaps_s if gaps_s.size else np.zeros(sequence.size + 1)
    if gaps.size != sequence.size + 1:
        raise ValueError(f"{sequence.size} calls have {sequence.size + 1} gaps, not {gaps.size}")
    running = device_s[sequence]
    _check({"device_s": running, "gaps_s": gaps})
    if on_device:
        known = launches if isinstance(launches, Launches) else Launches.of(launches)
        taken = known.take(sequence)
        _check({"submit_s": taken.submit_s, "call_s": taken.call_s})
        held, (ends, through_s) = taken.submit_s, _two_queues(running, taken, gaps)
    else:
        held, ends = running, np.cumsum(gaps[:-1] + running)
        through_s = float(ends[-1]) if ends.size else 0.0
    all_gaps_s = float(gaps.sum())
    host_s = all_gaps_s + float(held.sum()) + paging_s
    composed_s = max(through_s + float(gaps[-1]) + paging_s, float(ends[-1]) if ends.size else 0.0) + excess_s
    return Composition(float(running.sum()), host_s, all_gaps_s, composed_s, ends - running, ends, paging_s, excess_s)


def _check(columns: dict[str, Floats]) -> None:
    for name, values in columns.items():
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ValueError(f"{name} has a time that is negative or not finite")


def _two_queues(running: Floats, launches: Launches, gaps: Floats) -> tuple[Floats, float]:
    """When each call ends on the device, and when the last one has returned to the host."""
    after_begin = np.where(launches.call_s > 0, np.maximum(launches.call_s - running, 0), launches.submit_s)
    ends = np.empty_like(running)
    host = device = 0.0
    for part in np.split(np.arange(running.size), np.flatnonzero(launches.waits) + 1):
        if part.size:
            returned = host + np.cumsum(gaps[part] + launches.submit_s[part])
            ready = returned - launches.submit_s[part] + after_begin[part]
            ends[part] = _through(ready, running[part], device)
            device = float(ends[part[-1]])
            host = max(float(returned[-1]), device) if launches.waits[part[-1]] else float(returned[-1])
    return ends, host


def _through(ready: Floats, running: Floats, busy_until: float) -> Floats:
    """When each call ends in a queue that takes one at a time: `end_i = max(end_(i-1), ready_i) + t_i`, unrolled."""
    before = np.cumsum(running) - running
    return np.asarray(np.maximum(np.maximum.accumulate(ready - before), busy_until) + before + running)


def compose_energy(times_s: Floats, powers_w: Floats, wall_s: float, active_idle_w: float) -> float:
    """Energy of a model's call: `E = P_active_idle x T_wall + sum of (P_op - P_active_idle) x t_op`.

    A plain sum of the operators' energies leaves out what the device draws while it waits.

    Args:
        times_s: Shape (calls,): seconds of each call where it runs.
        powers_w: Shape (calls,): mean power during each.
        wall_s: Length of the model's call.
        active_idle_w: Power of the device that is ready, with nothing to do.

    Returns:
        Joules.
    """
    return float(active_idle_w * wall_s + ((powers_w - active_idle_w) * times_s).sum())
