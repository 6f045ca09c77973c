"""What a search found, as JSON (docs/json.md describes it)."""

from typing import Any

from stopwatt.analyse.document import estimate_document, ratio_document, subject_document
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS
from stopwatt.tuning.chosen import Candidate, Tuned

SCHEMA = 1
_SHOWN = ("latency", "latency_p99", "throughput", "host_memory", "device_memory", "deviation", ACCURACY, ACCURACY_LOSS)


def tuned_document(found: Tuned) -> dict[str, Any]:
    """The document: `winner`, `runner_up`, `default` and `front[]` are setups with their metrics, or null."""
    return {
        "schema": SCHEMA,
        "goal": str(found.goal),
        "metric": found.metric,
        "where": [one.text for one in found.constraints],
        "winner": _candidate(found, found.winner),
        "runner_up": _candidate(found, found.runner_up),
        "default": _candidate(found, found.default),
        "against_default": ratio_document(found.against_default),
        "against_runner_up": ratio_document(found.against_runner_up),
        "front": [_candidate(found, one) for one in found.front],
        "nearest": _candidate(found, found.nearest),
        "excess": dict(found.excess),
        "candidates": found.candidates,
        "scouted": found.scouted,
        "given_up": {str(rounds): list(found.race.given_up.values()).count(rounds) for rounds in _rounds(found)},
        "failed": dict(found.failed),
        "refused": dict(found.refused),
        "spent_s": found.spent_s,
        "budget_s": found.budget_s,
    }


def _rounds(found: Tuned) -> list[int]:
    return sorted(set(found.race.given_up.values()) - {0})


def _candidate(found: Tuned, one: Candidate | None) -> dict[str, Any] | None:
    if one is None:
        return None
    names = dict.fromkeys((found.metric, *_SHOWN, *(c.metric(one.row.cell.setup.device) for c in found.constraints)))
    return {
        "key": one.row.cell.key,
        "label": one.label,
        **subject_document(one.row.cell.workload, one.row.cell.setup),
        "proven": one.proven,
        "holds": str(one.holds),
        "rounds": one.row.rounds_ok,
        "metrics": {name: estimate_document(one.row.estimates[name]) for name in names},
    }
