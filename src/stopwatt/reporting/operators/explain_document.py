"""An explanation as plain values; what is missing is null, and its reason stands in `why`."""

from dataclasses import asdict
from typing import Any

from stopwatt.operators.explain import EnergySums, Explanation, Missing
from stopwatt.operators.groups import By, Group
from stopwatt.reporting.operators.compared import Compared

SCHEMA = "1"
_NAMES = {By.OPERATOR: "operators", By.FAMILY: "families", By.MODULE: "modules", By.LEAF: "leaves"}


def explained_document(found: Explanation, compared: tuple[Compared, ...], turns: tuple[float, ...]) -> dict[str, Any]:
    """What `--json` prints.

    Args:
        found: The explanation.
        compared: Other backends beside it.
        turns: Coverage before the first turn of measuring and after each.
    """
    workload, setup = found.capture.workload, found.capture.setup
    return {
        "schema": SCHEMA,
        "workload": workload.source,
        "params": dict(workload.params),
        "backend": setup.backend_label,
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": setup.device,
        "threads": setup.threads,
        "mode": str(found.rule),
        "sum_s": found.sum_s,
        "composed_s": found.composed_s,
        "measured_s": None if found.measured is None else found.measured.value,
        "measured": None if found.measured is None else asdict(found.measured),
        "why_not_measured": found.no_latency or None,
        "residual_s": found.residual_s,
        "residual": [asdict(one) | {"place": str(one.place)} for one in found.parts],
        "coverage": found.coverage,
        "target": found.target,
        "turns": list(turns),
        "leaf_s": found.leaf_s,
        "trimmed_s": found.trimmed_s,
        "energy": _energy(found.energy),
        **{name: [_group(one, by) for one in found.groups[by]] for by, name in _NAMES.items()},
        "missing": [asdict(one) | {"share": missing_share(found, one)} for one in found.missing],
        "compared": [asdict(one) for one in compared],
        "notes": list(found.capture.notes),
    }


def missing_share(found: Explanation, one: Missing) -> float | None:
    """What an operator without a time is expected to have of the model's time; `None` where nobody knows."""
    if one.expected_s is None or not found.reference_s:
        return None
    return one.expected_s / found.reference_s


def _group(one: Group, by: By) -> dict[str, Any]:
    document = asdict(one)
    return document if by is By.OPERATOR else {name: value for name, value in document.items() if name != "key"}


def _energy(energy: EnergySums) -> dict[str, Any]:
    why = energy.why or None
    figures = {name.removesuffix("_j"): value for name, value in asdict(energy).items() if name != "why"}
    return {name: {"value": value, "unit": "J", "why": why} for name, value in figures.items()}
