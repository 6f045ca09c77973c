"""Rounds in which the device was not as in the others, by the fixed work that every round ends its windows with.

The same work on the same device takes the same energy. Where it does not, the device is another one: warmer, under
another clock or power limit, or shared. What the round says of its model's energy is then as far off.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.energy import Scope
from stopwatt.records import Measurement, Status
from stopwatt.units import change

MOVED = 0.02
"""A sentinel that is further off than this share of the usual one moved; one that is not known as well says nothing."""
SAME_TEMPERATURE = 2.0
"""What begins further apart than this (in degrees) was not measured under the same conditions."""
REPEATS = "energy.repeats"
"""Fact of a round that was measured again because its sentinel had moved: id of the measurement that it replaces."""


@dataclass(frozen=True, slots=True)
class Sentinel:
    """What the fixed work took in one round.

    Attributes:
        measurement: Id of the round's record.
        key: Of the round's cell.
        device: What has to be the same for two sentinels to be of the same work on the same device.
        joules: A call.
        temperature: In degrees Celsius when it began; NaN if nobody read it.
    """

    measurement: str
    key: str
    round: int
    device: Hashable
    joules: float
    temperature: float = float("nan")


def scope_of(device: str) -> Scope:
    """Whose energy a sentinel on a device is judged by: that of the device itself."""
    return Scope.GPU if device.startswith("cuda") else Scope.PACKAGE


def sentinel_of(one: Measurement) -> Sentinel | None:
    """That of a round; `None` if it has none that can be judged."""
    setup, prefix = one.cell.setup, f"energy.{scope_of(one.cell.setup.device)}"
    joules, half_width = (one.facts.get(f"{prefix}.sentinel_{name}") for name in ("j", "half_width"))
    if one.status is not Status.OK or not (isinstance(joules, int | float) and isinstance(half_width, int | float)):
        return None
    if not joules > 0 or not half_width <= MOVED or f"{prefix}.sentinel_why" in one.facts:
        return None
    # numpy's product is another piece of work on other threads
    threads = 0 if setup.device.startswith("cuda") else setup.threads
    device = (one.cell.machine, setup.device, str(one.facts.get("gpu.uuid", "")), threads)
    temperature = one.facts.get(f"{prefix}.sentinel_temperature")
    degrees = float(temperature) if isinstance(temperature, int | float) else float("nan")
    return Sentinel(one.id, one.cell.key, one.round, device, joules, degrees)


def moved(sentinels: Iterable[Sentinel]) -> dict[str, str]:
    """Which rounds were not measured on a device as it was in the others, and in how far.

    Args:
        sentinels: Of rounds that are looked at together; the median of those of a cell on a device is the usual one.
            What ran just before the fixed work leaves the device warm or cool, so only rounds of the same cell are
            alike in that.

    Returns:
        Id of the measurement -> what moved.
    """
    alike: dict[Hashable, list[Sentinel]] = defaultdict(list)
    for one in sentinels:
        alike[one.device, one.key].append(one)
    return {name: why for group in alike.values() for name, why in _moved(group)}


def _moved(group: Sequence[Sentinel]) -> Iterable[tuple[str, str]]:
    usual = float(np.median([one.joules for one in group]))
    degrees = float(np.median([one.temperature for one in group]))
    for one in group:
        off = one.joules / usual
        if abs(off - 1) > MOVED:
            warm = abs(one.temperature - degrees) > SAME_TEMPERATURE
            at = f" ({one.temperature:.0f} °C, usually {degrees:.0f} °C)" if warm else ""
            yield one.measurement, f"the sentinel was {change(off)} off that of the other rounds{at}"
