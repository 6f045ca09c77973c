"""What `ops measure` shows: how many series there are of each mode, the slowest operators, and what was left."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units, wire
from stopwatt.energy import SCOPES, Scope
from stopwatt.operators.measured import SENTINEL, Ending, Measured
from stopwatt.operators.replay import Mode, Replay
from stopwatt.operators.statistics import interval_of, time_of, trimmed_mean_of
from stopwatt.records import Reading, Status, Suspect, Unavailable
from stopwatt.reporting.grid import Column, grid
from stopwatt.reporting.operators.shown import Shown
from stopwatt.stats.quantiles import Interval
from stopwatt.text import printable

SCHEMA = "1"
_SLOWEST = 10
_MOST_REASONS = 5
_KINDS = ("measured", "unavailable", "failed")


@dataclass(frozen=True, slots=True)
class MeasureResult(Shown):
    """What `ops measure` returns.

    Attributes:
        found: What was measured.
        where: The store.
        models: Workloads that the operators are from, as a user names them; empty where they are from files.
        changes: What people changed in summary files, one sentence each.
    """

    found: Measured
    where: str
    models: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        found = self.found
        return {
            "schema": SCHEMA,
            "place": wire.to_document(found.place),
            "operators": len(found.operators),
            "known": found.known,
            "left": found.left,
            "left_s": found.left_s,
            "seconds": found.seconds,
            "jobs": found.jobs,
            "repeated": found.repeated,
            "sentinel_s": _finite(found.sentinel_s),
            "spread": _finite(found.spread),
            "ending": str(found.ending),
            "changes": list(self.changes),
            "series": [self._series(one) for one in found.replays],
        }

    def print_to(self, console: Console) -> None:
        """Print everything."""
        found = self.found
        place = found.place
        versions = ", ".join(f"{name} {version}" for name, version in place.software.items())
        console.print(Text(printable(f"{place.hardware}, {_counted(place.threads, 'thread')}, {versions}")))
        if found.replays:
            console.print()
            console.print(_counts(found.replays))
            timed = [one for one in found.replays if one.status is Status.OK]
            if timed:
                console.print()
                console.print(_slowest(found, timed))
        for line in _lines(self):
            console.print(Text(printable(line)))

    def _series(self, one: Replay) -> dict[str, Any]:
        timed = one.status is Status.OK
        interval = interval_of(one) if timed else None
        bounds = (interval.low, interval.high) if isinstance(interval, Interval) else (None, None)
        return {
            "operator": one.operator,
            "label": self.found.operators[one.operator].label,
            "mode": str(one.mode),
            "status": str(one.status),
            "time_s": time_of(one) if timed else None,
            "low_s": bounds[0],
            "high_s": bounds[1],
            "trimmed_s": trimmed_mean_of(one) if timed else None,
            "samples": {name: int(series.values.size) for name, series in one.samples.items()},
            "calls": one.calls,
            "sets": one.sets,
            "footprint": one.footprint,
            "readings": {name: _reading(reading) for name, reading in one.readings.items()},
            "trouble": None if one.trouble is None else asdict(one.trouble),
        }


def _counts(replays: Sequence[Replay]) -> Table:
    """One line a mode."""
    columns = (
        Column("mode", whole=True),
        *(Column(name, right=True) for name in ("measured", "unavailable", "failed")),
    )
    found = {mode: Counter(_kind(one) for one in replays if one.mode is mode) for mode in Mode}
    rows = [(str(mode), *(str(kinds[name]) for name in _KINDS)) for mode, kinds in found.items() if kinds]
    return grid("Operators by memory mode", columns, rows)


def _kind(one: Replay) -> str:
    if one.status is Status.OK:
        return "measured"
    return "unavailable" if one.status is Status.UNSUPPORTED else "failed"


def _slowest(found: Measured, timed: Sequence[Replay]) -> Table:
    """A column a mode; what a call takes there."""
    modes = [mode for mode in Mode if any(one.mode is mode for one in timed)]
    times = {(one.operator, one.mode): one for one in timed}
    longest: dict[str, float] = {}
    for one in timed:
        longest[one.operator] = max(longest.get(one.operator, 0.0), time_of(one))
    keys = sorted(longest, key=lambda key: -longest[key])[:_SLOWEST]
    shown = [time_of(times[key, mode]) for key in keys for mode in modes if (key, mode) in times]
    scale = units.scale_for(shown, "s")
    columns: tuple[Column | str, ...] = (
        "operator",
        *(Column(f"{mode} ({scale.label})", right=True, whole=True) for mode in modes),
    )
    rows = [(found.operators[key].label, *(_time(times.get((key, mode)), scale) for mode in modes)) for key in keys]
    title = "The slowest, median of a call" if len(longest) > len(keys) else "Median of a call"
    return grid(title, columns, rows)


def _time(replay: Replay | None, scale: units.Scale) -> str:
    if replay is None:
        return ""
    interval = interval_of(replay)
    half = (interval.high - interval.low) / 2 if isinstance(interval, Interval) else None
    return units.column_value(time_of(replay), scale, half_width=half)


def _lines(result: MeasureResult) -> Iterator[str]:
    found = result.found
    yield ""
    yield from (f"Changed: {change}" for change in result.changes)
    if not found.replays and found.ending is Ending.DONE:
        yield f"Nothing to measure: all {found.known} series are in {result.where} already (--again measures them)."
    else:
        before = f"; {found.known} were known before" if found.known else ""
        yield f"{len(found.replays)} series in {units.duration(found.seconds)}, {_counted(found.jobs, 'job')}{before}."
    yield from _sentinel(found)
    yield from _reasons(found)
    if found.left:
        about = f", about {units.duration(found.left_s)}" if found.left_s else ""
        yield f"Left: {found.left} series{about}. The same command goes on with them."
    elif result.models:
        yield f"Next: stopwatt ops explain {result.models[0]}"


def _sentinel(found: Measured) -> Iterator[str]:
    if found.jobs and _finite(found.spread) is not None:
        took = units.quantity(found.sentinel_s, "s")
        yield f"Sentinel (the same work in every job): {took}, spread {units.percent(found.spread)}."
    if found.repeated:
        yield f"Repeated: {_counted(found.repeated, 'job')} in which it had moved."
    suspect = sum(isinstance(one.readings.get(SENTINEL), Suspect) for one in found.replays)
    if suspect:
        yield f"Suspect: {suspect} series, since the sentinel of their jobs moved. --again, when the machine is quiet."


def _reasons(found: Measured) -> Iterator[str]:
    """What failed, with its reason, and why there is no energy where there is none."""
    failed: dict[tuple[str, str], list[str]] = {}
    for one in found.replays:
        if _kind(one) == "failed" and one.trouble is not None:
            failed.setdefault((found.operators[one.operator].label, one.trouble.what), []).append(str(one.mode))
    for (label, what), modes in list(failed.items())[:_MOST_REASONS]:
        yield f"Failed: {label} ({', '.join(modes)}): {what}"
    if len(failed) > _MOST_REASONS:
        yield f"Failed: {len(failed) - _MOST_REASONS} more; --json has their reasons."
    if any(one.status is Status.UNSUPPORTED for one in found.replays):
        yield "Unavailable: a mode that does not exist for an operator here; --json has the reasons."
    yield from _energy(found)


def _energy(found: Measured) -> Iterator[str]:
    """Of how many series there is energy, and why not of the others; a CPU has no board of a GPU to be asked about."""
    for scope, name in SCOPES.items():
        readings = [one.readings[f"energy_{scope}"] for one in found.replays if f"energy_{scope}" in one.readings]
        if not readings or (scope is Scope.GPU and found.place.device == "cpu"):
            continue
        whys = Counter(one.why for one in readings if isinstance(one, Unavailable))
        if taken := len(readings) - whys.total():
            yield f"Energy of {name}: {taken} series (--json)."
        for why, count in whys.most_common(_MOST_REASONS):
            yield f"Energy of {name}: unavailable for {count} series ({why})."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _reading(reading: Reading) -> dict[str, Any]:
    return {"kind": type(reading).__name__.lower(), **asdict(reading)}


def _finite(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124  (NaN differs from itself)
