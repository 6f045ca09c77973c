"""Studies of ways of measuring as the documented JSON of `protocol`."""

from collections.abc import Iterable
from typing import Any

from stopwatt.analyse.document import estimate_document, ratio_document, subject_document
from stopwatt.analyse.study import Effect, Interaction, Study
from stopwatt.records import Note
from stopwatt.stats.ratios import MARGIN, Ratio
from stopwatt.ways import FACTOR_NAMES, Way

SCHEMA = 1
"""1: `studies[]` as docs/json.md describes them."""


def studies_document(found: Iterable[Study]) -> dict[str, Any]:
    """Studies as plain dictionaries, lists, finite numbers and null; docs/json.md describes them."""
    return {"schema": SCHEMA, "margin": MARGIN, "studies": [study_document(one) for one in found]}


def study_document(study: Study) -> dict[str, Any]:
    """One study, without the version of its layout."""
    return {
        **subject_document(study.workload, study.setup),
        "machine": study.machine,
        "software": dict(study.software),
        "keys": list(study.keys),
        "reference": estimate_document(study.reference),
        "effects": [_effect(one) for one in study.effects],
        "combined": [_effect(one) for one in study.combined],
        "interactions": [_interaction(one) for one in study.interactions],
        "rounds_ok": study.rounds_ok,
        "rounds_failed": study.rounds_failed,
        "reason": study.trouble.what if study.trouble else None,
        "notes": [_note(note) for note in study.notes],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "way": effect.way.label,
        "changes": _changes(effect.way),
        **_ratio(effect.ratio),
        "rounds": effect.rounds,
        "reported": effect.reported_s,
        "reference": effect.reference_s,
        "unit": "s",
        "calls": effect.calls or None,
        "text": effect.text,
    }


def _interaction(interaction: Interaction) -> dict[str, Any]:
    return {
        "ways": [way.label for way in interaction.ways],
        "changes": [_changes(way) for way in interaction.ways],
        **_ratio(interaction.ratio),
        "rounds": interaction.ratio.rounds,
        "text": interaction.text,
    }


def _changes(way: Way) -> dict[str, Any]:
    """Factor -> level, numbers as numbers: a pause in seconds."""
    return {FACTOR_NAMES[name]: str(level) if isinstance(level, str) else level for name, level in way.changes.items()}


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return ratio_document(ratio) | {"p": ratio.p}


def _note(note: Note) -> dict[str, Any]:
    return {"kind": note.kind, "severity": str(note.severity), "text": note.text, "now": note.now or None}
