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
_EXPOSED_SHARE = 0.05
"""Largest share of samples that the device may have begun before the host had submitted them."""


@dataclass(frozen=True, slots=True)
class Series:
    """What was timed.

    Attributes:
        samples: ns a call, by name.
        calls: Calls in a sample of `call`.
    """

    samples: dict[str, Samples]
    calls: int


@dataclass(frozen=True, slots=True)
class _Work:
    """What is given to the device at once.

    Attributes:
        give: Returns before it is done.
        hidden_s: How long the device is kept busy meanwhile.
    """

    give: Callable[[], None]
    hidden_s: float


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
        again = device.capture(player.play)
    except Exception:  # noqa: BLE001  (each runtime has its own way to say that work cannot be recorded)
        again = None
    if again is not None:
        again()
        device.synchronize()
        return _events(player, device, timer, rules, _Work(again, _OCCUPIED_S)) / calls
    calls = player.prepare_rounds(min(calls, _MOST_QUEUED))
    found = _events(player, device, timer, rules, _Work(player.play, _MARGIN * submit_s * calls))
    return found / calls if found.size else None


def _events(player: Player, device: Device, timer: DeviceTimer, rules: ReplayRules, work: _Work) -> NDArray[np.float64]:
    """Nanoseconds between the events of each sample; empty if the device often began before all was given."""
    deadline, done, exposed = clock.now_ns() + round(rules.seconds * 1e9), 0, 0
    while done < rules.samples and (done < rules.least or clock.now_ns() < deadline):
        player.refresh()
        device.synchronize()
        device.occupy(work.hidden_s)
        timer.start(done)
        work.give()
        timer.stop(done)
        exposed += timer.has_begun(done)
        device.synchronize()
        done += 1
    found = np.array(timer.elapsed_ns(done), dtype=np.float64)
    return found if exposed <= _EXPOSED_SHARE * done else found[:0]
