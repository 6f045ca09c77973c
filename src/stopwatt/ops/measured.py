"""What was measured here as tables of costs: a row a replay."""

import math

from stopwatt.operators.replay import Replay
from stopwatt.operators.rows import MEASURED, Observed, tables_of
from stopwatt.operators.statistics import time_of
from stopwatt.operators.table import Table
from stopwatt.records import Measured, Status
from stopwatt.store import Store

_ENERGY, _POWER, _LIMIT = "energy_gpu", "power_gpu", "power_limit_gpu"


def measured_tables(store: Store, *, hardware: str | None = None) -> list[Table]:
    """All replays that have a time, as one table for each hardware and family, in the order of measuring.

    A row is a replay: an operator that was measured by several processes has several. Its time is the median of its
    samples, its power that of the board; the latter is missing where none was measured.

    Args:
        store: That holds them.
        hardware: Only those of it; all without it.
    """
    found: dict[str, list[Observed]] = {}
    for kept in store.operators.replays(hardware=hardware):
        replay = kept.replay
        if replay.status is Status.OK and replay.samples and (seconds := time_of(replay)) > 0:
            row = Observed(kept.operator, replay.mode, seconds, power_of(replay, seconds), _value(replay, _LIMIT))
            found.setdefault(kept.place.hardware, []).append(row)
    return [table for name, rows in found.items() for table in tables_of(rows, name, MEASURED).values()]


def power_of(replay: Replay, seconds: float) -> float:
    """Mean board power in W while an operator was called again and again; NaN where it was not measured.

    Args:
        replay: Of the operator.
        seconds: That a call takes.
    """
    power = _value(replay, _POWER)
    return _value(replay, _ENERGY) / seconds if math.isnan(power) else power


def _value(replay: Replay, name: str) -> float:
    reading = replay.readings.get(name)
    return reading.value if isinstance(reading, Measured) else math.nan
