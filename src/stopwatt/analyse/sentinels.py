"""What sentinels and temperatures say of rounds that are looked at together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stopwatt.analyse.energy import OF_SCOPE
from stopwatt.meters.sentinel import REPEATS, SAME_TEMPERATURE, moved, scope_of, sentinel_of
from stopwatt.records import Measured, Measurement, Note, Reading, Severity, Status, Suspect


def replaced(measurements: Iterable[Measurement]) -> set[str]:
    """Ids of the measurements that another one stands for: the same round was measured again."""
    return {str(one.facts[REPEATS]) for one in measurements if one.status is Status.OK and REPEATS in one.facts}


def doubts_of(measurements: Sequence[Measurement]) -> dict[str, str]:
    """Id of a measurement -> why its energy is suspect beside that of the others, those that were replaced left out."""
    gone = replaced(measurements)
    left = (one for one in measurements if one.id not in gone)
    return moved(sentinel for one in left if (sentinel := sentinel_of(one)) is not None)


def doubted(one: Measurement, doubts: Mapping[str, str]) -> Measurement:
    """The measurement with suspect energy of its device, if there is a doubt."""
    why = doubts.get(one.id)
    if why is None:
        return one
    names = OF_SCOPE[scope_of(one.cell.setup.device)]
    found = {name: _suspect(one.readings[name], why) for name in names if name in one.readings}
    return replace(one, readings={**one.readings, **found})


def _suspect(reading: Reading, why: str) -> Reading:
    match reading:
        case Measured(value, unit):
            return Suspect(value, unit, why)
        case Suspect(value, unit, before):
            return Suspect(value, unit, f"{before}; {why}")
    return reading


def start_temperature(one: Measurement) -> float | None:
    """Degrees Celsius of the device when the windows of a round began; `None` if nobody read it."""
    found = one.facts.get(f"energy.{scope_of(one.cell.setup.device)}.temperature_start")
    return float(found) if isinstance(found, int | float) else None


def temperature_note(ok: Sequence[Measurement]) -> Note | None:
    """That the rounds of a cell were measured at different temperatures, if they were."""
    known = [degrees for one in ok if (degrees := start_temperature(one)) is not None]
    if not known or max(known) - min(known) <= SAME_TEMPERATURE:
        return None
    return Note(
        "energy-temperatures",
        f"the energy windows of its rounds began at {min(known):.0f} to {max(known):.0f} °C: a warmer chip leaks more",
        Severity.INFO,
        now="more --rounds: the interval holds what that does",
    )
