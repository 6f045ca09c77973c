"""Which rules of energy can be asked for, and how much time a round needs for them."""

from stopwatt.energy import EnergyRules
from stopwatt.errors import UsageError
from stopwatt.measuring.energy import SENTINEL_SETTLE_S, sentinel_seconds, window_seconds
from stopwatt.records import Process, Protocol
from stopwatt.sweeping import pacing, room
from stopwatt.units import quantity

SLOW_TICK_S = 0.1
"""Between two changes of a counter, as slow as counters of GPUs are known to be."""
GRACE_S = 10.0
"""Time beside the windows: recording calls, and a last long call of each window."""
MOST_CPU_WATTS = 1000.0
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("settle_s", 0.0, 3600.0),
    ("window_s", 0.01, 3600.0),
    ("ticks", 1, 100_000),
    ("windows", 1, 1000),
    ("idle_s", 0.0, 3600.0),
    ("sentinel_s", 0.0, 3600.0),
)


def planned_s(rules: EnergyRules) -> float:
    """How long the phase lasts in the round's process, where a counter is read."""
    window_s = window_seconds(rules, SLOW_TICK_S)
    sentinel_s = sentinel_seconds(rules, SLOW_TICK_S)
    sentinel_s += SENTINEL_SETTLE_S if sentinel_s else 0.0
    return rules.settle_s + rules.windows * window_s + (rules.windows - 1) * SLOW_TICK_S + sentinel_s + rules.idle_s


def whole_s(rules: Protocol) -> float:
    """The same with the time for which the machine is left alone before: not between processes that are shared."""
    if rules.energy is None:
        return 0.0
    return planned_s(rules.energy) + (rules.energy.idle_s if rules.process is Process.FRESH else 0.0)


def latest_s(rules: EnergyRules) -> float:
    """When the phase has ended at the latest, as far as calls are not themselves as long as windows."""
    return room.latest_s(planned_s(rules), GRACE_S)


def with_room(rules: Protocol) -> Protocol:
    """The same rules with the time for their energy phase added to the time limit of a round."""
    return rules if rules.energy is None else room.with_room(rules, latest_s(rules.energy))


def check_energy(rules: Protocol) -> None:
    """Refuse rules of energy that no round could follow.

    Raises:
        UsageError: A value out of range, or a time limit of the round that is shorter than the phase.
    """
    if rules.cpu_watts is not None and not 0 < rules.cpu_watts <= MOST_CPU_WATTS:
        raise UsageError(
            f"{rules.cpu_watts:g} W are not the power of a busy core",
            when="the estimate of a processor's energy",
            now="divide the watts of the processor's data sheet by its cores: 5 to 30 W are usual",
        )
    energy = rules.energy
    if energy is None:
        return
    _check_ranges(energy)
    asked = f"{energy.windows} windows of at least {quantity(energy.window_s, 's')}"
    latest, phase = latest_s(energy), "its energy phase takes"
    if rules.paced is not None:
        latest, phase = latest + pacing.latest_s(rules.paced), "its paced series and its energy phase take"
    room.check_room(rules, latest, phase=phase, when=asked, less="fewer or shorter windows")


def _check_ranges(energy: EnergyRules) -> None:
    for name, low, high in _RANGES:
        value = getattr(energy, name)
        if not low <= value <= high:
            raise UsageError(
                f"{name} {value:g} is out of range", when="energy", now=f"use a number from {low:g} to {high:g}"
            )
