"""`stopwatt doctor`: what this machine is, what runs on it, and whether it is fit to measure."""

import json as json_text
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.cli.backends import backend_rows, show_backends, show_copyable
from stopwatt.errors import EnvironmentUnfit, StopwattError
from stopwatt.extensions import load, registered

if TYPE_CHECKING:
    from rich.console import Console

    from stopwatt.devices.facts import Facts
    from stopwatt.devices.fitness import Judgement
    from stopwatt.sweeping.probe import Description

SCHEMA = 1
_FROM_OUTSIDE = {"FILE.onnx": ("onnx",), "torchvision:NAME": ("torchvision",), "timm:NAME": ("timm",)}
_EXTRAS = {"onnx": "stopwatt[onnx]", "transformers": "stopwatt[transformers]"}


@dataclass(frozen=True, slots=True)
class Source:
    """A source of workloads and what is missing for it."""

    name: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that the doctor has seen.

    Attributes:
        device_trouble: Why the device cannot be there; `None` if it can.
        threads: What a setup would use by default; the machine was judged for it.
        store: The results database.
        store_trouble: Why nothing can be saved there; `None` if it can.
    """

    device: str
    device_trouble: StopwattError | None
    threads: int
    machine: str
    facts: "Facts"
    judgement: "Judgement"
    backends: dict[str, "Description"]
    sources: tuple[Source, ...]
    store: str
    store_trouble: StopwattError | None

    def obstacles(self) -> Iterator[tuple[str, str]]:
        """Why nothing can be measured here, each with what to do."""
        if self.device_trouble is not None:
            yield self.device_trouble.what, self.device_trouble.now
        for trouble in self.judgement.failures:
            yield trouble.what, trouble.now
        if not any(one.support.usable for one in self.backends.values()):
            yield f"no backend can be used on {self.device}", "mend one of them as the table of backends says"
        if self.store_trouble is not None:
            yield f"results cannot be saved: {self.store_trouble.what}", self.store_trouble.now


def doctor(
    *,
    device: Annotated[str | None, Parameter(help="cpu, cuda or cuda:1; the GPU if there is one.")] = None,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Examine this machine: its facts, its runtimes, and whether it is fit to measure (exit code 4 if not).

    Three examples:

        stopwatt doctor

        stopwatt doctor --device cpu

        stopwatt doctor --json
    """
    from stopwatt.reporting.console import console_for

    seen = examine(device, store)
    if json:
        print(json_text.dumps(document(seen), indent=2))
    else:
        show(console_for(sys.stdout), seen)
    first = next(seen.obstacles(), None)
    if first is not None:
        raise EnvironmentUnfit(
            f"not fit to measure: {first[0]}", when=f"examining this machine for {seen.device}", now=first[1]
        )


def examine(device: str | None = None, store: str | None = None) -> Checkup:
    """Look at everything, change nothing.

    Raises:
        UsageError: No such device name.
    """
    from stopwatt.devices.facts import machine_identity, read_facts
    from stopwatt.devices.fitness import judge, usable_threads
    from stopwatt.devices.resolve import default_device, kind_of, why_no_driver
    from stopwatt.store.location import locate, shown
    from stopwatt.sweeping.probe import describe_backends

    device = device or default_device()
    kind_of(device)
    facts = read_facts(device)  # before the backends' children are a load themselves
    threads = usable_threads(facts.values)
    return Checkup(
        device=device,
        device_trouble=why_no_driver(device),
        threads=threads,
        machine=machine_identity(facts.values),
        facts=facts,
        judgement=judge(facts.values, threads=threads, device=device),
        backends=describe_backends(list(registered("backends")), device),
        sources=tuple(_sources()),
        store=shown(locate(store)),
        store_trouble=store_trouble(store),
    )


