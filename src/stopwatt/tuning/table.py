"""What a search found, for people."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from stopwatt.analyse.estimate import Estimate, counted
from stopwatt.metrics import ACCURACY
from stopwatt.records import Note, Severity
from stopwatt.reporting.accuracy import about_accuracy, accuracy_warnings
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.text import printable
from stopwatt.tuning.chosen import Candidate, Tuned
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.snippet import PACKED
from stopwatt.tuning.where import Holds
from stopwatt.units import Scale, column_interval, column_value, duration, interval, scale_for
from stopwatt.units import ratio as as_ratio
from stopwatt.workloads.params import short_label

if TYPE_CHECKING:
    from rich.console import Console

_MOST_FRONT = 8
_WORDS = {
    Goal.LATENCY: "least time of a call",
    Goal.THROUGHPUT: "most samples a second",
    Goal.ENERGY: "least energy a sample",
    Goal.MEMORY: "least peak memory",
}
_HEADS = {"latency": "latency", "throughput": "", "host_memory": "peak", "device_memory": "peak"}
"""Heads of columns where they are not the metric's name; the unit follows."""


def render_tuned(
    console: "Console", found: Tuned, notes: Sequence[Note], *, run: str, where: str, pack: str = ""
) -> None:
    """Print the winner, what it was compared with, the front, and how the search went."""
    scales = _scales(found)
    console.print(Text(_heading(found), style="bold"))
    console.print(grid("", _columns(found, scales), _rows(found, scales)))
    for sentence in sentences(found):
        console.print(Text(f"- {printable(sentence)}"))
    known = [one.row for one in (found.winner, found.runner_up, found.default, *found.front) if one]
    for line in (*(Text(text, style="quiet") for text in about_accuracy(known)), *accuracy_warnings(known)):
        console.print(line)
    for note in (note for note in notes if note.severity is Severity.WARNING):
        now = f"; now: {note.now}" if note.now else ""
        console.print(Text(printable(f"! {note.text}{now}"), style="warning"))
    console.print()
    if pack:
        console.print(Text(f"written: {pack}"))
    console.print(Text(f"stored as run {run} in {where}", style="quiet"))
    if found.winner is not None and not pack and found.winner.row.cell.setup.backend in PACKED:
        console.print(Text("  now: the same command with --out best.swpack keeps the winner as a file", style="quiet"))


def _heading(found: Tuned) -> str:
    known = found.winner or found.default
    about = short_label(known.row.cell.workload) if known else ""
    for name, one in _same(found).items():
        about += f", {name} {one}"
    where = f" where {', '.join(one.text for one in found.constraints)}" if found.constraints else ""
    return printable(f"{about}: {_WORDS[found.goal]}{where}")


# --- the table ---


def _shown(found: Tuned) -> list[Candidate]:
    return [one for one in (found.winner, found.runner_up, found.default, found.nearest, *found.front) if one]


def _coordinates(one: Candidate) -> dict[str, int]:
    """What has a column of its own only where it differs."""
    return {"batch": one.row.cell.setup.batch, "threads": one.row.cell.setup.threads}


def _same(found: Tuned) -> dict[str, int]:
    """What all that is shown have in common."""
    seen = [_coordinates(one) for one in _shown(found)]
    return {name: value for name, value in seen[0].items() if all(one[name] == value for one in seen)} if seen else {}


def _metrics(found: Tuned) -> list[str]:
    device = next((one.row.cell.setup.device for one in (found.default, found.winner) if one), "cpu")
    memory = "host_memory" if device == "cpu" else "device_memory"
    bound = [one.metric(device) for one in found.constraints]
    judged = [ACCURACY] if any(one.row.answers is not None for one in _shown(found)) else []
    return list(dict.fromkeys((found.metric, *bound, memory, "deviation", *judged)))


def _scales(found: Tuned) -> dict[str, Scale]:
    """The unit of each column of a metric."""
    estimates = {name: [one.row.estimates[name] for one in _shown(found)] for name in _metrics(found)}
    return {
        name: scale_for([one.value for one in ones if one.value is not None], ones[0].unit if ones else "1")
        for name, ones in estimates.items()
    }


