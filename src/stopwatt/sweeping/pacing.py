"""Which paced series can be asked for, and how much time a round needs for it."""

from stopwatt.errors import UsageError
from stopwatt.records import Paced, Protocol
from stopwatt.sweeping import room
from stopwatt.units import duration, quantity
from stopwatt.ways import Load

REALTIME_CYCLES = 1_000_000
REALTIME_SECONDS = 3600.0
MOST_CYCLES = 10_000_000
SHORTEST_PERIOD_S = 10e-6
"""Below this the waiting loop itself, some microseconds a cycle, is a part of the result."""
LONGEST_SERIES_S = 7 * 24 * 3600.0
GRACE_S = 5.0
"""Time beside the schedule: calls before its first cycle, starting a load, locking memory."""


def realtime(period_s: float, cycles: int | None = None, load: Load | None = None) -> Paced:
    """What `--realtime` means: 10^6 cycles or an hour, whichever ends first, half of it under load.

    Args:
        period_s: Between two intended starts.
        cycles: Another number of cycles.
        load: Another load than `Load.CPU`.
    """
    return Paced(period_s, cycles or REALTIME_CYCLES, REALTIME_SECONDS, load or Load.CPU, realtime=True)


def planned_s(paced: Paced) -> float:
    """How long the schedule lasts."""
    whole = paced.period_s * paced.cycles
    return whole if paced.seconds is None else min(whole, paced.seconds)


def latest_s(paced: Paced) -> float:
    """When a series has ended at the latest, even if it cannot keep up with its schedule."""
    return room.latest_s(planned_s(paced), GRACE_S)


def with_room(rules: Protocol) -> Protocol:
    """The same rules with the time for their paced series added to the time limit of a round."""
    return rules if rules.paced is None else room.with_room(rules, latest_s(rules.paced))


def check_paced(rules: Protocol) -> None:
    """Refuse a paced series that no round could follow.

    Raises:
        UsageError: A value out of range, or a time limit of the round that is shorter than the series.
    """
    paced = rules.paced
    if paced is None:
        return
    _check_ranges(paced)
    asked = f"{paced.cycles} cycles of {quantity(paced.period_s, 's')}"
    room.check_room(rules, latest_s(paced), phase="its paced series takes", when=asked, less="fewer --cycles")


def _check_ranges(paced: Paced) -> None:
    for name, value, low, high in (
        ("period", paced.period_s, SHORTEST_PERIOD_S, 3600.0),
        ("cycles", paced.cycles, 1, MOST_CYCLES),
        ("seconds", paced.seconds, 1e-3, LONGEST_SERIES_S),
    ):
        if value is not None and not low <= value <= high:
            limits = f"from {quantity(low, 's')} to {duration(high)}" if name != "cycles" else f"from {low} to {high}"
            raise UsageError(f"{name} {value:g} is out of range", when="paced arrivals", now=f"use one {limits}")
    if planned_s(paced) > LONGEST_SERIES_S:
        raise UsageError(
            f"a paced series of {paced.cycles} cycles takes {duration(planned_s(paced))}",
            when=f"a cycle every {quantity(paced.period_s, 's')}",
            now="ask for fewer --cycles or a shorter --period",
        )
