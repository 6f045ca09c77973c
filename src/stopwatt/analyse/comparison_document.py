"""Comparisons as the documented JSON of `compare`."""

from typing import Any

from stopwatt.analyse.comparison import Compared, Comparison, Half, Unmatched, verdict_word
from stopwatt.analyse.detectable import Calibration, Detectable
from stopwatt.analyse.document import ratio_document, subject_document
from stopwatt.analyse.observed import unit_of
from stopwatt.records import Cell, Note
from stopwatt.stats.detectable import effect_of_rounds, rounds_to_find
from stopwatt.stats.ratios import Ratio

SCHEMA = 1
"""Version of both documents."""
ROUNDS = (3, 5, 10, 20, 50)
"""Numbers of rounds that an A/A is read for."""


def comparison_document(found: Comparison) -> dict[str, Any]:
    """A comparison as plain dictionaries, lists, finite numbers and null; docs/json.md describes it."""
    named = found.named
    return {
        "schema": SCHEMA,
        "a": {"name": named.a, "store": named.where_a, "runs": list(named.runs_a)},
        "b": {"name": named.b, "store": named.where_b, "runs": list(named.runs_b)},
        "metric": found.metric,
        "unit": unit_of(found.metric),
        "margin": found.margin,
        "forced": bool(found.unlike),
        "unlike": dict(found.unlike),
        "changes": dict(found.changes),
        "verdicts": {verdict_word(verdict, found.metric): count for verdict, count in found.verdicts.items()},
        "overall": _ratio(found.overall, found.metric) if found.overall else None,
        "rows": [_row(cell, found.metric) for cell in found.cells],
        "not_compared": [_unmatched(one) for one in found.unmatched],
        "detectable": _detectable(found.detectable) if found.detectable else None,
        "notes": [_note(note) for note in found.notes],
    }


def calibration_document(found: Calibration, metric: str, margin: float) -> dict[str, Any]:
    """An A/A as plain dictionaries, lists, finite numbers and null; docs/json.md describes it."""
    spread = found.spread
    bounds = spread.interval() if spread else None
    return {
        "schema": SCHEMA,
        **_cell(found.cell),
        "machine": found.cell.machine,
        "metric": metric,
        "margin": margin,
        "run": found.run,
        "started_at": found.started_at,
        "pairs": found.pairs,
        **_ratio(found.ratio, metric),
        "spread": spread.sd if spread else None,
        "spread_low": bounds.low if bounds else None,
        "spread_high": bounds.high if bounds else None,
        "detectable": [
            {"rounds": count, "effect": effect_of_rounds(spread.sd, count, count)} for count in ROUNDS if spread
        ],
        "rounds_for_margin": rounds_for(found, margin),
    }


def rounds_for(found: Calibration, effect: float) -> int | None:
    """Rounds of each side that find a relative difference on the machine of an A/A."""
    sd = found.spread.sd if found.spread else None
    return None if sd is None else rounds_to_find(effect, lambda count: effect_of_rounds(sd, count, count))


def _row(cell: Compared, metric: str) -> dict[str, Any]:
    return {
        **_cell(cell.b.member.cell),
        "label": cell.label,
        "a": _half(cell.a),
        "b": _half(cell.b),
        **_ratio(cell.ratio, metric),
        "method": cell.method,
        "unlike": dict(cell.unlike),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {**subject_document(cell.workload, cell.setup), "boundary": str(cell.protocol.boundary)}


def _half(half: Half) -> dict[str, Any]:
    return {
        "key": half.member.cell.key,
        "value": half.value,
        "low": half.interval.low if half.interval else None,
        "high": half.interval.high if half.interval else None,
        "rounds": half.rounds,
        "rounds_failed": half.member.failed,
    }


def _ratio(ratio: Ratio, metric: str) -> dict[str, Any]:
    verdict = verdict_word(ratio.verdict, metric) if ratio.verdict else None
    return ratio_document(ratio) | {"verdict": verdict, "p": ratio.p}


def _unmatched(one: Unmatched) -> dict[str, Any]:
    return {"label": one.label, "side": one.side, "failed": one.failed, "why": one.why}


def _detectable(found: Detectable) -> dict[str, Any]:
    calibration = found.calibration
    return {
        "effect": found.effect,
        "low": found.low,
        "high": found.high,
        "rounds": list(found.rounds),
        "paired": found.paired,
        "rounds_for_margin": found.needed,
        "from": "aa" if calibration else "rounds",
        "run": calibration.run if calibration else None,
        "started_at": calibration.started_at if calibration else None,
    }


def _note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind, "severity": str(note.severity), "text": note.text, "now": note.now or None}
