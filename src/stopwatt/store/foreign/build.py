"""From a table to measurements that the rest of stopwatt understands."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from stopwatt.records import (
    Boundary,
    Cell,
    Measured,
    Measurement,
    Note,
    Protocol,
    Reading,
    Samples,
    Scalar,
    Status,
    Warmup,
    Workload,
)
from stopwatt.store.foreign.columns import Columns
from stopwatt.store.foreign.coordinates import Coordinates, coordinates_of
from stopwatt.store.foreign.files import TableFile
from stopwatt.store.foreign.gather import Found, gather
from stopwatt.store.foreign.spec import TableSpec
from stopwatt.store.foreign.stated import code_of, machine_of, notes_on, stated_facts

_NS = 1e9

NO_RULES = Protocol(
    rounds=1,
    trials=0,
    trial_seconds=None,
    min_trials=0,
    warmup=Warmup(0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0),
    boundary=Boundary.UNKNOWN,
    input_sets=0,
    throughput_windows=0,
    throughput_seconds=0.0,
    timeout_s=0.0,
)
"""The protocol of imported cells: none of stopwatt's rules held, and those that did are not known."""


def build(table: TableFile, spec: TableSpec, columns: Columns, source: str) -> list[Measurement]:
    """Read the whole table.

    Args:
        table: Where the measurements come from.
        spec: What the person said.
        columns: Where in the table what stands.
        source: Of the workload.

    Returns:
        A measurement for each cell and round, in the order of the lines.

    Raises:
        UsageError: Something in the table cannot be; with the line.
    """
    found = gather(table, columns)
    facts, notes = stated_facts(table, spec, columns), tuple(notes_on(columns))
    maker = _Maker(table, columns, source, code_of(table, columns), facts, notes, _now())
    places = coordinates_of(table, columns, found)
    return [maker.measurement(where, series) for where, series in zip(places, found.values(), strict=True)]


@dataclass(frozen=True, slots=True)
class _Maker:
    """What all measurements of a table share."""

    table: TableFile
    columns: Columns
    source: str
    code: str
    facts: dict[str, Scalar]
    notes: tuple[Note, ...]
    brought_at: str

    def measurement(self, where: Coordinates, series: Found) -> Measurement:
        """One round of one cell. Its id follows from the content, so that a second import brings nothing new."""
        workload = Workload(self.source, dict(where.params))
        cell = Cell(workload, where.setup, NO_RULES, self.code, {}, machine_of(self.table, where.machine))
        return Measurement(
            cell,
            where.round,
            Status.OK,
            samples={} if self.columns.means else {"latency": _samples(series)},
            readings=_readings(series) if self.columns.means else {},
            facts=self.facts | {"stated.machine": where.machine or "not said"},
            notes=self.notes,
            log=f"{self.table.path.name}, {self.table.place} {series.place}",
            started_at=self.brought_at,
            id=hashlib.sha256(f"{cell.key}:{where.round}".encode()).hexdigest()[:32],
        )


def _samples(series: Found) -> Samples:
    return Samples(np.rint(np.frombuffer(series.times, dtype=np.float64)).astype(np.int64), "ns")


def _readings(series: Found) -> dict[str, Reading]:
    readings: dict[str, Reading] = {"mean_latency": Measured(series.times[0] / _NS, "s")}
    if series.sd is not None:
        readings["mean_latency_sd"] = Measured(series.sd / _NS, "s")
    if series.count is not None:
        readings["mean_latency_trials"] = Measured(series.count, "1")
    return readings


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
