"""Operators of a GPU in each other's company: what it costs the host to submit a call right after others.

A replay calls one operator again and again: what the host runs to submit it is in the nearest cache. In a model other
operators ran just before. So at the end of a job its operators take turns, a few of them at a time:

    host     submit A . submit B . submit C . submit A . ...     each timed by itself

The device does not mind: kernels that alternate took as long as the same kernels one after themselves (recordings of
both on an H200: nothing in the median of 40 jobs, 0.1 us at most in nine of ten).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.base import Device
from stopwatt.measuring import clock
from stopwatt.measuring.operators.player import Player

TABLE = 8
"""Operators that take turns together: in models, an operator comes back after about so many others."""
ROUNDS = 60
"""Turns of each operator."""


def submissions_in_turn(players: Sequence[Player], device: Device) -> list[NDArray[np.float64]]:
    """Nanoseconds until a call returned to the host, of each operator among others; shape (ROUNDS,) each.

    Args:
        players: In the order of their turns; two at least.
        device: A GPU.
    """
    tables = max(1, round(len(players) / TABLE))
    found: list[NDArray[np.float64]] = []
    for places in np.array_split(np.arange(len(players)), tables):
        found.extend(_submissions([players[place] for place in places], device).T)
    return found


def _submissions(players: Sequence[Player], device: Device) -> NDArray[np.float64]:
    """Shape (ROUNDS, players). The first round does not count: it finds everything as replays have left it."""
    took = np.zeros((ROUNDS + 1, len(players)))
    for turn in took:
        for place, player in enumerate(players):
            player.prepare(1)
            begin = clock.now_ns()
            player.play()
            turn[place] = clock.now_ns() - begin
        device.synchronize()
    return took[1:]
