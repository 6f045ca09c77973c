"""What a table from elsewhere brought, or would bring, for people and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.estimate import counted
from stopwatt.records import Measured, Measurement, Scalar, Setup
from stopwatt.reporting.grid import Column, grid
from stopwatt.store.foreign.bring import Brought, Table
from stopwatt.store.foreign.coordinates import UNKNOWN
from stopwatt.text import printable

SCHEMA = 1
"""Version of `document`."""

_FIRST = 5
_VALUES = 8


def show_dry_run(console: Console, table: Table) -> None:
    """What a table would bring: its columns, its first cells, and what it cannot support."""
    _show_table(console, table)
    columns = (Column("place"), "what", "setup", Column("round", right=True), Column("time", right=True))
    first = [_first_cells(measurement) for measurement in table.measurements[:_FIRST]]
    console.print(grid(f"The first {len(first)} of {len(table.measurements)}", columns, first))
    _show_notes(console, table)
    console.print("nothing was stored; without --dry-run it is")


def show_brought(console: Console, brought: Brought, where: str) -> None:
    """What a table brought, and what it cannot support."""
    table, run = brought.table, brought.table.run.id[:8]
    _show_table(console, table)
    _show_notes(console, table)
    for other in brought.others:
        text = f"! the store holds another reading of this file, as run {other.id[:8]}: {other.command}"
        console.print(Text(printable(text), style="warning"))
    console.print(f"{brought.new} new measurements, {brought.known} that were there already", markup=False)
    console.print(Text(f"stored as run {run} in {printable(where)}", style="quiet"))
    console.print(Text(f"  now: stopwatt show --run {run}", style="quiet"))


def document(table: Table, brought: Brought | None) -> dict[str, Any]:
    """The same as plain values; `new` and `known` are null where nothing was to be stored."""
    return {
        "schema": SCHEMA,
        "path": str(table.file.path),
        "new": brought.new if brought else None,
        "known": brought.known if brought else None,
        "run": table.run.id,
        "workload": table.source,
        "sha256": table.file.sha256,
        "cells": table.cells,
        "measurements": len(table.measurements),
        "metric": table.metric,
        "trials": table.trials,
        "columns": [
            {"head": column.head, "name": column.name, "values": len(table.values(column.name))}
            for column in table.columns.keys
        ],
        "times": [{"head": column.head, "unit": column.unit} for column in table.columns.times],
        "first": [_first(measurement) for measurement in table.measurements[:_FIRST]],
        "notes": [{"kind": note.kind, "severity": str(note.severity), "text": note.text} for note in table.notes],
        "others": [run.id for run in brought.others] if brought else [],
    }


def _show_table(console: Console, table: Table) -> None:
    file, times = table.file, table.columns.times
    what = "means" if table.columns.means else f"{table.trials} trials"
    heads = repr(times[0].head) + (f" to {times[-1].head!r}" if len(times) > 1 else "")
    encoding = ", read as Latin-1, since it is not UTF-8" if file.encoding == "latin-1" else ""
    cells = counted(table.cells, "cell")
    text = f"{file.path}: {cells} of {table.source}, {what} in {times[0].unit} from {heads}{encoding}"
    console.print(Text(printable(text)))
    console.print(grid("", ("column", "becomes", Column("values", right=True), "which"), list(_column_rows(table))))


def _column_rows(table: Table) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for column in table.columns.keys:
        values = table.values(column.name)
        rows.append((column.head, column.name, str(len(values)), _listed(values)))
    rows += [("(stated for all)", name, "1", text) for name, text in table.columns.said.items()]
    if not any(column.name == "batch" for column in table.columns.setup) and "batch" not in table.columns.said:
        rows.append(("(nobody said)", "batch", "1", "1: a call counts as one sample"))
    return rows


def _listed(values: Sequence[Scalar]) -> str:
    shown = [f"{value:g}" if isinstance(value, float) else str(value)[:30] for value in values[:_VALUES]]
    return ", ".join(shown) + (" ..." if len(values) > _VALUES else "")


def _first(measurement: Measurement) -> dict[str, Any]:
    setup = measurement.cell.setup
    parts: Mapping[str, Scalar] = {
        "backend": setup.backend, "precision": str(setup.precision), "batch": setup.batch, "device": setup.device,
        "threads": setup.threads, "machine": measurement.facts["stated.machine"],
    }  # fmt: skip
    return {
        "place": measurement.log,
        "params": dict(measurement.cell.workload.params),
        **parts,
        "round": measurement.round,
        "seconds": _seconds(measurement),
        "trials": _trials(measurement),
    }


def _first_cells(measurement: Measurement) -> Sequence[str]:
    trials = _trials(measurement)
    params = ", ".join(f"{name}={value}" for name, value in measurement.cell.workload.params.items())
    several = f"{trials} trials, median " if "latency" in measurement.samples else ""
    time = several + units.quantity(_seconds(measurement), "s")
    place = measurement.log.rpartition(", ")[2]
    return (place, params, _known_setup(measurement.cell.setup), str(measurement.round), time)


def _known_setup(setup: Setup) -> str:
    known = [part for part in (setup.backend, str(setup.precision), setup.device) if part != UNKNOWN]
    return " ".join([*known, f"batch {setup.batch}"])


def _seconds(measurement: Measurement) -> float:
    """The mean, or the median of the trials."""
    if "latency" in measurement.samples:
        return float(np.median(measurement.samples["latency"].values)) / 1e9
    mean = measurement.readings["mean_latency"]
    assert isinstance(mean, Measured)  # noqa: S101  (every line of a table of means has one)
    return mean.value


def _trials(measurement: Measurement) -> int | None:
    """Behind the time; `None` where the table does not say."""
    if "latency" in measurement.samples:
        return int(measurement.samples["latency"].values.size)
    stated = measurement.readings.get("mean_latency_trials")
    return int(stated.value) if isinstance(stated, Measured) else None


def _show_notes(console: Console, table: Table) -> None:
    console.print("What this table cannot support:")
    for note in table.notes:
        console.print(Text(f"! {printable(note.text)}", style="warning"))
        if note.now:
            console.print(Text(f"  now: {printable(note.now)}"))
