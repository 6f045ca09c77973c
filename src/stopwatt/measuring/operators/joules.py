"""An operator that keeps the device busy while another process reads its energy."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stopwatt.devices.base import Device
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import SETTLING, WINDOW, EnergyRules, Span
from stopwatt.measuring.energy import METRICS_OF, run_energy
from stopwatt.measuring.operators.player import DRIFT, Player
from stopwatt.records import Reading, Unavailable

_RECORDED = 512
"""Calls that are recorded together, at least: a recording of one short call would be bound by its own launch."""


@dataclass(frozen=True, slots=True)
class Joules:
    """What an energy phase leaves.

    Attributes:
        spans: When the operator ran how often.
        readings: Why there is no energy, for each metric; empty where there are spans.
    """

    spans: tuple[Span, ...] = ()
    readings: tuple[tuple[str, Reading], ...] = ()


@dataclass(frozen=True, slots=True)
class _Runs:
    device: Device
    sets: Sequence[Any]
    submit: Callable[[Any], Any]


def measure_energy(player: Player, device: Device, rules: EnergyRules, tick_s: float, seed: int) -> Joules:
    """Windows in which the operator runs without pause, by recording where the device can record.

    Args:
        player: The operator over its buffers.
        device: Where it runs.
        rules: Lengths and number of windows.
        tick_s: Between two changes of the slowest counter.
        seed: Of the pauses between windows.

    Raises:
        KeyboardInterrupt: The user asked to stop.
    """
    if player.why_not_endless:
        return _without(player.why_not_endless)
    work = _Runs(device, player.rounds(_RECORDED, DRIFT), player.play_run)
    recorded = replace(rules, replay=kind_of(device.name) != "cpu")
    dice = random.Random(seed)  # noqa: S311  (pauses, not secrets)
    found = run_energy(work, recorded, tick_s, dice=dice)
    if found.interrupted:
        raise KeyboardInterrupt
    if found.why:
        return _without(found.why)
    ours = {SETTLING, WINDOW}
    return Joules(tuple(replace(one, calls=one.calls * DRIFT) if one.name in ours else one for one in found.spans))


def _without(why: str) -> Joules:
    names = (name for of_scope in METRICS_OF.values() for name in of_scope)
    return Joules(readings=tuple((name, Unavailable(why)) for name in names))
