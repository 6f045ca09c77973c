"""The instruments of a machine as people read them: a table, and below it what each reads and what limits it."""

from collections.abc import Iterator

from rich.console import Console

from stopwatt import units
from stopwatt.devices.nvml import slowdown_text
from stopwatt.energy import CHANNELS, SCOPES
from stopwatt.meters.quality import Trust
from stopwatt.meters.watching import Look, Watched
from stopwatt.records import Measured, Suspect, Unavailable
from stopwatt.reporting.grid import Column, Row, grid

_STYLES = {Trust.SUSPECT: "warning", Trust.USELESS: "failure"}


def show_meters(console: Console, look: Look) -> None:
    """The table, and below it what does not fit into one."""
    columns = (
        Column("instrument", whole=True),
        Column("energy of", whole=True),
        Column("source", whole=True),
        Column("tick", right=True, whole=True),
        Column("step", right=True, whole=True),
        Column("power", right=True, whole=True),
        Column("verdict", whole=True),
    )
    where = f" of {look.device}" if look.device else ""
    title = f"Instruments{where}, watched for {units.quantity(look.seconds, 's')}"
    console.print(grid(title, columns, (_row(one) for one in look.watched)))
    for line in _below(look):
        console.print(line, markup=False)


def _row(one: Watched) -> Row:
    about, quality = one.about, one.quality
    if quality is None:
        return Row((about.name, "", about.source, "", "", "", "no energy"))
    power = one.power
    cells = (
        about.name,
        SCOPES[about.scope],
        about.source,
        units.quantity(quality.tick_s, "s") if quality.tick_s else "",
        units.quantity(quality.quantum_j, "J") if quality.quantum_j else "",
        units.quantity(power.value, "W") if isinstance(power, Measured | Suspect) else "",
        str(quality.trust),
    )
    return Row(cells, style=_STYLES.get(quality.trust, ""))


def _below(look: Look) -> Iterator[str]:
    for one in look.watched:
        facts = [*_facts(one)]
        if facts:
            yield ""
            yield f"{one.about.name}: {facts[0]}"
            yield from (f"  {fact}" for fact in facts[1:])
    reasons = {SCOPES[scope]: why for scope, why in look.why.items()}
    reasons |= {name: why for name, why in look.missing.items() if why not in look.why.values()}
    if reasons:
        yield ""
        yield from (f"{name}: unavailable ({why})" for name, why in reasons.items())
    if look.unverified:
        yield ""
        yield f"never run by the authors of stopwatt: {', '.join(look.unverified)}"


def _facts(one: Watched) -> Iterator[str]:
    if one.now:
        yield "reads " + ", ".join(_read(name, value) for name, value in one.now.items())
    if one.quality is not None and one.quality.why:
        yield f"{one.quality.trust}: {one.quality.why}"
    if one.quality is not None and one.quality.trust is not Trust.USELESS and isinstance(one.power, Unavailable):
        yield f"no power: {one.power.why}; --seconds watches for longer"
    yield from one.about.quirks


def _read(name: str, value: float) -> str:
    """`temperature 41 °C`, `busy +1.95 s`."""
    channel = CHANNELS[name]
    words = {"degC": f"{value:.0f} °C", "%": f"{value:.0f} %", "1": f"{value:.0f}", "bits": slowdown_text(int(value))}
    text = words.get(channel.unit) or units.quantity(value, channel.unit)
    return f"{name.replace('_', ' ')} {'+' if channel.counts else ''}{text}"
