"""What `predict` shows: time and energy with intervals, what they rest on, and what to measure next."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt.predicting.prediction import Prediction
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.operators.predict_document import predicted_document
from stopwatt.reporting.operators.shortened import shortened
from stopwatt.reporting.operators.shown import Shown
from stopwatt.text import printable
from stopwatt.units import change, column_interval, column_value, interval, percent, quantity, scale_for
from stopwatt.workloads.params import short_label

MOST_ROWS = 12
"""Operators that get a row; the others share one. All of them are in the JSON document."""
MOST_NEXT = 5
MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class PredictResult(Shown):
    """What `predict` returns.

    Attributes:
        predictions: One for each batch.
        where: The store.
    """

    predictions: tuple[Prediction, ...]
    where: str = field(default="", kw_only=True)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return predicted_document(self.predictions)

    def print_to(self, console: Console) -> None:
        """Print on a console. Of several batches the last one is shown in detail."""
        last = self.predictions[-1]
        setup = last.capture.setup
        model = f"{short_label(last.capture.workload)} · {setup.backend_label} {setup.precision} on {last.hardware}"
        console.print(Text(printable(model)))
        console.print()
        console.print(totals_table(self.predictions))
        console.print()
        console.print(operators_table(last))
        console.print()
        several = f"batch {setup.batch}: " if len(self.predictions) > 1 else ""
        for line in lines(last):
            console.print(Text(printable(f"- {several}{line}")))
        if last.next_ones:
            console.print()
            console.print(next_table(last))


def totals_table(predictions: Sequence[Prediction]) -> Table:
    """One row a batch."""
    times = scale_for([one.interval.time_s for one in predictions], "s")
    joules = scale_for([one.energy.value for one in predictions if np.isfinite(one.energy.value)], "J")
    powered = any(np.isfinite(one.energy.value) for one in predictions)
    checked = any(one.measured is not None for one in predictions)
    columns: list[Column | str] = [
        Column("batch", right=True, whole=True),
        Column(f"time ({times.label}) [90 %]", right=True, whole=True),
        Column("samples/s [90 %]", right=True, whole=True),
        *([Column(f"energy ({joules.label}) [90 %]", right=True, whole=True)] if powered else []),
        *(Column(name, right=True, whole=True) for name in ("measured", "predicted", "outside")),
        *([Column("check", right=True, whole=True)] if checked else []),
    ]
    rows = []
    for one in predictions:
        found, (rate, least, most), shares = one.interval, one.throughput, one.composed.shares
        energy = ""
        if np.isfinite(one.energy.value):
            energy = column_interval(one.energy.value, one.energy.low, one.energy.high, joules)
        rows.append(
            [
                str(one.capture.setup.batch),
                column_interval(found.time_s, found.low_s, found.high_s, times),
                interval(rate, least, most, "1"),
                *([energy] if powered else []),
                *(percent(share) for share in (shares.measured, shares.predicted, shares.outside)),
                *([_check(one)] if checked else []),
            ]
        )
    return grid("", columns, rows)


def operators_table(found: Prediction) -> Table:
    """Operators by falling time."""
    shown, rest = found.rows[:MOST_ROWS], found.rows[MOST_ROWS:]
    each = scale_for([one.each_s for one in shown if one.each_s], "s")
    columns: list[Column | str] = [
        Column("operator", whole=True),
        Column("calls", right=True, whole=True),
        Column(f"each ({each.label})", right=True, whole=True),
        Column("share", right=True, whole=True),
        Column("known by", whole=True),
        "why outside",
    ]
    rows = []
    for place, one in enumerate(shown):
        seconds = column_value(one.each_s, each)
        if one.each_high_s > one.each_low_s:
            seconds = column_interval(one.each_s, one.each_low_s, one.each_high_s, each)
        share = f"{percent(one.share)} most" if place == 0 else percent(one.share)
        cells = [
            shortened(one.label),
            f"{one.calls:,}",
            seconds,
            share,
            str(one.source),
            one.why if one.outside else "",
        ]
        rows.append(Row(cells, style="best" if place == 0 else ""))
    if rest:
        calls = sum(one.calls for one in rest)
        outside = sum(one.outside for one in rest)
        why = f"{outside} of them" if outside else ""
        rows.append(
            Row([f"{len(rest)} more", f"{calls:,}", "", percent(sum(one.share for one in rest)), "", why], quiet=True)
        )
    return grid("", columns, rows)


def next_table(found: Prediction) -> Table:
    """Operators whose measuring would narrow the interval most."""
    columns: list[Column | str] = [
        "measure these next",
        Column("calls", right=True, whole=True),
        Column("of the variance", right=True, whole=True),
    ]
    shown = found.next_ones[:MOST_NEXT]
    rows = [Row([shortened(one.label), f"{one.calls:,}", percent(one.variance)]) for one in shown]
    more = len(found.next_ones) - len(shown)
    if more:
        variance = sum(one.variance for one in found.next_ones[MOST_NEXT:])
        rows.append(Row([f"{more} more", "", percent(variance)], quiet=True))
    return grid("", columns, rows)


def lines(found: Prediction) -> Iterator[str]:
    """What there is to say of a prediction, a sentence each."""
    yield f"interval: {found.interval.method}"
    yield found.host
    if not np.isfinite(found.energy.value):
        yield f"energy: unavailable ({found.energy.why})"
    elif found.energy.why:
        yield f"energy: {found.energy.why}"
    yield from _outside(found)
    if found.measured is not None:
        ratio = change(found.interval.time_s / found.measured.value)
        word = "inside" if found.interval.low_s <= found.measured.value <= found.interval.high_s else "outside of"
        measured = quantity(found.measured.value, "s")
        yield f"check: the model itself took {measured}, {word} the interval; the prediction ({ratio}) does not use it"
    if found.turns:
        widths = ", ".join(percent((one.high_s - one.low_s) / 2 / one.time_s) for one in found.turns)
        yield f"half the interval, before measuring and after each turn: {widths}"
    yield from found.notes


def _outside(found: Prediction) -> Iterator[str]:
    flagged = found.flagged
    if not flagged:
        return
    share = found.composed.shares.outside
    reasons: Counter[str] = Counter()
    for one in flagged:
        reasons[one.why] += 1
    told = "; ".join(f"{why} ({count})" for why, count in reasons.most_common(MOST_REASONS))
    more = len(reasons) - MOST_REASONS
    rest = f"; {more} other reasons" if more > 0 else ""
    yield f"{len(flagged)} operators with {percent(share)} of the time are unlike what was learnt from: {told}{rest}"


def _check(one: Prediction) -> str:
    return "" if one.measured is None else quantity(one.measured.value, "s")
