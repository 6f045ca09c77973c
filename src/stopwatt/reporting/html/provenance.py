"""Where the numbers come from: runs, commands, rules, machine, versions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import yaml

from stopwatt import __version__, units
from stopwatt.analyse.analysis import Analysis
from stopwatt.devices.fact import Role
from stopwatt.devices.facts import FACTS
from stopwatt.records import Protocol, Scalar
from stopwatt.store.model import Run
from stopwatt.ways import Ablation

_VOLATILE = frozenset({"memory.available", "cpu.load", "cpu.stalled", "memory.stalled"})
_GRID = "grid.yaml"


@dataclass(frozen=True, slots=True)
class Source:
    """What a report is made from.

    Attributes:
        runs: Those whose measurements it shows.
        where: Name of the results database.
        made_at: ISO 8601, UTC.
        selftests: How the latest self-test of each machine ended.
    """

    runs: tuple[Run, ...] = ()
    where: str = ""
    made_at: str = ""
    selftests: tuple[str, ...] = ()


def now() -> str:
    """The present time, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def moment(text: str) -> str:
    """A time of ISO 8601 as people read it: `2026-01-02 03:04 UTC`; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class RunAbout:
    """One run.

    Attributes:
        facts: What is known of it, label and text.
        command: What repeats it.
        grid: The YAML that the command read; empty where there was none.
        grid_name: What to save it as.
    """

    facts: tuple[tuple[str, str], ...]
    command: str
    grid: str = ""
    grid_name: str = _GRID


@dataclass(frozen=True, slots=True)
class Provenance:
    """All of it: blocks of label and text."""

    runs: tuple[RunAbout, ...]
    machine: tuple[tuple[str, str], ...]
    software: tuple[tuple[str, str], ...]
    protocols: tuple[tuple[tuple[str, str], ...], ...]
    made: str


def provenance_of(analysis: Analysis, source: Source) -> Provenance:
    """The provenance of an analysis."""
    software: dict[str, str] = {}
    for cell in analysis.cells:
        software |= cell.row.cell.software
    for study in analysis.studies:
        software |= study.software
    made_at = moment(source.made_at or now())
    protocols = dict.fromkeys([*(cell.row.cell.protocol for cell in analysis.cells), *analysis.rules])
    return Provenance(
        tuple(_run(run) for run in source.runs),
        (*_machine(analysis.facts, analysis.machines), *(("self-test", text) for text in source.selftests)),
        tuple(sorted(software.items())),
        tuple(tuple(_rules(protocol)) for protocol in protocols),
        f"made by stopwatt {__version__} on {made_at} from {source.where or 'measurements in memory'}",
    )


def _run(run: Run) -> RunAbout:
    facts = [
        ("run", run.id),
        ("tag", run.tag),
        ("began", moment(run.started_at)),
        ("ended", moment(run.finished_at or "")),
        ("status", str(run.status).replace("_", " ")),
        ("rounds", f"{run.rounds:,}" if run.rounds else ""),
        ("stopwatt", run.tool_version),
        *_extra(run.request),
    ]
    grid = run.request.get("grid")
    text = yaml.safe_dump(grid, sort_keys=False, allow_unicode=True) if isinstance(grid, dict) else str(grid or "")
    return RunAbout(tuple((name, value) for name, value in facts if value), run.command, text, _grid_name(run.command))


def _grid_name(command: str) -> str:
    """The file that the command names."""
    words = command.split()
    return next((word for word in words if word.endswith((".yaml", ".yml"))), _GRID)


def _extra(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for besides a grid: the source of a table, deadlines."""
    told = [(name, value) for name, value in request.items() if name not in ("grid", "axes") and value]
    return [(name, _deadlines(value) if name == "deadlines" else _short(value)) for name, value in told]


def _deadlines(seconds: Sequence[float]) -> str:
    return ", ".join(units.exact(one, "s") for one in seconds)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_short(inner)}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_short(inner) for inner in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _machine(facts: Mapping[str, Scalar], machines: Sequence[str]) -> list[tuple[str, str]]:
    """Identity first, then what stays the same for hours."""
    known = [fact for name, fact in FACTS.items() if name in facts and name not in _VOLATILE]
    known.sort(key=lambda fact: fact.role is not Role.IDENTITY)
    shown = [(fact.label, fact.format(facts[fact.name])) for fact in known]
    return [*shown, ("identity", ", ".join(machines))] if any(machines) else shown


def _rules(protocol: Protocol) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in asdict(replace(protocol, ablation=None)).items():
        if isinstance(value, dict):
            flat += [(f"{name} {inner}".replace("_", " "), _rule(one)) for inner, one in value.items()]
        elif value is not None:
            flat.append((name.replace("_", " "), _rule(value)))
    return flat + (_ablation(protocol.ablation) if protocol.ablation is not None else [])


def _ablation(ablation: Ablation) -> list[tuple[str, str]]:
    """The rules of an ablation; its ways are the rows of a table."""
    most = f"{ablation.calls} calls or {units.exact(ablation.seconds, 's')}, at least {ablation.least_calls} calls"
    return [("ways", str(len(ablation.ways))), ("series of a way", f"{ablation.series} a round"), ("series", most)]


def _rule(value: Any) -> str:
    return "by the device" if value is None else _short(value) if isinstance(value, float) else str(value)
