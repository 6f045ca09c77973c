"""Predictions as plain values; what is not known is null, and its reason stands in `why`."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stopwatt.predicting.models import Interval
from stopwatt.predicting.prediction import OperatorRow, Prediction

SCHEMA = "1"


def predicted_document(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """What `--json` prints.

    Args:
        predictions: One for each batch.
    """
    return {"schema": SCHEMA, "predictions": [_prediction(one) for one in predictions]}


def _prediction(found: Prediction) -> dict[str, Any]:
    workload, setup = found.capture.workload, found.capture.setup
    rate, least, most = found.throughput
    energy = found.energy
    return {
        "workload": workload.source,
        "params": dict(workload.params),
        "backend": setup.backend_label,
        "precision": str(setup.precision),
        "batch": setup.batch,
        "hardware": found.hardware,
        "threads": setup.threads,
        "time": _interval(found.interval) | {"method": found.interval.method, "calibrated": found.interval.calibrated},
        "throughput": {"value": rate, "low": least, "high": most, "unit": "1/s"},
        "energy": {
            "value": _number(energy.value),
            "low": _number(energy.low),
            "high": _number(energy.high),
            "unit": "J",
            "why": energy.why or None,
        },
        "composed_s": found.composed.time_s,
        "sum_s": found.composed.composition.sum_s,
        "shares": asdict(found.composed.shares),
        "host": found.host,
        "measured": None if found.measured is None else asdict(found.measured),
        "operators": [_operator(one) for one in found.rows],
        "flagged": [one.key for one in found.flagged],
        "next": [{"key": one.key, "variance": one.variance} for one in found.next_ones],
        "turns": [_interval(one) for one in found.turns],
        "notes": list(found.notes),
    }


def _operator(one: OperatorRow) -> dict[str, Any]:
    return asdict(one) | {"source": str(one.source), "why": one.why or None, "obstacle": one.obstacle or None}


def _interval(one: Interval) -> dict[str, Any]:
    return {"value": one.time_s, "low": one.low_s, "high": one.high_s, "unit": "s"}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
