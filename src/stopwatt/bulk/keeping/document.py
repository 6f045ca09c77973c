"""A run as `summary.json` and `--json` have it (docs/json.md describes it key by key)."""

from typing import Any

from stopwatt import wire
from stopwatt.bulk.judging import derived
from stopwatt.bulk.records import Record, Tick
from stopwatt.energy import SCOPES

SCHEMA = "1"
MOST_TICKS = 600
"""Of a longer run, so many are picked evenly; `ticks.jsonl` has all."""
_ENERGY = ("joules", "joules_per_image", "verdict", "why")


def record_document(record: Record) -> dict[str, Any]:
    """All of a record, with what follows from it."""
    return {
        "schema": SCHEMA,
        "images": record.images,
        "done": record.done,
        "failed": dict(record.failed),
        "resumed": record.resumed,
        "seconds": record.seconds,
        "images_per_s": record.images_per_s,
        "bottleneck": wire.to_document(record.bottleneck),
        "ceilings": _ceilings(record),
        "layout": wire.to_document(record.layout),
        "workers": [wire.to_document(one) for one in derived.workers(record)],
        "stages": {str(stage): seconds for stage, seconds in derived.stages(record.ticks).items()},
        "cores": derived.mean_cores(record.ticks),
        "peak_memory": derived.peak_memory(record.ticks),
        "readings": derived.readings(record.ticks),
        "energy": {
            str(scope): {name: record.energy.get(f"{scope}.{name}") for name in _ENERGY}
            for scope in SCOPES
            if f"{scope}.verdict" in record.energy
        },
        "nodes": [wire.to_document(one) for one in record.nodes],
        "restarts": record.restarts,
        "facts": dict(record.facts),
        "notes": list(record.notes),
        "ticks": [_tick(one) for one in derived.thinned(record.ticks, MOST_TICKS)],
    }


def _ceilings(record: Record) -> dict[str, Any]:
    ceilings = record.ceilings
    binding = derived.binding(ceilings, record.layout)
    least = derived.rates(ceilings).get(binding or "")
    return {
        **{name: getattr(ceilings, name) for name in derived.CEILINGS},
        "binding": binding,
        "reached": record.images_per_s / least if record.images_per_s and least else None,
        "shared": ceilings.shared,
        "cached": ceilings.cached,
        "why": dict(ceilings.why),
        "layout": None if ceilings.layout is None else wire.to_document(ceilings.layout),
    }


def _tick(tick: Tick) -> dict[str, Any]:
    document: dict[str, Any] = wire.to_document(tick)
    return document
