"""Timed samples of one operator in one memory mode.

On a CPU there is one series, `call`. On a GPU `call` holds the wait for the device, `submit` ends when the last call
has returned, and `device` is what the device itself takes for a recording of many calls behind a queue that is busy:

    host     --occupy--start--replay--stop--+--- synchronize -->
    stream         [ busy ]|event|call call call ... call|event|
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.devices.base import Device, DeviceTimer
from stopwatt.measuring import clock
from stopwatt.measuring.operators.player import Player
from stopwatt.measuring.trials import Stop, run_trials
from stopwatt.operators.replay import ReplayRules
from stopwatt.records import Samples

CALL, DEVICE, SUBMIT = "call", "device", "submit"
_PILOTS = 5
_MOST_QUEUED = 256
"""Calls that are submitted without waiting: a driver's queue holds about a thousand kernels."""
_RECORDED_S = 5e-4
"""What is recorded runs for so long at least: the events' resolution is half a microsecond."""
_MOST_RECORDED = 2048
_OCCUPIED_S = 1e-4
"""How long the device is kept busy while a recording is handed over."""
_MARGIN = 2.0
_DOUBLINGS = 5
"""Of the time for which the device is kept busy, at most: what is not hidden then waits for the device itself."""


@dataclass(frozen=True, slots=True)
class Series:
    """What was timed.

    Attributes:
        samples: ns a call, by name.
        calls: Calls in a sample of `call`.
    """

    samples: dict[str, Samples]
    calls: int


def measure(player: Player, device: Device, rules: ReplayRules) -> Series:
    """All series that the device has. The garbage collector is the caller's to keep quiet.

    Raises:
        KeyboardInterrupt: The user asked to stop; the series are not complete.
    """
    seconds = _settle(player, device, rules.settle_s)
    if device.kind == "cpu":
        calls = _calls(player, rules.sample_s / seconds)
        return Series({CALL: _timed(player, device, rules, calls, wait=False)}, calls)
    samples = {CALL: _timed(player, device, rules, 1, wait=True)}
    submit_s = _submission(player, device)
    queued = min(_calls(player, rules.sample_s / submit_s), _MOST_QUEUED)
    samples[SUBMIT] = _timed(player, device, rules, queued, wait=False)
    found = _on_device(player, device, rules, call_s=seconds, submit_s=submit_s)
    return Series({**samples, DEVICE: Samples(found, "ns")} if found is not None else samples, 1)


def _calls(player: Player, wanted: float) -> int:
    return max(1, min(ceil(wanted), player.most_calls))


def _settle(player: Player, device: Device, least_s: float) -> float:
    """Calls for so long at least; seconds of one, from the quickest of the last few."""
    took: list[int] = []
    begin = clock.now_ns()
    while len(took) < _PILOTS or clock.now_ns() - begin < least_s * 1e9:
        player.prepare(1)
        started = clock.now_ns()
        player.play()
        device.synchronize()
        took.append(clock.now_ns() - started)
    return max(1, min(took[-_PILOTS:])) / 1e9


def _submission(player: Player, device: Device) -> float:
    """Seconds until a call returns: the longest of a few."""
    took = []
    for _ in range(_PILOTS):
        player.prepare(1)
        begin = clock.now_ns()
        player.play()
        took.append(clock.now_ns() - begin)
        device.synchronize()
    return max(1, *took) / 1e9


def _timed(player: Player, device: Device, rules: ReplayRules, calls: int, *, wait: bool) -> Samples:
    """Samples of so many calls each; with the wait for the device inside, or before the next sample."""

    def before() -> None:
        device.synchronize()
        player.prepare(calls)
        device.synchronize()  # what restores operands is work of the device, too

    def waited(_: Any) -> None:
        player.play()
        device.synchronize()

    def returned(_: Any) -> None:
        player.play()

    trials = run_trials(
        waited if wait else returned,
        [None],
        rules.samples,
        budget_s=rules.seconds,
        least=rules.least,
        before=before,
        interpreter=nullcontext,
    )
    if trials.stop is Stop.INTERRUPT:
        raise KeyboardInterrupt
    return Samples(trials.latency_ns.astype(np.float64) / calls, "ns")


def _on_device(
    player: Player, device: Device, rules: ReplayRules, *, call_s: float, submit_s: float
) -> NDArray[np.float64] | None:
    """Nanoseconds a call on the device's own clock; `None` where launching cannot be hidden."""
    timer = device.timer(rules.samples)
    if timer is None:
        return None
    calls = player.prepare_rounds(min(ceil(_RECORDED_S / call_s), player.most_calls, _MOST_RECORDED))
    try:
        give, least_s = device.capture(player.play), _OCCUPIED_S
    except Exception:  # noqa: BLE001  (each runtime has its own way to say that work cannot be recorded)
        give = None
    if give is None:
        calls = player.prepare_rounds(min(calls, _MOST_QUEUED))
        give, least_s = player.play, _MARGIN * submit_s * calls
    events = _Events(player, device, timer, give)
    hidden_s = events.enough(least_s)
    found = None if hidden_s is None else events.series(rules, hidden_s)
    return None if found is None else found / calls


class _Events:
    """Work between two events, given to a device that is busy meanwhile."""

    def __init__(self, player: Player, device: Device, timer: DeviceTimer, give: Callable[[], None]) -> None:
        self._player = player
        self._device = device
        self._timer = timer
        self._give = give

    def enough(self, least_s: float) -> float | None:
        """For how long the device must be busy, so that all is given before it begins; `None` if that does not help."""
        self._sample(0, least_s)  # what is played for the first time is prepared by the driver
        for doubling in range(_DOUBLINGS + 1):
            hidden_s = least_s * float(1 << doubling)
            if not self._sample(0, hidden_s):
                return hidden_s
        return None

    def series(self, rules: ReplayRules, hidden_s: float) -> NDArray[np.float64] | None:
        """Nanoseconds of each sample that was hidden; `None` if too few were."""
        deadline, done = clock.now_ns() + round(rules.seconds * 1e9), 0
        exposed = np.zeros(rules.samples, dtype=np.bool_)
        while done < rules.samples and (done < rules.least or clock.now_ns() < deadline):
            exposed[done] = self._sample(done, hidden_s)
            done += 1
        found = np.array(self._timer.elapsed_ns(done), dtype=np.float64)
        hidden = found[~exposed[:done]]
        return hidden if hidden.size >= min(done, rules.least) else None

    def _sample(self, number: int, hidden_s: float) -> bool:
        """One sample; whether the device had begun it before all of it was given."""
        self._player.refresh()
        self._device.synchronize()
        self._device.occupy(hidden_s)
        self._timer.start(number)
        self._give()
        self._timer.stop(number)
        exposed = self._timer.has_begun(number)
        self._device.synchronize()
        return exposed
