"""What `meter` returns, in every form in which people look at it."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.metered import PROCESS, Energy, Metered, document
from stopwatt.energy import SCOPES
from stopwatt.extensions import unknown
from stopwatt.records import Measured, Reading, Suspect, Unavailable
from stopwatt.reporting.console import console_for
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.text import one_line, printable

SCHEMA = 1
"""Version of what `to_json` gives."""
_LONGEST = 70
"""Characters of a command that are shown."""


@dataclass(frozen=True, slots=True)
class MeterResult:
    """What a meter read."""

    metered: Metered

    @property
    def seconds(self) -> float:
        """From the beginning to the end."""
        return self.metered.seconds

    @property
    def energy(self) -> Mapping[str, Reading]:
        """Scope -> joules."""
        return {str(scope): one.energy for scope, one in self.metered.scopes.items()}

    @property
    def power(self) -> Mapping[str, Reading]:
        """Scope -> mean watts."""
        return {str(scope): one.power for scope, one in self.metered.scopes.items()}

    @property
    def process(self) -> Mapping[str, Reading]:
        """What the kernel counted, by names of `analyse.metered.PROCESS`."""
        return self.metered.process

    def reading(self, name: str) -> Reading:
        """Joules of a scope or of an instrument.

        Raises:
            UsageError: Neither has that name.
        """
        known = {one.name: one.energy for one in self.metered.instruments} | dict(self.energy)
        if name not in known:
            raise unknown("scope or instrument", name, known)
        return known[name]

    def sentence(self) -> str:
        """One line with the energy of every scope."""
        parts = [f"{SCOPES[scope]} {_phrase(one.energy)}" for scope, one in self.metered.scopes.items()]
        return f"{units.quantity(self.seconds, 's')}, {', '.join(parts)}"

    def table(self) -> None:
        """Print the table of the command line."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: Console) -> None:
        """Print the table on a console."""
        render_meter(console, self.metered)

    def to_json(self) -> str:
        """The documented JSON."""
        return json.dumps(meter_document(self.metered), indent=2, allow_nan=False)


def render_meter(console: Console, metered: Metered) -> None:
    """A line for each scope, or for each of its instruments; then what the kernel counted."""
    shown = list(_shown(metered))
    heads, rows = _energy_rows(shown)
    console.print(grid(_title(metered), heads, rows))
    for line in _footnotes(metered, shown):
        console.print(Text(printable(line), style="quiet"))
    console.print()
    values = [("time", units.quantity(metered.seconds, "s"))]
    values += [(PROCESS[name][1], _value(name, reading)) for name, reading in metered.process.items()]
    console.print(grid("", (Column("process", whole=True), "value"), values))
    for name, source in metered.sources.items():
        console.print(Text(f"{PROCESS[name][1]}: {source}", style="quiet"))


def _title(metered: Metered) -> str:
    if not metered.command:
        return ""
    command = one_line(shlex.join(metered.command))
    short = command if len(command) <= _LONGEST else f"{command[:_LONGEST]}..."
    return f"{short}: exit code {metered.exit_code}"


def _shown(metered: Metered) -> Iterator[tuple[str, Energy]]:
    """Each instrument by itself, before what several of a scope are together."""
    for scope, whole in metered.scopes.items():
        parts = [one for one in metered.instruments if one.scope is scope]
        if len(parts) > 1:
            yield from ((f"{SCOPES[scope]} {one.name}", one) for one in parts)
            yield f"{SCOPES[scope]}, all {len(parts)}", whole
        else:
            yield SCOPES[scope], whole


def _energy_rows(shown: list[tuple[str, Energy]]) -> tuple[list[Column | str], list[Row]]:
    joules, watts = (_scale(shown, names, unit) for names, unit in ((("energy",), "J"), (("power", "most"), "W")))
    heads: list[Column | str] = [
        Column("energy of", whole=True), Column(joules.label, right=True), Column(f"mean {watts.label}", right=True),
        Column(f"largest {watts.label}", right=True), "verdict",
    ]  # fmt: skip
    rows = [
        Row(
            (name, _number(one.energy, joules), _number(one.power, watts), _number(one.most, watts), _verdict(one)),
            quiet=isinstance(one.energy, Unavailable),
            style="warning" if isinstance(one.energy, Suspect) else "",
        )
        for name, one in shown
    ]
    return heads, rows


def _scale(shown: list[tuple[str, Energy]], names: tuple[str, ...], unit: str) -> units.Scale:
    readings = [getattr(one, name) for _, one in shown for name in names]
    return units.scale_for([one.value for one in readings if not isinstance(one, Unavailable)], unit)


def _number(reading: Reading, scale: units.Scale) -> str:
    return "" if isinstance(reading, Unavailable) else units.column_value(reading.value, scale)


def _verdict(one: Energy) -> str:
    match one.energy:
        case Unavailable(why):
            return f"unavailable ({one_line(why)})"
        case Suspect(why=why):
            return f"suspect ({one_line(why)})"
    return f"measured ({one.source})" if one.source else "measured"


def _footnotes(metered: Metered, shown: list[tuple[str, Energy]]) -> Iterator[str]:
    kinds = dict.fromkeys(one.most_of for _, one in shown if isinstance(one.most, Measured))
    if kinds:
        yield f"largest: of {' and of '.join(kinds)}"
    for name, quirks in metered.quirks.items():
        yield from (f"{name}: {quirk}" for quirk in quirks)


def _value(name: str, reading: Reading) -> str:
    if isinstance(reading, Unavailable):
        return f"unavailable ({one_line(reading.why)})"
    unit = PROCESS[name][0]
    if unit == "1":
        return units.exact(round(reading.value), "1")
    if unit == "cores":
        return units.quantity(reading.value, "1")
    return units.quantity(reading.value, unit)


def _phrase(reading: Reading) -> str:
    if isinstance(reading, Unavailable):
        return f"unavailable ({reading.why})"
    doubt = f" (suspect: {reading.why})" if isinstance(reading, Suspect) else ""
    return f"{units.quantity(reading.value, reading.unit)}{doubt}"


def meter_document(metered: Metered) -> dict[str, Any]:
    """All of it as JSON."""
    return {
        "schema": SCHEMA,
        "command": list(metered.command) or None,
        "exit_code": metered.exit_code,
        "started_at": metered.started_at,
        "seconds": metered.seconds,
        "scopes": {str(scope): _energy(one) for scope, one in metered.scopes.items()},
        "instruments": [
            {
                "name": one.name,
                "scope": str(one.scope),
                "quirks": list(metered.quirks.get(one.name, ())),
                **_energy(one),
            }
            for one in metered.instruments
        ],
        "process": {name: document(reading) for name, reading in metered.process.items()},
        "sources": dict(metered.sources),
    }


def _energy(one: Energy) -> dict[str, Any]:
    return {
        "source": one.source or None,
        "energy": document(one.energy),
        "power": document(one.power),
        "power_most": document(one.most) | {"of": one.most_of or None},
    }