def store_trouble(where: str | None) -> StopwattError | None:
    """Why results cannot be saved; found without creating or changing the database."""
    from stopwatt.errors import StoreError
    from stopwatt.store import Access, open_store
    from stopwatt.store.location import locate
    from stopwatt.store.mounts import network_file_system_of

    place = locate(where)
    try:
        if not isinstance(place, Path) or place.exists():
            open_store(where, access=Access.READ).close()
    except StopwattError as error:
        return error
    if not isinstance(place, Path):
        return None
    now = "name a file that can be written with --store or $STOPWATT_STORE"
    if not os.access(place if place.exists() else place.parent, os.W_OK):
        return StoreError(f"{place} cannot be written", now=now)
    network = network_file_system_of(place)
    return StoreError(f"{place} lies on a network file system ({network})", now=now) if network else None


def _sources() -> Iterator[Source]:
    for name in registered("workloads"):
        try:
            family = load("workloads", name)
            yield _source(name, tuple(family.packages))
        except StopwattError as error:
            yield Source(name, error.what, error.now)
    for name, packages in _FROM_OUTSIDE.items():
        yield _source(name, packages)


def _source(name: str, packages: tuple[str, ...]) -> Source:
    missing = [package for package in packages if not _is_installed(package)]
    if not missing:
        return Source(name)
    wanted = " ".join(shlex.quote(_EXTRAS.get(package, package)) for package in missing)
    return Source(name, f"not installed: {', '.join(missing)}", f"pip install {wanted}")


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def document(seen: Checkup) -> dict[str, Any]:
    """The checkup as plain values: what `--json` prints."""
    from stopwatt.devices.facts import FACTS

    obstacles = list(seen.obstacles())
    return {
        "schema": SCHEMA,
        "fit": not obstacles,
        "obstacles": [{"what": what, "now": now} for what, now in obstacles],
        "warnings": [
            {"kind": note.kind, "severity": note.severity, "text": note.text, "now": note.now}
            for note in seen.judgement.notes
        ],
        "device": seen.device,
        "threads": seen.threads,
        "machine": seen.machine,
        "facts": {
            name: {"value": value, "unit": FACTS[name].unit, "role": FACTS[name].role}
            for name, value in seen.facts.values.items()
        },
        "unavailable": dict(seen.facts.unavailable),
        "backends": backend_rows(seen.backends),
        "sources": [
            {"name": one.name, "usable": not one.why, "why": one.why, "remedy": one.remedy} for one in seen.sources
        ],
        "store": {"where": seen.store, "writable": seen.store_trouble is None},
    }


def show(console: "Console", seen: Checkup) -> None:
    """Facts, backends, sources, store, and last the verdict."""
    _show_facts(console, seen)
    show_backends(console, seen.backends, seen.device)
    console.print()
    usable = ", ".join(one.name for one in seen.sources if not one.why)
    console.print(f"Workloads: {usable}", markup=False)
    for one in seen.sources:
        if one.why:
            console.print(f"{one.name}: {one.why}", markup=False)
            show_copyable(console, one.remedy)
    console.print(f"Results: {seen.store}", markup=False, soft_wrap=True)
    console.print()
    for note in seen.judgement.notes:
        console.print(f"{note.severity}: {note.text}", markup=False)
        show_copyable(console, note.now)
    obstacles = list(seen.obstacles())
    for what, now in obstacles:
        console.print(f"not fit: {what}", markup=False, style="failure")
        show_copyable(console, now)
    if not obstacles:
        console.print(f"fit to measure on {seen.device} with {seen.threads} threads", style="best")


def _show_facts(console: "Console", seen: Checkup) -> None:
    from stopwatt.devices.facts import FACTS
    from stopwatt.reporting.grid import Column, Row, grid

    footnotes: dict[str, int] = {}
    rows = []
    for name, fact in FACTS.items():
        if name in seen.facts.values:
            rows.append(Row((fact.label, fact.format(seen.facts.values[name]))))
        elif name in seen.facts.unavailable:
            number = footnotes.setdefault(seen.facts.unavailable[name], len(footnotes) + 1)
            rows.append(Row((fact.label, f"-  ({number})"), quiet=True))
    console.print(grid("This machine", (Column("fact", whole=True), "value"), rows))
    console.print()
    for why, number in footnotes.items():
        console.print(f"({number}) {why}", markup=False, style="quiet")
    console.print()
