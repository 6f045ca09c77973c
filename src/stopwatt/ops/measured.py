"""What was measured here as tables of costs: a row a replay."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from stopwatt.operators.measured import SENTINEL
from stopwatt.operators.replay import Place, Replay
from stopwatt.operators.rows import MEASURED, Observed, tables_of
from stopwatt.operators.statistics import time_of
from stopwatt.operators.table import Table
from stopwatt.records import Measured, Status, Suspect
from stopwatt.store import Store
from stopwatt.store.operators import Kept

_ENERGY, _POWER = "energy_gpu", "power_gpu"


def measured_tables(store: Store, *, hardware: str | None = None) -> list[Table]:
    """All replays that have a time, as one table for each hardware and family, in the order of measuring.

    A row is a replay: an operator that was measured by several processes has several. Its time is the median of its
    samples, its power that of the board, missing where none was measured. Replays of a job whose sentinel moved count
    only where the operator was not measured again in a steady one.

    Args:
        store: That holds them.
        hardware: Only those of it; all without it.
    """
    return _tables(store, hardware, lambda place: place.hardware)


def place_tables(store: Store) -> list[Table]:
    """The same rows, each place a device of its own: one core takes longer than eight, tf32 less than fp32."""
    return _tables(store, None, lambda place: place.label)


def _tables(store: Store, hardware: str | None, device_of: Callable[[Place], str]) -> list[Table]:
    found: dict[str, list[Observed]] = {}
    for kept in _steady(store.operators.replays(hardware=hardware)):
        found.setdefault(device_of(kept.place), []).append(_observed(kept))
    return [table for name, rows in found.items() for table in tables_of(rows, name, MEASURED).values()]


def observed_at(store: Store, place: Place, sentinel_s: float | None = None) -> list[Observed]:
    """The same rows of one place, before they are tables: whoever leaves operators out needs their keys.

    A machine that others share is a tenth slower on one day than on another. Times are put to one speed by the
    sentinels of their jobs: a row whose sentinel took a tenth longer counts a tenth less.

    Args:
        store: That holds them.
        place: Where they were measured.
        sentinel_s: What the sentinel takes at that speed; the median of the rows' own (`usual_sentinel`) if absent.
    """
    steady = _steady(store.operators.replays(place=place))
    usual = _median_sentinel(steady) if sentinel_s is None else sentinel_s
    return [_at_speed(_observed(kept), _sentinel(kept.replay), usual) for kept in steady]


def usual_sentinel(store: Store, place: Place) -> float:
    """What the sentinel of the jobs at a place takes: the median in seconds; NaN without any."""
    return _median_sentinel(_steady(store.operators.replays(place=place)))


def _median_sentinel(rows: Sequence[Kept]) -> float:
    found = [seconds for seconds in (_sentinel(kept.replay) for kept in rows) if not math.isnan(seconds)]
    return statistics.median(found) if found else math.nan


def _at_speed(row: Observed, sentinel_s: float, usual_s: float) -> Observed:
    factor = usual_s / sentinel_s
    return row if math.isnan(factor) else replace(row, time_s=row.time_s * factor)


def _sentinel(replay: Replay) -> float:
    reading = replay.readings.get(SENTINEL)
    return reading.value if isinstance(reading, Measured | Suspect) else math.nan


def _observed(kept: Kept) -> Observed:
    seconds = time_of(kept.replay)
    return Observed(kept.operator, kept.replay.mode, seconds, power_of(kept.replay, seconds))


def power_of(replay: Replay, seconds: float) -> float:
    """Mean board power in W while an operator was called again and again; NaN where it was not measured.

    Args:
        replay: Of the operator.
        seconds: That a call takes.
    """
    power = _value(replay, _POWER)
    return _value(replay, _ENERGY) / seconds if math.isnan(power) else power


def _steady(replays: Iterable[Kept]) -> Sequence[Kept]:
    """Those with a time; where some of an operator, mode and place are of steady jobs, only these."""
    good = [one for one in replays if one.replay.status is Status.OK and one.replay.samples and time_of(one.replay) > 0]
    steady = {_subject(one) for one in good if not _moved(one.replay)}
    return [one for one in good if not (_moved(one.replay) and _subject(one) in steady)]


def _subject(kept: Kept) -> tuple[str, ...]:
    place = kept.place
    software = repr(sorted(place.software.items()))
    where = (place.device, place.hardware, place.machine, str(place.threads), place.precision, software)
    return (*where, kept.replay.operator, kept.replay.mode)


def _moved(replay: Replay) -> bool:
    return isinstance(replay.readings.get(SENTINEL), Suspect)


def _value(replay: Replay, name: str) -> float:
    reading = replay.readings.get(name)
    return reading.value if isinstance(reading, Measured) else math.nan