def _columns(found: Tuned, scales: Mapping[str, Scale]) -> list[Column | str]:
    heads = [f"{_HEADS.get(name, name)} {scale.label if scale.label != '1' else ''}" for name, scale in scales.items()]
    differ = [Column(name, right=True) for name in ("batch", "threads") if name not in _same(found)]
    metrics = [Column(head.strip(), right=True) for head in heads]
    return [Column("", whole=True), Column("setup", whole=True), *differ, *metrics]


def _rows(found: Tuned, scales: Mapping[str, Scale]) -> list[Row]:
    named = [("winner", found.winner), ("runner-up", found.runner_up), ("default", found.default)]
    if found.winner is None:
        named.insert(0, ("nearest", found.nearest))
    same = _same(found)
    rows = [
        Row(_cells(name, one, scales, same), style="best" if name == "winner" else "")
        for name, one in named
        if one is not None
    ]
    shown = {id(one) for _, one in named}
    front = [one for one in found.front if id(one) not in shown][:_MOST_FRONT]
    return rows + [Row(_cells("front", one, scales, same), quiet=not one.proven) for one in front]


def _cells(name: str, one: Candidate, scales: Mapping[str, Scale], same: Collection[str]) -> list[str]:
    setup = one.row.cell.setup
    differ = [str(value) for coordinate, value in _coordinates(one).items() if coordinate not in same]
    values = [_value(one.row.estimates[metric], scale) for metric, scale in scales.items()]
    return [name, f"{setup.backend_label} {setup.precision}", *differ, *values]


def _value(found: Estimate, scale: Scale) -> str:
    if found.value is None:
        return MISSING
    if found.value == 0:
        return "0"
    if found.low is None or found.high is None:
        return column_value(found.value, scale)
    return column_interval(found.value, found.low, found.high, scale)


# --- the sentences ---


def sentences(found: Tuned) -> list[str]:
    """What a reader must know, the choice first."""
    said = [_choice(found)]
    if found.winner is not None and found.winner.holds is Holds.OPEN:
        said.append("the winner's interval holds the limit of a constraint: whether it keeps to it is not decided")
    said.append(_course(found))
    hidden = len(found.front) - _MOST_FRONT
    said += [f"{counted(hidden, 'more setup')} of the front: --json has all"] if hidden > 0 else []
    if any(not one.proven for one in found.front):
        said.append("grey rows had short rounds of the race only")
    if found.failed:
        label, why = next(iter(found.failed.items()))
        said.append(f"{counted(len(found.failed), 'setup')} gave no result; the first: {label}: {why}")
    return said


def _choice(found: Tuned) -> str:
    if found.winner is None:
        return "no setup keeps to the constraints" if found.nearest else "no setup gave a result"
    if found.winner is found.default:
        return "nothing is better than the default"
    said = f"{found.winner.label}: {_against(found.against_default, 'the default')}"
    if found.runner_up is None or found.runner_up is found.default:
        return said
    return f"{said}; {_against(found.against_runner_up, f'the runner-up ({found.runner_up.label})')}"


def _against(ratio: Ratio, whom: str) -> str:
    if ratio.value is None:
        return f"not compared with {whom}: {ratio.why}"
    known = ratio.low is not None and ratio.high is not None
    times = interval(ratio.value, ratio.low, ratio.high, "x") if known else as_ratio(ratio.value)  # type: ignore[arg-type]
    words = {Verdict.FASTER: "better than", Verdict.EQUIVALENT: "no difference that matters from"}
    return (
        f"{times}, {words.get(ratio.verdict, 'not told apart from') if ratio.verdict else 'not judged beside'} {whom}"
    )


def _course(found: Tuned) -> str:
    given_up = sum(rounds > 0 for rounds in found.race.given_up.values())
    unseen = found.candidates - found.scouted
    rest = f"; {unseen} were not tried: a larger --budget tries them" if unseen else ""
    return (
        f"{found.scouted} of {counted(found.candidates, 'setup')} were raced and {given_up} given up on the way (at"
        f" most 5 % risk of losing the best), in {duration(found.spent_s)} of measuring{rest}"
    )
