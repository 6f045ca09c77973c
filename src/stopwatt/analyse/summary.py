"""From the rounds of many cells to one row per cell."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from stopwatt.analyse.accuracy import accuracy_estimate, with_losses
from stopwatt.analyse.answers import answers_of
from stopwatt.analyse.ceilings import is_ceiling
from stopwatt.analyse.energy import ENERGY_METRICS, energy_estimate, round_energies
from stopwatt.analyse.estimate import (
    NOT_MEASURED,
    Estimate,
    Rejected,
    Series,
    counted,
    largest,
    medians,
    series_of,
    single_values,
    tail,
    typical,
)
from stopwatt.analyse.row import CountedNote, Row
from stopwatt.analyse.selftests import is_selftest
from stopwatt.analyse.sentinels import doubted, doubts_of, replaced, temperature_note
from stopwatt.analyse.speedup import with_speedups
from stopwatt.analyse.stated import MEAN, as_stated
from stopwatt.analyse.worst import worst_cases
from stopwatt.metrics import ACCURACY, METRICS, Metric
from stopwatt.records import Measured, Measurement, Note, Severity, Status, Trouble, Unavailable
from stopwatt.stats.ratios import MARGIN

TAILS = {"latency_p90": 0.9, "latency_p99": 0.99, "latency_p99.9": 0.999}
LARGEST = "latency_max"
PACED_TAILS = {"response_p90": 0.9, "response_p99": 0.99, "response_p99.9": 0.999}
PACED_LARGEST = "response_max"
_PARTS = {"latency": (*TAILS, LARGEST), "response": (*PACED_TAILS, PACED_LARGEST)}
_TAIL_OF = TAILS | PACED_TAILS


def summarise(
    measurements: Iterable[Measurement], margin: float = MARGIN, *, deadlines: Sequence[float] | None = None
) -> list[Row]:
    """One row per cell, in the order in which the cells first appear.

    Args:
        measurements: Rounds of any cells, with their samples, in any order.
        margin: Relative difference of latency that does not matter for a verdict.
        deadlines: Seconds that calls were to meet: asks for the worst case of each cell; `None` does not.
    """
    cells: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        if not is_ceiling(measurement) and not is_selftest(measurement):  # they say what the machine does, not a model
            cells.setdefault(measurement.cell.key, []).append(measurement)
    doubts = doubts_of([one for rounds in cells.values() for one in rounds])
    rows = [_row([doubted(one, doubts) for one in rounds], deadlines) for rounds in cells.values()]
    return with_losses(with_speedups(rows, margin))


def _row(measurements: list[Measurement], deadlines: Sequence[float] | None) -> Row:
    rounds = sorted(without_repeated(measurements), key=lambda one: (one.round, one.started_at))
    ok = [one for one in rounds if one.status is Status.OK]
    failed = [one for one in rounds if one.status is not Status.OK]
    ending = Counter(one.status for one in failed).most_common(1)
    status = Status.OK if ok else ending[0][0]
    return Row(
        cell=rounds[0].cell,
        status=status,
        trouble=_first_trouble(failed, ending[0][0]) if failed else None,
        rounds_ok=len(ok),
        rounds_failed=len(failed),
        estimates=_estimates(rounds, _why_nothing(status, failed)),
        notes=(*_of_ablation(rounds), *_of_temperatures(ok), *counted_notes(rounds)),
        round_medians=_round_medians(ok, "latency"),
        worst=() if deadlines is None else worst_cases(ok, deadlines),
        round_energies=round_energies(ok),
        answers=answers_of(ok),
        round_rates=_round_medians(ok, "throughput"),
    )


def _of_ablation(rounds: Sequence[Measurement]) -> tuple[CountedNote, ...]:
    """A row of an ablation is one of its reference, whose calls came in short series between other things."""
    ablation = rounds[0].cell.protocol.ablation
    if ablation is None:
        return ()
    text = (
        f"the latency is that of the reference of an ablation: series of {ablation.calls} calls at most, each after "
        f"another of {counted(len(ablation.ways), 'way')} of measuring, which may have left its traces"
    )
    note = Note("ablation-reference", text, Severity.INFO, now="stopwatt show --ways shows the ways")
    return (CountedNote(note, len(rounds)),)


def _of_temperatures(ok: Sequence[Measurement]) -> tuple[CountedNote, ...]:
    note = temperature_note(ok)
    return () if note is None else (CountedNote(note, len(ok)),)


def without_repeated(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Without the rounds that were measured again: interrupted ones, and those that say themselves to be replaced."""
    closed = {one.round for one in measurements if one.status is not Status.INTERRUPTED}
    gone = replaced(measurements)
    left = [one for one in measurements if one.id not in gone]
    return [one for one in left if one.status is not Status.INTERRUPTED or one.round not in closed]


def _first_trouble(failed: Sequence[Measurement], status: Status) -> Trouble | None:
    return next((one.trouble for one in failed if one.status is status and one.trouble is not None), None)


def _why_nothing(status: Status, failed: Sequence[Measurement]) -> str:
    """Why a metric of which no OK round says anything is missing."""
    if status is Status.OK:
        return NOT_MEASURED
    if status is Status.INVALID:
        return "withheld: the answers failed the correctness gate"
    trouble = _first_trouble(failed, status)
    return f"{status}: {trouble.what}" if trouble else f"no round succeeded: {status}"


