"""Which rules of energy can be asked for, and how much time a round needs for them."""

from dataclasses import replace

from stopwatt.energy import EnergyRules
from stopwatt.errors import UsageError
from stopwatt.measuring.energy import SENTINEL_SETTLE_S, sentinel_seconds, window_seconds
from stopwatt.records import Process, Protocol
from stopwatt.sweeping import pacing
from stopwatt.units import duration, quantity

SLOW_TICK_S = 0.1
"""Between two changes of a counter, as slow as counters of GPUs are known to be."""
OVERTIME = 1.25
"""The phase ends whole blocks of calls, not calls: it takes somewhat longer than its rules say."""
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
    return OVERTIME * planned_s(rules) + GRACE_S


def with_room(rules: Protocol) -> Protocol:
    """The same rules with the time for their energy phase added to the time limit of a round."""
    if rules.energy is None:
        return rules
    return replace(rules, timeout_s=rules.timeout_s + latest_s(rules.energy))


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
    if rules.energy is None:
        return
    for name, low, high in _RANGES:
        value = getattr(rules.energy, name)
        if not low <= value <= high:
            raise UsageError(
                f"{name} {value:g} is out of range", when="energy", now=f"use a number from {low:g} to {high:g}"
            )
    paced_s = 0.0 if rules.paced is None else pacing.latest_s(rules.paced)
    latest = latest_s(rules.energy) + paced_s
    if rules.timeout_s <= latest:
        raise UsageError(
            f"a round may take {duration(rules.timeout_s)}, but its energy phase takes up to {duration(latest)}",
            when=f"{rules.energy.windows} windows of at least {quantity(rules.energy.window_s, 's')}",
            now=f"allow more (--timeout {round(latest + 600)}s), or ask for fewer or shorter windows",
        )
