"""Operators of a GPU in each other's company: what a call costs right after calls of other operators.

A replay calls one operator again and again: what the host runs to submit it is in the nearest cache, and so are the
instructions of its kernel. In a model other operators ran just before. So at the end of a job its operators take turns:

    host     submit A . submit B . submit C . submit A . ...     each timed by itself
    device   [A B C A B C ...]                                   one recording; beside the sum of [A A A ...], [B B ...]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.base import Device
from stopwatt.measuring import clock
from stopwatt.measuring.operators.player import Player
from stopwatt.measuring.operators.series import recorded_ns
from stopwatt.operators.replay import ReplayRules

LEAST = 4
"""Operators that take turns, at least: fewer are no company."""
ROUNDS = 60
"""Turns of each operator."""
_KERNEL_NS = 500.0
"""What takes so long on the device runs a kernel; a view does not."""
_FILLED = 0.25
"""Of the last cache, at most; what the calls return lies in it, too."""
_RECORDED = 400
"""Calls in the recording, at least."""


@dataclass(frozen=True, slots=True)
class Guest:
    """An operator that takes part.

    Attributes:
        player: Over one set of buffers.
        device_ns: What a call takes on the device by itself; NaN where it waits for the device and nobody knows.
        size: Bytes of its buffers.
    """

    player: Player
    device_ns: float
    size: int


@dataclass(frozen=True, slots=True)
class Company:
    """What was found.

    Attributes:
        submit_ns: Of each guest, shape (rounds,): until a call returned to the host.
        change_ns: What a kernel takes longer after another kernel than after itself; the mean over all guests.
    """

    submit_ns: tuple[NDArray[np.float64], ...]
    change_ns: float


def keep_company(guests: Sequence[Guest], device: Device, rules: ReplayRules, cache: int) -> Company | None:
    """Let operators take turns; `None` where they are too few.

    Args:
        guests: In the order of their turns.
        device: A GPU.
        rules: Samples of the recording.
        cache: Bytes of its last cache: kernels alternate over buffers that stay in it, else what they read from memory
            would be taken for what a change costs.
    """
    if len(guests) < LEAST:
        return None
    near, filled = [], 0
    for one in sorted(guests, key=lambda guest: guest.size):
        filled += one.size
        if np.isfinite(one.device_ns) and filled <= _FILLED * cache:
            near.append(one)
    return Company(tuple(_submissions([one.player for one in guests], device).T), _change(near, device, rules))


def _submissions(players: Sequence[Player], device: Device) -> NDArray[np.float64]:
    """Shape (rounds, players). The first round does not count: it finds everything as replays have left it."""
    took = np.zeros((ROUNDS + 1, len(players)))
    for turn in took:
        for place, player in enumerate(players):
            player.prepare(1)
            begin = clock.now_ns()
            player.play()
            turn[place] = clock.now_ns() - begin
        device.synchronize()
    return took[1:]


def _change(quiet: Sequence[Guest], device: Device, rules: ReplayRules) -> float:
    """Of a recording in which kernels alternate, what is beyond the sum of its operators, for each kernel."""
    kernels = sum(one.device_ns >= _KERNEL_NS for one in quiet)
    if kernels < LEAST:
        return 0.0
    for one in quiet:
        one.player.prepare(1)
    times = ceil(_RECORDED / len(quiet))

    def work() -> None:
        for _ in range(times):
            for one in quiet:
                one.player.play()

    def refresh() -> None:
        for one in quiet:
            one.player.refresh()

    found = recorded_ns(_Recordable(refresh, work), device, rules)
    if found is None:
        return 0.0
    beyond = float(np.median(found)) / times - sum(one.device_ns for one in quiet)
    return max(0.0, beyond / kernels)


@dataclass(frozen=True, slots=True)
class _Recordable:
    """Work that is recorded as a whole."""

    refresh: Callable[[], None]
    play: Callable[[], None]