def _estimates(rounds: Sequence[Measurement], why_nothing: str) -> dict[str, Estimate]:
    ok = [one for one in rounds if one.status is Status.OK]
    estimates: dict[str, Estimate] = {}
    for name, metric in METRICS.items():
        if name == "deviation":
            estimates[name] = _deviation(metric, rounds, why_nothing)
        elif name == "overruns":
            estimates[name] = _overruns(metric, ok, why_nothing)
        elif name == ACCURACY:
            estimates[name] = accuracy_estimate(ok, why_nothing)
        elif name in ENERGY_METRICS:
            estimates[name] = energy_estimate(metric, rounds[0].cell, ok, why_nothing)
        elif any(name in one.samples for one in ok):
            estimates |= _of_samples(metric, ok)
        else:
            estimates |= {part: _of_readings(part, metric, ok, why_nothing) for part in _parts(name)}
    return estimates


def _parts(name: str) -> tuple[str, ...]:
    """The estimates that a metric is summarised by."""
    return (name, *_PARTS.get(name, ()))


def _of_samples(metric: Metric, ok: Sequence[Measurement]) -> dict[str, Estimate]:
    parts = _parts(metric.name)
    try:
        unit, series = _series(metric.name, ok)
    except Rejected as rejected:
        return {part: Estimate(part, metric.unit, why=f"rejected: {rejected}") for part in parts}
    if not series:
        return {part: Estimate(part, metric.unit, why="no trial in any round") for part in parts}
    return {part: _part(part, unit, series) for part in parts}


def _series(name: str, ok: Sequence[Measurement]) -> tuple[str, list[Series]]:
    return series_of([(one.round, one.samples[name]) for one in ok if name in one.samples])


def _part(part: str, unit: str, series: Sequence[Series]) -> Estimate:
    if part in _TAIL_OF:
        return tail(part, unit, series, _TAIL_OF[part])
    return largest(part, unit, series) if part in {LARGEST, PACED_LARGEST} else typical(part, unit, series)


def _round_medians(ok: Sequence[Measurement], name: str) -> tuple[tuple[int, float], ...]:
    try:
        _, series = _series(name, ok)
    except Rejected:
        return ()
    return tuple(zip([one.round for one in series], medians(series).tolist(), strict=True))


def _of_readings(part: str, metric: Metric, rounds: Sequence[Measurement], why_nothing: str) -> Estimate:
    try:
        values = _measured(metric.name, rounds)
    except Rejected as rejected:
        return Estimate(part, metric.unit, why=f"rejected: {rejected}")
    if not values:
        return Estimate(part, metric.unit, why=_why_unavailable(metric.name, rounds) or why_nothing)
    estimate = single_values(part, metric.unit, np.array(values))
    return as_stated(estimate, rounds) if part == MEAN else estimate


def _deviation(metric: Metric, rounds: Sequence[Measurement], why_nothing: str) -> Estimate:
    """The largest of all rounds that were compared with the reference: those that failed the gate are the news."""
    compared = [one for one in rounds if one.status in {Status.OK, Status.INVALID}]
    try:
        values = _measured(metric.name, compared)
    except Rejected as rejected:
        return Estimate(metric.name, metric.unit, why=f"rejected: {rejected}")
    if not values:
        return Estimate(metric.name, metric.unit, why=_why_unavailable(metric.name, compared) or why_nothing)
    count = len(values)
    method, why = f"largest of {counted(count, 'round')}", "no interval: it is a largest value"
    return Estimate(metric.name, metric.unit, max(values), n=count, rounds=count, method=method, why=why)


def _overruns(metric: Metric, ok: Sequence[Measurement], why_nothing: str) -> Estimate:
    """All of all rounds: a count among their cycles."""
    paced = [one for one in ok if "response" in one.samples]
    try:
        values = _measured(metric.name, paced)
    except Rejected as rejected:
        return Estimate(metric.name, metric.unit, why=f"rejected: {rejected}")
    if not values:
        return Estimate(metric.name, metric.unit, why=why_nothing)
    n, why = sum(one.samples["response"].values.size for one in paced), "no interval: a count"
    return Estimate(metric.name, metric.unit, sum(values), n=n, rounds=len(values), method=f"among {n} cycles", why=why)


def _measured(name: str, rounds: Sequence[Measurement]) -> list[float]:
    """Readings that were taken.

    Raises:
        Rejected: One is negative, infinite or NaN; names the round.
    """
    values = []
    for one in rounds:
        reading = one.readings.get(name)
        if isinstance(reading, Measured):
            if not (math.isfinite(reading.value) and reading.value >= 0):
                raise Rejected(f"round {one.round} read {reading.value:g}")
            values.append(reading.value)
    return values


def _why_unavailable(name: str, rounds: Sequence[Measurement]) -> str:
    readings = [one.readings.get(name) for one in rounds]
    return "; ".join(dict.fromkeys(reading.why for reading in readings if isinstance(reading, Unavailable)))


def counted_notes(rounds: Sequence[Measurement]) -> tuple[CountedNote, ...]:
    """Each note once. Figures in the text (a time, a count) do not make it another note."""
    firsts: dict[tuple[str, str], Note] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for one in rounds:
        found = {(note.kind, _without_figures(note.text)): note for note in one.notes}
        firsts |= {same: note for same, note in found.items() if same not in firsts}
        counts.update(found.keys())
    return tuple(CountedNote(note, counts[same]) for same, note in firsts.items())


def _without_figures(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "#", text)
