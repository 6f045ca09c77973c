"""A ladder as JSON (docs/json.md describes it)."""

import math
from typing import Any

from stopwatt.analyse.document import estimate_document, ratio_document, subject_document
from stopwatt.analyse.row import Row
from stopwatt.climbing.rungs import Gain, Graph, Ladder, Marginal, Rival
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS
from stopwatt.reporting.operators.changes import changes_document

SCHEMA = 1
_METRICS = (
    "latency",
    "latency_p99",
    "throughput",
    "host_memory",
    "device_memory",
    "deviation",
    ACCURACY,
    ACCURACY_LOSS,
)


def ladder_document(found: Ladder) -> dict[str, Any]:
    """The document: `base`, `steps[]` with `alone`, `on_top`, `so_far` and `share`, `end`, `whole` and `rival`."""
    return {
        "schema": SCHEMA,
        "base": _row(found.base),
        "steps": [_step(one) for one in found.gains],
        "end": _row(found.end),
        "whole": ratio_document(found.whole),
        "orders": found.orders,
        "rival": _rival(found.rival),
    }


def _rival(found: Rival | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"row": _row(found.row), "whole": ratio_document(found.whole), "ahead": ratio_document(found.ahead)}


def _step(one: Gain) -> dict[str, Any]:
    share = one.share
    return {
        "name": one.step.name,
        "meaning": one.step.meaning,
        "kept": one.kept,
        "why_not": one.why_not or None,
        "alone": ratio_document(one.alone),
        "on_top": ratio_document(one.on_top),
        "so_far": ratio_document(one.so_far),
        "share": None if share is None else math.exp(share.mean),
        "share_orders": None if share is None else share.orders,
        "least": _marginal(one.least),
        "most": _marginal(one.most),
        "overlaps": one.overlaps,
        "graph": _graph(one.graph),
        "with_it": _row(one.row),
    }


def _marginal(found: Marginal | None) -> dict[str, Any] | None:
    return None if found is None else {"on": [one.name for one in found.on], **ratio_document(found.ratio)}


def _graph(found: Graph | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"changes": changes_document(found.changes) if found.changes else None, "why": found.why or None}


def _row(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    metrics = {name: estimate_document(row.estimates[name]) for name in _METRICS}
    energy = {name: estimate_document(one) for name, one in row.estimates.items() if _is_measured_energy(name, row)}
    about = {"key": row.cell.key, **subject_document(row.cell.workload, row.cell.setup), "status": str(row.status)}
    return {**about, "reason": row.trouble.what if row.trouble else None, "metrics": metrics | energy}


def _is_measured_energy(name: str, row: Row) -> bool:
    return name.startswith("energy_") and row.estimates[name].value is not None
