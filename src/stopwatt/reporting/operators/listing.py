"""What the operator database holds, and what an import brought, as people read it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from stopwatt import units
from stopwatt.operators.replay import Mode
from stopwatt.reporting.grid import Column, grid

if TYPE_CHECKING:
    from stopwatt.operators.table import DeviceSpecs
    from stopwatt.ops.importing import Brought, LeftOut
    from stopwatt.ops.listing import Listing, MeasuredPlace
    from stopwatt.store.operators import SourceInfo

_FLOPS_SHOWN = ("bfloat16", "float32")


def show_listing(console: Console, listing: "Listing") -> None:
    """One table for each kind of thing that is there."""
    if not any((listing.places, listing.captures, listing.sources, listing.specs, listing.predictors)):
        console.print(f"{listing.where} holds no operators.", markup=False)
        console.print("stopwatt ops measure measures those of a model; stopwatt ops import brings tables of others.")
        return
    if listing.places:
        console.print(grid("Measured operators", _PLACES, map(_place_cells, listing.places)))
        console.print("Operators with a time, by memory mode; after a slash, those that were tried.\n", style="quiet")
    if listing.captures:
        cells = (
            (one.workload, one.setup, str(one.distinct), str(one.calls), _count(one.parameters))
            for one in listing.captures
        )
        console.print(grid("Captures", _CAPTURES, cells))
        console.print()
    if listing.sources:
        console.print(grid("Imported tables", _SOURCES, _source_cells(listing.sources)))
        console.print("stopwatt ops list --json names each of their sources.\n", style="quiet")
    if listing.specs:
        console.print(grid("Devices, as their sources state them", _SPECS, _spec_cells(listing.specs)))
        console.print()
    if listing.predictors:
        rows = ((one.name, one.at[:16].replace("T", " "), units.quantity(one.size, "B")) for one in listing.predictors)
        console.print(grid("Predictors", _PREDICTORS, rows))


def show_brought(console: Console, brought: "Brought", where: str) -> None:
    """What an import brought by hardware and family, and below it what was left out, and why."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for one in brought.imported:
        key = (", ".join(one.devices), str(one.family))
        files, rows, powered = found.get(key, (0, 0, 0))
        found[key] = (files + 1, rows + one.rows, powered + one.powered)
    rows_shown = (
        (*key, str(files), _count(rows), _count(powered)) for key, (files, rows, powered) in sorted(found.items())
    )
    console.print(grid(f"Imported from {brought.path}", _BROUGHT, rows_shown))
    if brought.left_out:
        console.print()
        console.print(grid("Left out", _LEFT_OUT, _left_out_cells(brought.left_out)))
    console.print()
    if brought.specs:
        console.print(f"Specifications of {len(brought.specs)} devices.", markup=False)
    seconds = units.duration(brought.seconds)
    console.print(f"{_count(brought.rows)} rows in {seconds}, into {where}.", markup=False)


def _right(*names: str) -> list[Column | str]:
    return [Column(name, right=True, whole=True) for name in names]


_PLACES: list[Column | str] = [
    "hardware",
    Column("device", whole=True),
    *_right("threads", *Mode),
    Column("latest (UTC)", whole=True),
]
_CAPTURES: list[Column | str] = ["workload", "setup", *_right("distinct", "calls", "parameters")]
_SOURCES: list[Column | str] = ["hardware", Column("family", whole=True), *_right("sources", "rows", "with power")]
_SPECS: list[Column | str] = ["device", *_right("bf16", "fp32", "bandwidth", "power limit")]
_PREDICTORS: list[Column | str] = ["name", Column("fitted (UTC)", whole=True), *_right("size")]
_BROUGHT: list[Column | str] = ["hardware", Column("family", whole=True), *_right("files", "rows", "with power")]
_LEFT_OUT: list[Column | str] = ["why", "operators", *_right("rows")]


def _place_cells(one: "MeasuredPlace") -> list[str]:
    place = one.place
    modes = [_of(one.operators.get(mode)) for mode in Mode]
    precision = "" if place.precision == "fp32" else f" {place.precision}"
    return [place.hardware, f"{place.device}{precision}", str(place.threads), *modes, one.latest[:16].replace("T", " ")]


def _of(counts: tuple[int, int] | None) -> str:
    if counts is None:
        return ""
    good, tried = counts
    return str(good) if good == tried else f"{good} / {tried}"


def _source_cells(sources: "Iterable[SourceInfo]") -> Iterator[tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for one in sources:
        count, rows, powered = found.get((one.device, str(one.family)), (0, 0, 0))
        found[one.device, str(one.family)] = (count + 1, rows + one.rows, powered + one.powered)
    for key, (count, rows, powered) in sorted(found.items()):
        yield (*key, str(count), _count(rows), _count(powered))


def _left_out_cells(found: "Iterable[LeftOut]") -> Iterator[tuple[str, ...]]:
    by_reason: dict[str, list[LeftOut]] = {}
    for one in found:
        by_reason.setdefault(one.why, []).append(one)
    for why, those in by_reason.items():
        yield why, ", ".join(one.operator for one in those), _count(sum(one.rows for one in those))


def _spec_cells(found: "Iterable[DeviceSpecs]") -> Iterator[tuple[str, ...]]:
    """One row for each device, however many names it has."""
    names: dict[str, tuple[list[str], DeviceSpecs]] = {}
    for one in found:
        names.setdefault(repr(replace(one, name="")), ([], one))[0].append(one.name)
    for same, one in names.values():
        flops = [units.quantity(one.flops[name], "FLOP/s") if name in one.flops else "" for name in _FLOPS_SHOWN]
        bandwidth = units.quantity(one.bandwidth, "B/s") if one.bandwidth else ""
        yield ", ".join(same), *flops, bandwidth, units.quantity(one.power_w, "W") if one.power_w else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
