"""What `ops plan` shows: which operators are worth measuring next, why, and how far the budget goes."""

import math
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from stopwatt import units
from stopwatt.operators.replay import Mode
from stopwatt.predicting.candidates import Why
from stopwatt.predicting.plan import Plan, Planned
from stopwatt.reporting.grid import Column, grid
from stopwatt.reporting.operators.shown import Shown
from stopwatt.text import printable

SCHEMA = "1"
_SHOWN = 20
_MOST_MODELS = 4
_TENSORS = 3
_TIMES = " x "
_WHY = {
    Why.CAPTURED: "captured, not measured",
    Why.NEIGHBOUR: "beside",
    Why.POOR: "beside",
    Why.SPACE: "between the sizes of models",
    Why.BASIS: "of the basis, which belongs to no model",
}
_COUNTED = {
    Why.CAPTURED: "captured and not measured",
    Why.NEIGHBOUR: "beside captured ones",
    Why.POOR: "beside badly predicted ones",
    Why.SPACE: "between the sizes of captured ones",
    Why.BASIS: "that belong to no model",
}


@dataclass(frozen=True, slots=True)
class PlanResult(Shown):
    """A plan, and where it went.

    Attributes:
        plan: It.
        where: The store that it was made from.
        file: That holds it; empty for none.
        options: Of the next command, so that it measures at the same place and finds the same store; may be empty.
    """

    plan: Plan
    where: str
    file: str = ""
    options: str = ""

    def __iter__(self) -> Iterator[Planned]:
        return iter(self.plan.planned)

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        plan = self.plan
        return {
            "schema": SCHEMA,
            "hardware": plan.hardware,
            "device": plan.device,
            "here": plan.here,
            "threads": plan.threads,
            "precision": str(plan.precision),
            "budget_s": plan.budget_s,
            "seconds": plan.seconds,
            "series_s": plan.series_s,
            "paced": plan.paced,
            "learnt": plan.learnt,
            "models": list(plan.models),
            "measured": plan.measured,
            "candidates": {str(why): plan.candidates.get(why, 0) for why in Why},
            "notes": list(plan.notes),
            "file": self.file or None,
            "operators": [_document(one) for one in plan.planned],
        }

    def print_to(self, console: Console) -> None:
        """Print everything."""
        plan = self.plan
        for line in _head(plan):
            console.print(Text(printable(line)))
        if plan.planned:
            console.print()
            console.print(_table(plan))
        for line in _tail(self):
            console.print(Text(printable(line)))


def _document(one: Planned) -> dict[str, Any]:
    work = one.work
    return {
        "operator": one.operator.key,
        "name": one.operator.name,
        "label": one.operator.label,
        "family": str(work.family),
        "kind": work.kind,
        "dtype": work.dtype,
        "dims": dict(work.dims),
        "why": str(one.why),
        "of": one.of or None,
        "error": one.error or None,
        "expected_s": one.time_s if math.isfinite(one.time_s) else None,
        "gain": one.gain,
        "until_s": one.until_s,
    }


def _head(plan: Plan) -> Iterator[str]:
    names = ", ".join(plan.models[:_MOST_MODELS]) or "no model"
    more = len(plan.models) - _MOST_MODELS
    yield f"{plan.hardware} ({plan.device}), for {names}{f' and {more} more' if more > 0 else ''}"
    found = ", ".join(f"{count} {_COUNTED[why]}" for why in Why if (count := plan.candidates.get(why, 0)))
    yield f"{plan.measured} operators are measured. Candidates: {found or 'none'}."
    yield from plan.notes


def _table(plan: Plan) -> Any:
    shown = plan.planned[:_SHOWN]
    columns: tuple[Column | str, ...] = (
        "operator",
        "why",
        *(Column(name, right=True, whole=True) for name in ("a call", "gain", "done after (s)")),
    )
    rows = [
        (
            _short(one.operator.label),
            _reason(one),
            units.quantity(one.time_s, "s") if math.isfinite(one.time_s) else "",
            units.percent(one.gain),
            f"{one.until_s:.0f}",
        )
        for one in shown
    ]
    return grid("Worth measuring next, the most gain a second first", columns, rows)


def _reason(one: Planned) -> str:
    if one.why is Why.POOR:
        return f"{_WHY[one.why]} {_short(one.of)}, predicted {units.ratio(math.exp(one.error))} off"
    return f"{_WHY[one.why]} {_short(one.of)}".rstrip()


def _short(label: str) -> str:
    """A label with the first few of many tensors."""
    parts = label.split(_TIMES)
    return label if len(parts) <= _TENSORS else _TIMES.join([*parts[:_TENSORS], "..."])


def _tail(result: PlanResult) -> Iterator[str]:
    plan = result.plan
    yield ""
    if not plan.planned:
        yield from _none(plan)
        return
    if len(plan.planned) > _SHOWN:
        rest = Counter(one.why for one in plan.planned[_SHOWN:])
        yield f"And {rest.total()} more: " + ", ".join(f"{count} {_COUNTED[why]}" for why, count in rest.items()) + "."
    yield (
        "gain: share of the models' time that the operator speaks for, times the doubt about its time, less where it "
        "is like one before."
    )
    if not plan.learnt:
        yield (
            "Nothing is learnt yet, so that all families are equally doubtful: stopwatt ops fit learns from what is "
            "measured or imported."
        )
    pace = "as before on this device" if plan.paced else "usual; nothing was measured here yet"
    yield (
        f"{len(plan.planned)} operators in about {units.duration(plan.seconds)} of {units.duration(plan.budget_s)} "
        f"({units.quantity(plan.series_s, 's')} a memory mode, {pace})."
    )
    if not result.file:
        yield "Next: add --out plan.yaml (or .json, to carry to another machine), then stopwatt ops measure plan.yaml"
        return
    there = "" if plan.here else f", on a machine with {plan.hardware}"
    device = "" if plan.device == "cpu" else f" --device {plan.device}"
    yield f"Next{there}: stopwatt ops measure {shlex.quote(result.file)}{device}{result.options}"


def _none(plan: Plan) -> Iterator[str]:
    if sum(plan.candidates.values()):
        one = units.duration(len(Mode) * plan.series_s)
        yield f"Nothing fits into {units.duration(plan.budget_s)}: one operator takes about {one}. A larger --budget."
    else:
        yield "Nothing is left to measure for these models. Capture others: stopwatt ops capture WORKLOAD"
