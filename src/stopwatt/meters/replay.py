"""A recorded trace that is played as if it were read now: the whole way of energy, on a machine without any meter.

It plays from the moment it is opened, at its own speed.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from stopwatt import units
from stopwatt.arrays import Array
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import SCOPES, About, Scope
from stopwatt.errors import UsageError
from stopwatt.meters.base import Gone, Instrument, Reading
from stopwatt.meters.recording import Recording, read_recording


class Player:
    """The instrument.

    Args:
        about: What is said of it.
        recording: What it plays.
        loop: Begin again at the end, with a counter that goes on.
        clock: Seconds.
    """

    def __init__(
        self, about: About, recording: Recording, *, loop: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.about = about
        self._clock = clock
        self._begin = clock()
        self._loop = loop
        self._time = recording.time_s
        joules = recording.channels.get("energy", np.full(self._time.size, np.nan))
        self._joules = _held(joules)
        self._others = {name: values for name, values in recording.channels.items() if name != "energy"}
        self._round_j = _used(joules[~np.isnan(joules)], about.wraps_j)

    def count(self) -> float | None:
        """What the recorded counter said at this time; `None` if there was none yet."""
        row, rounds = self._now()
        joules = float(self._joules[row]) + rounds * self._round_j
        return None if math.isnan(joules) else joules % self.about.wraps_j if self.about.wraps_j else joules

    def state(self) -> Reading:
        """The row of this time."""
        row, _ = self._now()
        return {name: float(values[row]) for name, values in self._others.items() if not math.isnan(values[row])}

    def close(self) -> None:
        """It holds nothing."""

    def _now(self) -> tuple[int, int]:
        """Which row plays, and how often the recording has been played."""
        played, length = self._clock() - self._begin, float(self._time[-1])
        if played > length and not self._loop:
            raise Gone(f"the recording ended after {units.quantity(length, 's')}")
        rounds, inside = divmod(played, length)
        return int(np.searchsorted(self._time, inside, side="right")) - 1, int(rounds)


def _held(values: Array) -> Array:
    """With the last value in place of what was not read."""
    place = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.size)))
    return np.asarray(values[place])


def _used(joules: Array, wraps_j: float | None) -> float:
    """Joules of the whole recording."""
    steps = np.diff(joules)
    return float(np.sum(np.where(steps < 0, steps + wraps_j, steps) if wraps_j else steps))


class Replay:
    """Plays one file.

    Args:
        argument: `FILE`, or `FILE?loop&scope=package&wraps=262143&poll=0.001`: begin again at the end; whose energy it
            is (by default that of the device: its GPU, or the processor package); joules at which its counter wraps;
            seconds between two readings of it. A file whose own name has a question mark is found without options too.

    Raises:
        UsageError: No file, or an option that is not known.
    """

    name = "replay"
    scopes = tuple(SCOPES)
    takes_argument = True
    verified = True

    def __init__(self, argument: str = "") -> None:
        whole, mark, options = ("", "", argument) if Path(argument).is_file() else argument.rpartition("?")
        self._path = Path(whole if mark else options)
        self._options = dict(_options(options if mark else ""))
        if not argument:
            raise UsageError("replay needs a file", now="write replay:FILE")

    def find(self, device: str = "") -> tuple[Instrument, ...]:
        """The recording, which begins to play.

        Raises:
            UsageError: The file cannot be read; with its line.
        """
        recording = read_recording(self._path)
        scope = self._options.get("scope", Scope.PACKAGE if device and kind_of(device) == "cpu" else Scope.GPU)
        wraps, poll = self._options.get("wraps"), self._options.get("poll", 0.005)
        about = About("replay", scope, "replay", self._path.name, wraps, poll, ("a recording, not this machine",))
        return (Player(about, recording, loop="loop" in self._options),)


def _positive(text: str) -> float:
    """Seconds or joules.

    Raises:
        ValueError: No number, or none above 0.
    """
    if not 0 < (number := float(text)) < math.inf:
        raise ValueError(text)
    return number


_KINDS: Mapping[str, Callable[[str], Any]] = {"loop": str, "scope": Scope, "wraps": _positive, "poll": _positive}


def _options(text: str) -> Iterator[tuple[str, Any]]:
    for name, value in parse_qsl(text, keep_blank_values=True):
        try:
            yield name, _KINDS[name](value)
        except (KeyError, ValueError):
            now = "write replay:FILE?loop&scope=package&wraps=262143&poll=0.001, or less of it"
            raise UsageError(f"cannot read {name}={value} of the replay", now=now) from None
