"""Which cells of two sides are the same thing, and in what they are not alike."""

from collections.abc import Hashable, Mapping
from dataclasses import fields

from stopwatt.analyse.estimate import counted
from stopwatt.analyse.observed import Side
from stopwatt.devices.facts import identity_differences
from stopwatt.energy import EnergyRules
from stopwatt.records import Cell, Paced, Protocol, Warmup
from stopwatt.units import exact
from stopwatt.ways import Ablation

_NO_RULE = ("rounds", "timeout_s", "boundary", "paced")
"""Fields of a protocol that change nothing in a round, or that stand beside the rules."""

Differences = Mapping[str, str]
"""Name of a property -> what it is on either side: `fp32 / bf16`."""


def name_of(cell: Cell) -> Hashable:
    """What is the same for two cells that a user compares: workload, parameters, backend, batch, device, threads."""
    setup = cell.setup
    workload = (cell.workload.source, tuple(sorted(cell.workload.params.items())))
    return workload, setup.backend_label, setup.batch, setup.device, setup.threads


def kind_of(cell: Cell) -> Hashable:
    """What has to be the same besides, so that a ratio has a meaning: how it was measured, and on what machine."""
    return cell.setup.precision, cell.protocol.boundary, cell.protocol.paced, _rules(cell.protocol), cell.machine


def unlike(a: Cell, b: Cell, sides: tuple[Side, Side]) -> Differences:
    """In what two cells of one name are not alike; empty where they may be compared."""
    found = {
        "precision": _both(a.setup.precision, b.setup.precision),
        "boundary": _both(a.protocol.boundary, b.protocol.boundary),
        "arrivals": _both(_arrivals(a.protocol.paced), _arrivals(b.protocol.paced)),
        "protocol": _different_rules(a.protocol, b.protocol),
        "machine": "" if a.machine == b.machine else _machines(a, b, sides),
    }
    return {name: text for name, text in found.items() if text}


def changes(a: Cell, b: Cell) -> Differences:
    """What differs between two cells that are alike: what a user compares."""
    software = {
        package: _both(a.software.get(package, "-"), b.software.get(package, "-"))
        for package in sorted({*a.software, *b.software})
    }
    found = {"code of the workload": _both(a.code[:8] or "-", b.code[:8] or "-"), **software}
    return {name: text for name, text in found.items() if text}


def _both(ours: str, theirs: str) -> str:
    return "" if ours == theirs else f"{ours} / {theirs}"


def _rules(protocol: Protocol) -> tuple[tuple[str, Hashable], ...]:
    return tuple((one.name, getattr(protocol, one.name)) for one in fields(protocol) if one.name not in _NO_RULE)


def _different_rules(a: Protocol, b: Protocol) -> str:
    """`trials 300 / 1000, warmup`: the rules that differ."""
    pairs = zip(_rules(a), _rules(b), strict=True)
    return ", ".join(_different_rule(name, ours, theirs) for (name, ours), (_, theirs) in pairs if ours != theirs)


def _different_rule(name: str, ours: Hashable, theirs: Hashable) -> str:
    """`trials 300 / 1000`; of rules that have parts the name, and of ablations how many ways."""
    told = [_told(one) for one in (ours, theirs)]
    return name if told[0] == told[1] else f"{name} {told[0]} / {told[1]}"


def _told(rule: Hashable) -> str:
    if rule is None:
        return "none"
    if isinstance(rule, Ablation):
        return counted(len(rule.ways), "way")
    if isinstance(rule, EnergyRules):
        return f"{rule.grade}, replayed" if rule.replay else str(rule.grade)
    return "" if isinstance(rule, Warmup) else str(rule)


def _arrivals(paced: Paced | None) -> str:
    if paced is None:
        return "as fast as they are served"
    realtime = ", real-time" if paced.realtime else ""
    return f"every {exact(paced.period_s, 's')}, {paced.cycles} cycles, load {paced.load}{realtime}"


def _machines(a: Cell, b: Cell, sides: tuple[Side, Side]) -> str:
    """The facts in which the machines differ; their digests where the facts do not tell."""
    facts = [side.facts.get(cell.machine, {}) for side, cell in zip(sides, (a, b), strict=True)]
    told = "; ".join(identity_differences(*facts))
    return told or f"{a.machine[:8] or 'unknown'} / {b.machine[:8] or 'unknown'}"
