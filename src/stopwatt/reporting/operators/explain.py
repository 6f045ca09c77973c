"""What `ops explain` shows: the operators by share, the four numbers and what lies between them, and sentences."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt.operators.explain import Explanation, Missing, Part, Place
from stopwatt.operators.groups import By, Group
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.operators.compared import Compared, Ran
from stopwatt.reporting.operators.explain_document import explained_document, missing_share
from stopwatt.reporting.operators.explain_sentences import counted, coverage_line, sentences
from stopwatt.reporting.operators.shown import Shown
from stopwatt.reporting.result import PartlyFailed
from stopwatt.text import one_line, printable
from stopwatt.units import Scale, change, column_interval, column_value, percent, quantity, scale_for
from stopwatt.workloads.params import short_label

MOST_ROWS = 18
"""Groups that get a row; the others share one. All of them are in the JSON document."""
_MOST_KINDS = 10
_NAME, _PATH = 30, 38
CHANGED = "changed: {}"
MEASURED_WHOLE = "What was measured is the model as it was captured: the residual holds what was changed."
_LEAST_SHARE = 0.01
_LEAST_CHANGE = 5e-4


@dataclass(frozen=True, slots=True)
class ExplainResult(Shown):
    """What `ops explain` returns.

    Attributes:
        explanation: Of the model.
        by: What the table shows.
        compared: Backends beside each other; empty where nobody asked.
        turns: Coverage before the first turn of measuring and after each.
        where: The store.
        changes: What a person changed in the summary of the capture, one sentence each.
        notes: What a reader must know of the measured latency.
    """

    explanation: Explanation
    by: By = By.OPERATOR
    compared: tuple[Compared, ...] = ()
    turns: tuple[float, ...] = ()
    where: str = field(default="", kw_only=True)
    changes: tuple[str, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        document = explained_document(self.explanation, self.compared, self.turns)
        return document | {"notes": [*document["notes"], *self.notes], "changes": list(self.changes)}

    def raise_for_status(self) -> None:
        """Raise if the model itself could not be measured.

        Raises:
            PartlyFailed: It could not.
        """
        if self.explanation.measured is None:
            raise PartlyFailed(
                "the model itself was not measured",
                when=self.explanation.no_latency,
                now="its operators are explained all the same; stopwatt bench tells more",
            )

    def print_to(self, console: Console) -> None:
        """Print everything."""
        found = self.explanation
        workload, setup = short_label(found.capture.workload), found.capture.setup
        console.print(Text(printable(f"{workload} · {setup.label}, {counted(setup.threads, 'thread')}")))
        console.print()
        if self.changes:
            for line in (*map(CHANGED.format, self.changes), MEASURED_WHOLE):
                console.print(Text(printable(line)))
            console.print()
        console.print(groups_table(found, self.by))
        console.print()
        console.print(numbers_table(found))
        console.print()
        for line in (*sentences(found), coverage_line(found), *_energy_lines(found), *found.capture.notes, *self.notes):
            console.print(Text(printable(f"- {line}")))
        if found.missing:
            console.print()
            console.print(missing_table(found))
        if self.compared:
            console.print()
            console.print(compared_table(self.compared))
            for line in _fusion_lines(self.compared):
                console.print(Text(printable(f"- {line}")))


def groups_table(found: Explanation, by: By) -> Table:
    """Groups with a time by falling share."""
    known = [one for one in found.groups[by] if one.all_s is not None]  # the others have a table of their own
    shown, rest = known[:MOST_ROWS], known[MOST_ROWS:]
    usual = sorted(one.each_s for one in shown if one.each_s)
    each = scale_for(usual[len(usual) // 2 :][:1], "s")
    total = scale_for([max((one.all_s or 0.0) for one in shown) / 10], "s") if shown else each
    powered = any(one.energy_j is not None for one in shown)
    bounded = any(one.roofline_s for one in shown)
    joules = scale_for([one.energy_j for one in shown if one.energy_j], "J")
    columns = [
        Column(str(by)),
        Column("kind" if by in {By.MODULE, By.OPERATOR} else "memory", whole=True),
        Column("calls", right=True, whole=True),
        Column(f"each ({each.label})", right=True, whole=True),
        Column(f"all ({total.label})", right=True, whole=True),
        Column("share", right=True, whole=True),
        *([Column(f"energy ({joules.label})", right=True, whole=True)] if powered else []),
        *([Column("of ceiling", right=True, whole=True)] if bounded else []),
    ]
    rows = []
    for place, one in enumerate(shown):
        cells = [_shortened(one.name, by), one.kind or one.mode, f"{one.calls:,}", *_times(one, each, total)]
        energy = "" if one.energy_j is None else column_value(one.energy_j, joules)
        cells += [_share(one, first=place == 0), *([energy] if powered else []), *([_position(one)] if bounded else [])]
        rows.append(Row(cells, style="best" if place == 0 and one.share else ""))
    if rest:
        rows.append(Row([*_rest(rest, total), *[""] * (powered + bounded)], quiet=True))
    return grid("", columns, rows)


def numbers_table(found: Explanation) -> Table:
    """The four numbers, each beside the measured one, and the parts between them."""
    whole = found.reference_s
    scale = scale_for([one for one in (found.sum_s, found.composed_s, whole) if one], "s")
    of = "of measured" if found.measured is not None else "of composed"

    def line(name: str, seconds: float | None, why: str = "") -> list[str]:
        share = "" if seconds is None or not whole else _signed_percent(seconds / whole)
        return [name, "" if seconds is None else column_value(seconds, scale), share, why]

    inner, outer = (_parts(found, place) for place in (Place.COMPOSED, Place.RESIDUAL))
    rows = [
        line("plain sum", found.sum_s, f"with trimmed means: {_trimmed(found)}"),
        *(line(f"  + {one.name}", one.seconds, one.why) for one in inner),
        line("composed", found.composed_s, "; ".join(_bound(one, scale) for one in _parts(found, Place.BOUND))),
        *(line(f"  + {one.name}", one.seconds, one.why) for one in outer),
        _measured(found, scale),
        line("residual", found.residual_s, "measured - composed"),
        line("leaf modules", found.leaf_s, "plain sum inside of them: what watching modules sees"),
    ]
    columns: list[Column | str] = [
        Column("", whole=True),
        Column(f"time ({scale.label})", right=True),
        Column(of, right=True),
        "note",
    ]
    return grid("", columns, rows)


def missing_table(found: Explanation) -> Table:
    """Operators without a time: never dropped."""
    rows = [
        [_shortened(one.label), f"{one.calls:,}", _expected(one.expected_s), _share_of(found, one), one.why]
        for one in found.missing
    ]
    more = len(rows) - MOST_ROWS
    if more > 0:
        rows = [*rows[:MOST_ROWS], [f"{more} more: --json lists them", "", "", "", ""]]
    columns: list[Column | str] = [
        "operator without a time",
        Column("calls", right=True),
        Column("expected", right=True),
        Column("share", right=True),
        "why",
    ]
    return grid("", columns, rows)


def compared_table(compared: Sequence[Compared]) -> Table:
    """Backends side by side."""
    fastest = min((one.latency_s for one in compared if one.latency_s is not None), default=None)
    rows = []
    for one in compared:
        latency = "" if one.latency_s is None else quantity(one.latency_s, "s")
        won = one.latency_s is not None and one.latency_s == fastest and len(compared) > 1
        kinds = ", ".join(_kind(kind) for kind in one.ran[:_MOST_KINDS]) or one.why
        word = f"{latency} fastest" if won else latency
        rows.append(Row([one.backend, word, f"{one.calls:,.0f}", kinds], style="best" if won else ""))
    columns: list[Column | str] = [
        Column("backend", whole=True),
        Column("latency", right=True),
        Column("runs", right=True),
        "what it runs",
    ]
    return grid("", columns, rows)


def _fusion_lines(compared: Sequence[Compared]) -> Iterator[str]:
    for one in compared:
        if one.gone:
            calls = sum(count for _, count in one.gone)
            names = ", ".join(f"{name} ({count})" for name, count in one.gone[:_MOST_KINDS])
            yield f"{one.backend} runs nothing under the name of {calls:,} of eager's calls: {names}"
        if one.fused:
            names = ", ".join(map(one_line, one.fused[:_MOST_KINDS]))
            yield f"{one.backend} has {counted(len(one.fused), 'fused group')}: {names}"
        if one.why and one.ran:
            yield f"{one.backend}: {one.why}"


def _energy_lines(found: Explanation) -> Iterator[str]:
    energy = found.energy
    figures: Mapping[str, float | None] = {
        "plain sum": energy.sum_j,
        "composed": energy.composed_j,
        "measured": energy.measured_j,
        "residual": energy.residual_j,
    }
    known = [f"{name} {quantity(value, 'J')}" for name, value in figures.items() if value is not None]
    if known:
        yield f"energy of a call: {', '.join(known)}{f' ({energy.why})' if energy.why else ''}"
    else:
        yield f"energy: unavailable ({energy.why})"


def _times(one: Group, each: Scale, total: Scale) -> list[str]:
    if one.each_s is None or one.all_s is None:
        return ["", ""]
    return [column_value(one.each_s, each), column_value(one.all_s, total)]


def _share(one: Group, *, first: bool) -> str:
    if one.share is None:
        return ""
    return f"{percent(one.share)} most" if first else percent(one.share)


def _position(one: Group) -> str:
    if not one.roofline_s or not one.all_s:
        return ""
    share = one.roofline_s / one.all_s
    return f"{percent(share) if share >= _LEAST_SHARE else '< 1 %'} {one.bound}"


def _rest(rest: Sequence[Group], total: Scale) -> list[str]:
    seconds = sum(one.all_s or 0.0 for one in rest)
    share = sum(one.share or 0.0 for one in rest)
    calls = sum(one.calls for one in rest)
    name = f"{len(rest)} more"
    return [name, "", f"{calls:,}", "", column_value(seconds, total), percent(share)]


def _parts(found: Explanation, place: Place) -> list[Part]:
    return [one for one in found.parts if one.place is place]


def _bound(one: Part, scale: Scale) -> str:
    if one.low is None or one.high is None:
        return one.why
    low, high = (f"{'+' if value > 0 else ''}{column_value(value, scale)}" for value in (one.low, one.high))
    return f"{low} to {high} with {one.why}"


def _trimmed(found: Explanation) -> str:
    if not found.sum_s:
        return MISSING
    ratio = found.trimmed_s / found.sum_s
    return change(ratio) if abs(ratio - 1) >= _LEAST_CHANGE else "the same"


def _measured(found: Explanation, scale: Scale) -> list[str]:
    known = found.measured
    if known is None:
        return ["measured", "", "", found.no_latency]
    if known.low is None or known.high is None:
        return ["measured", column_value(known.value, scale), percent(1.0), known.method]
    number, _, bounds = column_interval(known.value, known.low, known.high, scale).partition(" ")
    return ["measured", number, percent(1.0), f"{bounds}, {known.method}"]


def _signed_percent(share: float) -> str:
    return percent(share) if share >= 0 else f"-{percent(-share)}"


def _expected(seconds: float | None) -> str:
    return "" if seconds is None else quantity(seconds, "s")


def _share_of(found: Explanation, one: Missing) -> str:
    share = missing_share(found, one)
    return "" if share is None else percent(share)


def _kind(one: Ran) -> str:
    timed = "" if one.seconds is None else f" {quantity(one.seconds, 's')}"
    return one_line(f"{one.count:,.3g} {one.kind}{timed}")


def _shortened(name: str, by: By = By.OPERATOR) -> str:
    """Without what tells little, as far as it has to be.

    Of modules the beginning; of operators spaces in shapes, then vectors (biases), then the end.
    """
    line = one_line(name)
    if by is not By.OPERATOR:
        return line if len(line) <= _PATH else f"...{line[3 - _PATH :]}"
    line = re.sub(r"(?<=\d), (?=\d)", ",", line)
    if len(line) > _NAME:
        line = re.sub(r" x \[\d*\]", "", line)
    return line if len(line) <= _NAME else f"{line[: _NAME - 3]}..."
