"""`stopwatt show`: what the results database holds."""

import json as json_format
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter

from stopwatt import units
from stopwatt.errors import UsageError
from stopwatt.records import Cell, Measurement, Samples, Scalar, Workload
from stopwatt.store import Access, Entry, Run, Selection, open_store
from stopwatt.wire import to_document
from stopwatt.workloads.params import short_label

if TYPE_CHECKING:
    from rich.table import Table

    from stopwatt.store import Store

SCHEMA = 1
"""Version of what `--json` prints."""

_NARROW = {"id", "run", "began", "status", "device"}  # columns that are never broken into lines
_LATEST = 20
_ID = 8


def show(
    what: str | None = None,
    /,
    *,
    select: Annotated[Selection | None, Parameter(name="*")] = None,
    rates: Annotated[bool, Parameter(negative=())] = False,
    ways: Annotated[bool, Parameter(negative=())] = False,
    store: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """List runs and measurements, or show one of them in full.

    Three examples:

        stopwatt show

        stopwatt show --workload lstm --status ok --limit 5

        stopwatt show --rates --json

    Args:
        what: Id of a run or a measurement, or its beginning.
        select: Which measurements; without any of these options the latest 20.
        rates: Show FLOP/s and bytes/s of cells instead, as a share of what `stopwatt ceilings` measured; without any
            of the options above those of the latest run.
        ways: Show what ways of measuring report against the reference (`stopwatt protocol`) instead; without any of the
            options above those of the latest run that has some.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        json: Print JSON.

    """
    with open_store(store, access=Access.READ) as results:
        chosen = select or Selection()
        measurement = None if what is None else _measurement(results, what)
        if measurement is not None:
            _show_one(measurement, json=json)
            return
        if (run := what or chosen.run) is not None:
            chosen = replace(chosen, run=results.run(run).id)
        if ways:
            _show_ways(results, chosen, json=json)
            return
        if rates:
            _show_rates(results, chosen, json=json)
            return
        if chosen == Selection():
            chosen = Selection(limit=_LATEST)
        entries = results.entries(chosen)
        if not (entries or json or replace(chosen, run=None, limit=None) == Selection()):
            raise _nothing_fits(results, chosen)
        _show_list(_runs_of(results, chosen, entries), entries, json=json)


def _measurement(results: "Store", what: str) -> Measurement | None:
    """The measurement with that id; `None` where it is the id of a run."""
    try:
        return results.measurement(what)
    except UsageError:
        if results.has_run(what):
            return None
        raise


def _show_rates(results: "Store", chosen: Selection, *, json: bool) -> None:
    from stopwatt.analyse.ceilings import ceilings_of
    from stopwatt.analyse.rates import rates_of
    from stopwatt.analyse.selftests import SOURCE as SELFTEST
    from stopwatt.analyse.summary import summarise
    from stopwatt.measuring.ceilings import SOURCE
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.rates import rates_document, show_rates

    ceilings = ceilings_of(results.measurements(Selection(workload=SOURCE)))
    if chosen == Selection():
        entries = reversed(results.entries(chosen))
        latest = next((one for one in entries if one.workload not in {SOURCE, SELFTEST}), None)
        chosen = Selection(run=latest.run) if latest else chosen
    rows = sorted(summarise(results.measurements(chosen)), key=lambda row: (_setup(row.cell), row.cell.setup.batch))
    if not (rows or json or chosen == Selection()):
        raise _nothing_fits(results, chosen)
    found = [rates_of(row, ceilings) for row in rows]
    if json:
        print(_strict(rates_document(found)))
    else:
        show_rates(console_for(sys.stdout), found)


def _nothing_fits(results: "Store", chosen: Selection) -> UsageError:
    from stopwatt.store.unmatched import nothing_fits

    return nothing_fits(results, chosen)


def _show_ways(results: "Store", chosen: Selection, *, json: bool) -> None:
    from stopwatt.analyse.ablation import studies
    from stopwatt.analyse.ablation_document import studies_document
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.ways import render_studies

    selections = [chosen]
    if chosen == Selection():
        latest = next((run for run in reversed(results.runs()) if _holds_ablation(results, run)), None)
        selections = [Selection(run=latest.id)] if latest else []
    found = studies(one for selection in selections for one in results.measurements(selection))
    if json:
        print(_strict(studies_document(found)))
    else:
        render_studies(console_for(sys.stdout), found)


def _holds_ablation(results: "Store", run: Run) -> bool:
    cells = (cell for cell, _, _ in results.phases(Selection(run=run.id)))
    return any(cell.protocol.ablation is not None for cell in cells)


def _setup(cell: Cell) -> str:
    return f"{cell.workload.label} {cell.setup.device} {cell.setup.backend_label} {cell.setup.precision}"


def _runs_of(results: "Store", chosen: Selection, entries: Sequence[Entry]) -> list[Run]:
    """Runs of the listed measurements, and those that saved none yet where nothing restricts the list."""
    latest = results.runs(_LATEST)
    if chosen == Selection(limit=_LATEST):
        return latest
    wanted = {entry.run for entry in entries} | ({chosen.run} if chosen.run else set())
    return [run for run in results.runs() if run.id in wanted]


def _show_list(runs: Sequence[Run], entries: Sequence[Entry], *, json: bool) -> None:
    if json:
        document = {"runs": [asdict(run) for run in runs], "measurements": [asdict(entry) for entry in entries]}
        print(_strict({"schema": SCHEMA} | document))
        return
    from stopwatt.reporting.console import console_for

    console = console_for(sys.stdout)
    console.print(_table("Runs", _RUN_COLUMNS, [_run_cells(run) for run in runs]))
    console.print(_table("Measurements", _ENTRY_COLUMNS, [_entry_cells(entry) for entry in entries]))
    if entries:
        console.print(f"stopwatt show {entries[-1].id[:_ID]} shows the last one in full.")


_RUN_COLUMNS = ("run", "began", "status", "rounds>", "tag", "command")


def _run_cells(run: Run) -> list[str]:
    return [run.id[:_ID], _minute(run.started_at), run.status, str(run.rounds), run.tag or "-", run.command or "-"]


_ENTRY_COLUMNS = (
    "id", "run", "workload", "backend", "precision", "batch>", "device", "round>", "status", "trials>",
)  # fmt: skip


def _entry_cells(entry: Entry) -> list[str]:
    setup = [entry.backend, entry.precision, str(entry.batch), entry.device]
    result = [str(entry.round), entry.status, str(entry.trials) if entry.trials else "-"]
    workload = short_label(Workload(entry.workload, entry.params))
    return [entry.id[:_ID], entry.run[:_ID], workload, *setup, *result]


def _show_one(measurement: Measurement, *, json: bool) -> None:
    if json:
        print(_strict({"schema": SCHEMA, "measurement": _document(measurement)}))
        return
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.round import (
        SPAN_COLUMNS,
        TRACE_COLUMNS,
        label_pairs,
        reading_pairs,
        span_cells,
        trace_cells,
    )

    console = console_for(sys.stdout)
    console.print(_pairs("Measurement", _about(measurement)))
    console.print(_table("Trials", _SAMPLE_COLUMNS, [_sample_cells(*item) for item in measurement.samples.items()]))
    console.print(_pairs("Readings", reading_pairs(measurement)))
    if measurement.spans:
        console.print(_table("Spans", SPAN_COLUMNS, span_cells(measurement.spans)))
    if measurement.traces:
        console.print(_table("Traces", TRACE_COLUMNS, map(trace_cells, measurement.traces)))
    if labels := label_pairs(measurement):
        console.print(_pairs("Conditions of the trials", labels))
    phases = [(name, units.quantity(seconds, "s")) for name, seconds in measurement.phases.items()]
    console.print(_pairs("Phases", phases))
    console.print(_pairs("Protocol", _flat(to_document(measurement.cell.protocol))))
    console.print(_pairs("Software", measurement.cell.software.items()))
    console.print(_pairs("Facts", _flat(measurement.facts)))
    notes = [(note.kind, _lines(f"{note.severity}: {note.text}", note.now)) for note in measurement.notes]
    console.print(_pairs("Notes", notes))
    if measurement.log:
        console.print(_pairs("Log", [("last lines", measurement.log)]))


def _about(measurement: Measurement) -> list[tuple[str, str]]:
    cell, trouble = measurement.cell, measurement.trouble
    return [
        ("id", measurement.id),
        ("cell", cell.key),
        ("workload", cell.workload.label),
        ("setup", f"{cell.setup.label}, {cell.setup.threads} threads"),
        ("round", str(measurement.round)),
        ("began", measurement.started_at),
        ("status", measurement.status),
        ("trouble", _lines(trouble.what, trouble.when, trouble.now) if trouble else "-"),
        ("machine", cell.machine or "-"),
        ("code", cell.code or "-"),
    ]


_SAMPLE_COLUMNS = ("metric", "n>", "min>", "median>", "max>")


def _sample_cells(metric: str, samples: Samples) -> list[str]:
    from stopwatt.reporting.round import quantity_text

    summary = _summary(samples)
    unit = str(summary["unit"])
    quantities = [quantity_text(summary[name], unit) for name in ("min", "median", "max")]
    return [metric, str(summary["n"]), *quantities]


def _summary(samples: Samples) -> dict[str, Any]:
    """n, min, median and max in base units; what no trial gives is `None`."""
    factor, unit = (1e-9, "s") if samples.unit == "ns" else (1.0, samples.unit)
    values = samples.values * factor
    if not values.size:
        return {"n": 0, "min": None, "median": None, "max": None, "unit": unit}
    extremes = {"min": float(values.min()), "median": float(np.median(values)), "max": float(values.max())}
    return {"n": int(values.size), **extremes, "unit": unit}


def _document(measurement: Measurement) -> dict[str, Any]:
    from stopwatt.reporting.round import labels_document, trace_document

    summaries = {metric: _summary(samples) for metric, samples in measurement.samples.items()}
    traces = [trace_document(trace) for trace in measurement.traces]
    document: dict[str, Any] = to_document(replace(measurement, samples={}, traces=()))
    labels = labels_document(measurement)
    return document | {"cell_key": measurement.cell.key, "samples": summaries, "traces": traces, "labels": labels}


def _flat(document: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested settings as `warmup.min_calls`."""
    pairs: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            pairs += _flat(value, f"{before}{name}.")
        else:
            pairs.append((before + name, _scalar(value)))
    return pairs


def _scalar(value: Scalar | None) -> str:
    return "-" if value is None or value == "" else str(value)


def _lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _strict(document: Any) -> str:
    return json_format.dumps(_finite(document), indent=2)


def _finite(value: Any) -> Any:
    """JSON has no infinities and no NaN: null."""
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _table(title: str, columns: Iterable[str], rows: Iterable[Sequence[str]]) -> "Table":
    """A column whose name ends in `>` is aligned right."""
    from stopwatt.reporting.grid import Column, grid

    heads = [Column(name.rstrip(">"), right=name.endswith(">"), whole=name in _NARROW) for name in columns]
    return grid(title, heads, rows)


def _pairs(title: str, pairs: Iterable[tuple[str, str]]) -> "Table":
    return _table(title, ("name", "value"), list(pairs))
