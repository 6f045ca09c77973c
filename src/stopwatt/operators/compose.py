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


def compose(
    sequence: NDArray[np.int64],
    device_s: Floats,
    submit_s: Floats,
    gaps_s: Floats,
    *,
    on_device: bool,
    paging_s: float = 0.0,
    excess_s: float = 0.0,
) -> Composition:
    """Put a model's call together.

    On a CPU a call starts when the one before has ended and its gap is over. With a GPU there are two queues:
    `cpu_i = cpu_(i-1) + gap_i + submit_i` and `gpu_i = max(gpu_(i-1), cpu_i) + t_i`; the model's call ends when both
    are through.

    Args:
        sequence: Shape (calls,): which operator each call is.
        device_s: Shape (operators,): seconds of each operator where it runs.
        submit_s: Shape (operators,): seconds until each call returns to the host; not used on a CPU.
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
    running, submitting = device_s[sequence], submit_s[sequence] if on_device else np.zeros(sequence.size)
    for name, values in (("device_s", running), ("submit_s", submitting), ("gaps_s", gaps)):
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise ValueError(f"{name} has a time that is negative or not finite")
    held = submitting if on_device else running
    host = np.cumsum(gaps[:-1] + held)
    ends = _through(host, running) if on_device else host
    host_s = float(gaps.sum() + held.sum()) + paging_s
    composed_s = (max(host_s, float(ends[-1])) if ends.size else host_s) + excess_s
    all_gaps_s = float(gaps.sum())
    return Composition(float(running.sum()), host_s, all_gaps_s, composed_s, ends - running, ends, paging_s, excess_s)


def _through(ready: Floats, running: Floats) -> Floats:
    """When each call ends in a queue that takes one at a time: `end_i = max(end_(i-1), ready_i) + t_i`, unrolled."""
    before = np.cumsum(running) - running
    return np.asarray(np.maximum.accumulate(ready - before) + before + running)


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
