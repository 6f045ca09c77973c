"""Rows as the documented JSON of `bench`."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import CountedNote, Row
from stopwatt.analyse.worst import WorstCase
from stopwatt.records import Scalar, Setup, Workload
from stopwatt.stats.ratios import Ratio

SCHEMA = 1
"""1: `rows[]` as `to_document` describes them."""


def to_document(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows as plain dictionaries, lists, strings, finite numbers, booleans and null: strict JSON takes them.

    `schema` is the version of this layout. Each of `rows[]` has

    - `key`, `workload`, `params`, `backend`, `variant`, `techniques`, `precision`, `batch`, `device`, `threads`,
      `boundary`, `protocol`: what was measured, and by which rules;
    - `status`, `reason`, `rounds_ok`, `rounds_failed`: how its rounds ended, and why some failed (null: none did);
    - `metrics`: name -> `value`, `unit`, `low`, `high` (95 %), `n`, `rounds`, `method`, `verdict` (measured, suspect,
      estimated or unavailable), `why`, `needs` (trials that the value would take, where there are too few); null is
      "not known" or "does not apply";
    - `speedup`: `ratio`, `low`, `high`, `verdict`, `rounds`, `why`, against fp32 eager of the same kind;
    - `worst[]`, where it was asked for: `metric`, `load`, `max`, `n`, `seconds`, `overruns`, `longest_call`,
      `woken_late`, `deadlines[]`, `annex`, `labelled`, `max_labels`;
    - `notes[]`: `kind`, `severity`, `text`, `now`, `rounds` (how many had it).
    """
    return {"schema": SCHEMA, "rows": [_row(row) for row in rows]}


def subject_document(workload: Workload, setup: Setup) -> dict[str, Any]:
    """What was measured, as every document names it."""
    return {
        "workload": workload.source,
        "params": {name: strict(value) for name, value in workload.params.items()},
        "backend": setup.backend,
        "variant": setup.variant,
        "techniques": list(setup.techniques),
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": setup.device,
        "threads": setup.threads,
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "key": row.cell.key,
        **subject_document(row.cell.workload, row.cell.setup),
        "boundary": str(row.cell.protocol.boundary),
        "protocol": asdict(row.cell.protocol) | {"boundary": str(row.cell.protocol.boundary)},
        "status": str(row.status),
        "reason": row.trouble.what if row.trouble else None,
        "rounds_ok": row.rounds_ok,
        "rounds_failed": row.rounds_failed,
        "metrics": {name: estimate_document(estimate) for name, estimate in row.estimates.items()},
        "speedup": _speedup(row),
        "worst": [_worst(case) for case in row.worst],
        "notes": [_note(counted) for counted in row.notes],
    }


def strict(value: Scalar) -> Scalar:
    """A parameter as JSON knows it: NaN and infinities, which it does not know, as text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def estimate_document(estimate: Estimate) -> dict[str, Any]:
    """What every document says of an estimate: all of it but the name of its metric."""
    reasons = (f"suspect: {estimate.doubt}" if estimate.doubt else "", estimate.why)
    return {
        "value": estimate.value,
        "unit": estimate.unit,
        "low": estimate.low,
        "high": estimate.high,
        "n": estimate.n,
        "rounds": estimate.rounds,
        "method": estimate.method or None,
        "verdict": str(estimate.verdict),
        "why": "; ".join(reason for reason in reasons if reason) or None,
        "needs": estimate.needs,
    }


def _speedup(row: Row) -> dict[str, Any]:
    return ratio_document(row.speedup) | {"rounds": row.speedup.rounds}


def ratio_document(ratio: Ratio) -> dict[str, Any]:
    """What every document says of a ratio."""
    return {
        "ratio": ratio.value,
        "low": ratio.low,
        "high": ratio.high,
        "verdict": str(ratio.verdict) if ratio.verdict else None,
        "why": ratio.why or None,
    }


def _worst(case: WorstCase) -> dict[str, Any]:
    late = case.woken_late_s
    return {
        "metric": case.metric,
        "load": case.load or None,
        "max": case.max_s,
        "n": case.n,
        "seconds": case.seconds,
        "overruns": case.overruns,
        "longest_call": case.longest_call_s,
        "woken_late": None if late is None else {"median": late[0], "max": late[1]},
        "deadlines": [
            {
                "deadline": miss.deadline_s,
                "misses": miss.misses,
                "n": miss.n,
                "share": miss.share,
                "upper": miss.upper,
                "effective_n": miss.effective_n,
            }
            for miss in case.deadlines
        ],
        "annex": case.annex,
        "labelled": None if case.labelled is None else {str(label): n for label, n in case.labelled.items()},
        "max_labels": [str(label) for label in case.max_labels],
    }


def _note(counted: CountedNote) -> dict[str, Any]:
    note = counted.note
    return {
        "kind": note.kind,
        "severity": str(note.severity),
        "text": note.text,
        "now": note.now or None,
        "rounds": counted.rounds,
    }
