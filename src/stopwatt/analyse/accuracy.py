"""How accurate a setup is on labelled samples, and how much of that it loses against fp32 eager on the same ones."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stopwatt.analyse.answers import answers_of
from stopwatt.analyse.estimate import NOT_MEASURED, Estimate
from stopwatt.analyse.row import Row
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS
from stopwatt.records import Measured, Measurement, Precision, Status, Unavailable
from stopwatt.stats.proportions import paired_loss, wilson
from stopwatt.stats.quantiles import CONFIDENCE

_ELSEWHERE = "the round that has the labelled samples gave no result"
_RESAMPLES_LEAST = 20


def accuracy_estimate(rounds: Sequence[Measurement], why_nothing: str) -> Estimate:
    """Accuracy with the interval that its samples support; it is measured in one round, since answers do not vary.

    Args:
        rounds: Of one cell, the OK ones.
        why_nothing: Why there is none, where the rounds do not say.
    """
    blank = Estimate(ACCURACY, "1")
    reading = next((one.readings[ACCURACY] for one in rounds if ACCURACY in one.readings), None)
    if isinstance(reading, Unavailable):
        return replace(blank, why=reading.why)
    answers = answers_of(rounds)
    if not isinstance(reading, Measured) or answers is None:
        asked = bool(rounds) and rounds[0].cell.protocol.accuracy is not None
        return replace(blank, why=_ELSEWHERE if asked else why_nothing)
    found = replace(blank, value=reading.value, n=answers.samples, rounds=1)
    if answers.one_each:
        low, high = wilson(int(answers.values.sum()), int(answers.values.size))
        return replace(found, low=low, high=high, method=f"{answers.metric} of {answers.about}, Wilson's interval")
    interval = _percentiles(answers.values)
    if interval is None:
        return replace(found, method=f"{answers.metric} of {answers.about}", why="no interval: all resamples agree")
    method = f"{answers.metric} of {answers.about}, bootstrap over images"
    return replace(found, low=interval[0], high=interval[1], method=method)


def with_losses(rows: Sequence[Row]) -> list[Row]:
    """The same rows with what each loses against fp32 eager on the same samples, where there is such a row.

    Batch and threads may differ: they change how fast an answer comes, not which. That of the same batch comes first.
    """
    return [with_loss(row, _base_of(row, rows)) if row.answers is not None else row for row in rows]


def _base_of(row: Row, rows: Sequence[Row]) -> Row | None:
    same = [one for one in rows if _is_base(one) and _subject(one) == _subject(row)]
    batch = row.cell.setup.batch
    return min(same, key=lambda one: (one.cell.setup.batch != batch, one.cell.setup.variant != ""), default=None)


def _is_base(row: Row) -> bool:
    setup = row.cell.setup
    plain = setup.backend == "eager" and setup.precision is Precision.FP32 and not setup.techniques
    return plain and row.status is Status.OK and row.answers is not None


def _subject(row: Row) -> tuple[object, ...]:
    cell = row.cell
    labelled = cell.protocol.accuracy
    drawn = (labelled.digest, labelled.samples) if labelled is not None else ()
    return cell.workload.source, dict(cell.workload.params), cell.code, cell.protocol.seed, *drawn


def with_loss(row: Row, base: Row | None) -> Row:
    """A row with what it loses against another one, which was measured on the same samples.

    Args:
        row: The one.
        base: The other; `None` where there is none.
    """
    return replace(row, estimates={**row.estimates, ACCURACY_LOSS: _loss(row, base)})


def _loss(row: Row, base: Row | None) -> Estimate:
    why = _why_not_compared(row, base)
    found = Estimate(ACCURACY_LOSS, "1", why=why)
    if why or base is None or row.answers is None or base.answers is None:
        return found
    found = replace(found, n=row.answers.samples, rounds=1)
    if base.cell.key == row.cell.key:
        return replace(found, value=0.0, method="this is the reference", why="no interval: it is the reference")
    before, after = base.answers, row.answers
    if before.one_each and after.one_each:
        value, low, high = paired_loss(before.values, after.values)
        return replace(found, value=value, low=low, high=high, method=f"paired by sample, {after.about}")
    value = (base.estimates[ACCURACY].value or 0.0) - (row.estimates[ACCURACY].value or 0.0)
    interval = _percentiles(before.values - after.values)
    if interval is None:
        return replace(found, value=value, method="paired by image", why="no interval: all resamples agree")
    return replace(found, value=value, low=interval[0], high=interval[1], method="paired bootstrap over images")


def _why_not_compared(row: Row, base: Row | None) -> str:
    """Why two rows are not compared; empty where they are."""
    if row.answers is None:
        return row.estimates[ACCURACY].why or NOT_MEASURED
    if base is None or base.answers is None:
        return "no fp32 eager row of the same workload and samples"
    alike = base.answers.metric == row.answers.metric and base.answers.values.shape == row.answers.values.shape
    return "" if alike else "the samples are not the same"


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Of resamples that hold an object; `None` where they are too few, or do not differ."""
    known = values[np.isfinite(values)]
    if known.size < _RESAMPLES_LEAST or np.ptp(known) == 0:
        return None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
