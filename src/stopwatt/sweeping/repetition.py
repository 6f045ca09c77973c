"""Rounds whose energy is measured once more, because the device was not as in the others while they ran."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from stopwatt.meters.sentinel import REPEATS, Sentinel, moved, sentinel_of
from stopwatt.records import Cell, Measurement, Note, Severity, Status
from stopwatt.sweeping.turns import Turn


class Repetitions:
    """Hears of every round of a run, those of earlier starts included; tells which are to be measured again."""

    def __init__(self) -> None:
        self._sentinels: list[Sentinel] = []
        self._settled: set[str] = set()  # replaced, or replacing

    def hear(self, measurement: Measurement) -> None:
        """A round was saved. One that was interrupted says nothing, and replaces nothing."""
        sentinel = sentinel_of(measurement)
        if sentinel is not None:
            self._sentinels.append(sentinel)
        replaced = measurement.facts.get(REPEATS)
        if replaced and measurement.status is not Status.INTERRUPTED:
            self._settled |= {str(replaced), measurement.id}

    def due(self, cells: Sequence[Cell]) -> deque[Turn]:
        """What to measure again, once each, in the order in which it was measured.

        Args:
            cells: Of the plan.
        """
        why = {name: text for name, text in moved(self._sentinels).items() if name not in self._settled}
        of_key = {cell.key: cell for cell in cells} if why else {}
        return deque(
            Turn(one.round, of_key[one.key], one.key, instead=one.measurement, because=why[one.measurement])
            for one in self._sentinels
            if one.measurement in why and one.key in of_key
        )


def marked(turn: Turn, measurement: Measurement) -> Measurement:
    """The round with what it replaces; as it is if it replaces nothing."""
    if not turn.instead:
        return measurement
    text = f"the round was measured again: in its first measurement {turn.because}"
    note = Note("energy-repeated", text, Severity.INFO)
    return replace(measurement.with_facts({REPEATS: turn.instead}), notes=(*measurement.notes, note))
