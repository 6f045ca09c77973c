"""What stands on the terminal when a bulk run is over."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.bulk.judging import derived
from stopwatt.bulk.records import Layout, Record, Stage
from stopwatt.energy import CHANNELS, SCOPES
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.text import counted, one_line, printable

STAGES = {
    Stage.READ: "read the file",
    Stage.DECODE: "decode and fit",
    Stage.WAIT: "wait in the queue",
    Stage.PREPARE: "put the batch together",
    Stage.MODEL: "the model",
    Stage.POSTPROCESS: "read its outputs",
    Stage.WRITE: "write the result",
}
_BINDS = "binds"
_MS = units.Scale(1e-3, "ms")


def render_run(console: Console, record: Record) -> None:
    """The rates beside the ceilings, the time of each stage, what held it back, and what it used."""
    console.print(_rates(record))
    console.print()
    _line(console, record.bottleneck.sentence, "best" if record.bottleneck.name == "none" else "warning")
    if record.bottleneck.remedy:
        _line(console, record.bottleneck.remedy, "")
    console.print()
    if derived.stages(record.ticks):
        console.print(_stages(record))
        console.print()
    for line in _lines(record):
        _line(console, line, "quiet")
    for reason, count in record.failed.items():
        _line(console, f"{counted(count, 'image')} failed: {reason}", "failure")
    for note in record.notes:
        _line(console, f"note: {note}", "warning")


def headline(record: Record) -> str:
    """`2,000 images in 46 s: 43.1 images/s`."""
    now = record.done + sum(record.failed.values()) - record.resumed
    if record.images_per_s is None:
        return f"{counted(record.images, 'image')}, all done before"
    text = f"{counted(now, 'image')} in {units.quantity(record.seconds, 's')}"
    text += f": {units.quantity(record.images_per_s, '1')} images/s"
    return f"{text}; {record.resumed:,} were done before" if record.resumed else text


def _line(console: Console, text: str, style: str) -> None:
    console.print(Text(printable(text), style=style))


def _rates(record: Record) -> Table:
    ceilings = derived.rates(record.ceilings)
    binds = derived.binding(record.ceilings, record.layout)
    rows = [Row(("this run", _rate(record.images_per_s), " ", " "), style="best"), *_shares(record)]
    for name, told in derived.CEILINGS.items():
        if name in ceilings:
            share = _share(record.images_per_s / ceilings[name]) if record.images_per_s else ""
            rows.append(
                Row(
                    (
                        told + _measured_with(record, name),
                        _rate(ceilings[name]),
                        share,
                        _BINDS if name == binds else " ",
                    )
                )
            )
        elif name in record.ceilings.why:
            why = f"not measured: {one_line(record.ceilings.why[name])}"
            rows.append(Row((told, "", "", why), quiet=True))
    heads = (Column("rate of", whole=True), Column("images/s", right=True), Column("reached", right=True), "")
    return grid(headline(record), heads, rows)


def _shares(record: Record) -> Iterator[Row]:
    """Who did it: the nodes of a cluster, or the workers where there are several."""
    for node in record.nodes:
        yield Row((f"  {one_line(node.name)}", _rate(node.images_per_s), " ", "lost" if node.lost else " "))
    lanes = () if record.nodes else derived.workers(record)
    if len(lanes) > 1:
        for place, one in enumerate(lanes):
            yield Row((f"  {one.device} {place}", _rate(one.images_per_s), " ", " "))


def _measured_with(record: Record, name: str) -> str:
    """Where `--auto` has changed the layout since, how many of them there were."""
    then = record.ceilings.layout
    if then is None or record.ceilings.holds(name, record.layout):
        return ""
    return f" ({counted(then.decoders, 'decoder') if name == 'decode' else counted(then.workers, 'worker')})"


def _share(value: float) -> str:
    """`41 %`, `0.15 %`: of two measured rates, two digits."""
    return units.percent(float(f"{value:.2g}"))


def _rate(value: float | None) -> str:
    return "" if value is None else units.quantity(value, "1")


def _stages(record: Record) -> Table:
    times = derived.stages(record.ticks)
    rows = [
        (STAGES.get(stage, str(stage)), units.column_value(seconds, _MS) if seconds else "0")
        for stage, seconds in times.items()
    ]
    return grid("", [Column("an image spends", whole=True), Column(_MS.label, right=True)], rows)


def _lines(record: Record) -> Iterator[str]:
    yield f"layout: {described(record.layout)}"
    if derived.rates(record.ceilings):
        yield from (f"ceilings: {said}" for said in (record.ceilings.shared, record.ceilings.cached) if said)
    yield from _used(record)
    yield from _energy(record)
    if record.restarts:
        yield f"processes that died and were started again: {record.restarts}"


def described(layout: Layout) -> str:
    """`2 decoders -> queue of 32 -> 1 worker (cpu, 1 thread), batch 8`."""
    devices = ", ".join(dict.fromkeys(layout.devices))
    threads = f", {counted(layout.threads, 'thread')}" if "cpu" in layout.devices else ""
    model = f"{counted(layout.workers, 'worker')} ({devices}{threads}), batch {layout.batch}"
    if not layout.queue:
        return f"no queue -> {model}"
    return f"{counted(layout.decoders, 'decoder')} -> queue of {layout.queue:,} -> {model}"


def _used(record: Record) -> Iterator[str]:
    cores, memory = derived.mean_cores(record.ticks), derived.peak_memory(record.ticks)
    used = [
        "" if cores is None else f"{cores:.2f} cores",
        ""
        if memory is None
        else f"at most {units.quantity(memory, 'B')} of memory, shared pages counted for each process",
    ]
    if any(used):
        yield f"used: {', '.join(part for part in used if part)}"
    instruments: dict[str, list[str]] = {}
    for name, value in derived.readings(record.ticks).items():
        instrument, _, channel = name.rpartition(".")
        if channel in {"utilisation", "power", "power_instant", "sm_clock", "temperature", "cpu_clock"}:
            unit = CHANNELS[channel].unit
            instruments.setdefault(instrument, []).append(f"{channel.replace('_', ' ')} {value:.4g} {unit}")
    yield from (f"{instrument}: {', '.join(parts)}, on average" for instrument, parts in instruments.items())


def _energy(record: Record) -> Iterator[str]:
    for scope, name in SCOPES.items():
        verdict = record.energy.get(f"{scope}.verdict")
        if verdict is None:
            continue
        joules, each = (record.energy.get(f"{scope}.{key}") for key in ("joules", "joules_per_image"))
        why = record.energy.get(f"{scope}.why")
        doubt = f" ({one_line(str(why))})" if why else ""
        if not isinstance(joules, float):
            yield f"energy of {name}: unavailable{doubt}"
            continue
        image = f", {units.quantity(each, 'J')} an image" if isinstance(each, float) else ""
        yield f"energy of {name}: {units.quantity(joules, 'J')}{image}, {verdict}{doubt}"
