"""An instrument as a poller sees it: ticks, polls, power fields, and what can be wrong with each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meter_truth_env.load import Floats, Load
from stopwatt.energy import About, Scope, Trace

STATE_S = 0.1
INSTANT_S = 0.025
QUANTUM_J = 1e-3
OFFSET_NS = 5_000_000_000


@dataclass(frozen=True)
class Instrument:
    """How an instrument behaves, and its poller.

    Attributes:
        tick_s: Time between two ticks of the counter.
        jitter_s: Standard deviation of a tick's time.
        poll_s: Time between two readings of the counter.
        dropped: Share of the polls that never happened.
        late: Share of the polls that the machine delays, by up to 30 ms.
        gain: What the counter counts for each joule.
        power_gain: What the power fields show for each watt.
        starts_j: What the counter holds at first.
        wraps_j: At which it begins at 0 again.
        resets_at: When it falls to 0 without reason.
        stops_at: When it stops to count.
        lost: When nothing was read (begin, end).
        fields: Power fields that it has.
        others_at: When another process begins to use the device.
        scope: Whose energy.
        refused, gone: As in `About` and `Trace`.
    """

    tick_s: float = 0.05
    jitter_s: float = 0.001
    poll_s: float = 0.005
    dropped: float = 0.0
    late: float = 0.002
    gain: float = 1.0
    power_gain: float = 1.0
    starts_j: float = 123_456.789
    wraps_j: float | None = None
    resets_at: float | None = None
    stops_at: float | None = None
    lost: tuple[float, float] | None = None
    fields: tuple[str, ...] = ("power", "power_instant")
    others_at: float | None = None
    scope: Scope = Scope.GPU
    refused: str = ""
    gone: str = ""

    def ticks(self, load: Load, seconds: float, dice: np.random.Generator) -> tuple[Floats, Floats]:
        """When the counter is brought up to date, and what it says from then on."""
        at = dice.uniform(-2, -1) * self.tick_s + self.tick_s * np.arange(int(seconds / self.tick_s) + 4)
        at = np.sort(at + dice.normal(0, self.jitter_s, at.size))
        joules = self.gain * load.joules(np.clip(at, 0, None)) + self.starts_j
        if self.resets_at is not None:
            joules -= np.where(at >= self.resets_at, joules[np.searchsorted(at, self.resets_at)], 0.0)
        if self.stops_at is not None:
            joules = np.where(at >= self.stops_at, joules[np.searchsorted(at, self.stops_at) - 1], joules)
        joules = np.maximum(np.floor(joules / QUANTUM_J) * QUANTUM_J, 0.0)
        return at, joules if self.wraps_j is None else joules % self.wraps_j

    def trace(self, load: Load, seconds: float, dice: np.random.Generator) -> tuple[Trace, tuple[Floats, Floats]]:
        """What the poller writes down; and the counter itself, for whoever reads it at other moments."""
        ticks, joules = self.ticks(load, seconds, dice)
        polls = self._polls(seconds, dice)
        seen = joules[np.searchsorted(ticks, polls, side="right") - 1]
        state = np.append(True, np.floor(polls[1:] / STATE_S) != np.floor(polls[:-1] / STATE_S))
        rows = state | np.append(True, seen[1:] != seen[:-1])
        channels: dict[str, NDArray[Any]] = {"energy": seen[rows]}
        for name in self.fields:
            values = self._field(name, load, polls[rows])
            channels[name] = np.where(state[rows], values, np.nan)
        if self.others_at is not None:
            channels["others"] = np.where(state[rows], polls[rows] >= self.others_at, np.nan)
        about = About("sim-0", self.scope, "simulated", wraps_j=self.wraps_j, poll_s=self.poll_s, refused=self.refused)
        return Trace(about, nanoseconds(polls[rows]), channels, self.gone), (ticks, joules)

    def _polls(self, seconds: float, dice: np.random.Generator) -> Floats:
        polls = np.arange(dice.uniform(0, self.poll_s), seconds, self.poll_s)
        polls = polls + np.where(dice.random(polls.size) < self.late, dice.uniform(0, 0.03, polls.size), 0.0)
        polls = np.unique(np.maximum.accumulate(polls))  # a poll that is late delays those behind it
        polls = polls[dice.random(polls.size) >= self.dropped]
        if self.lost is not None:
            polls = polls[(polls < self.lost[0]) | (polls >= self.lost[1])]
        return polls

    def _field(self, name: str, load: Load, at: Floats) -> Floats:
        """The mean of the last second, or of the last 25 ms that it looked at (every 100 ms)."""
        if name == "power":
            shown, span = at, 1.0
        else:
            shown, span = np.floor(at / 0.1) * 0.1, INSTANT_S
        begin = np.clip(shown - span, 0, None)
        watts = (load.joules(np.clip(shown, 1e-9, None)) - load.joules(begin)) / np.clip(shown - begin, 1e-9, None)
        return np.round(self.power_gain * watts, 3)

    def but(self, **changes: Any) -> "Instrument":
        """The same with some things changed."""
        return replace(self, **changes)


def nanoseconds(seconds: Floats) -> NDArray[np.int64]:
    """Simulated time as the monotonic clock shows it."""
    return np.rint(seconds * 1e9).astype(np.int64) + OFFSET_NS
