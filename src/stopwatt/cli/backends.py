"""`stopwatt backends`: which runtimes can be used here, and what to do about the others."""

import json as json_text
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.extensions import registered

if TYPE_CHECKING:
    from rich.console import Console

    from stopwatt.reporting.grid import Row
    from stopwatt.sweeping.probe import Description

SCHEMA = 1


def backends(
    *,
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1.")] = "cpu",
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Show which runtimes can be used on this machine, in which precisions, and how to mend the others.

    Three examples:

        stopwatt backends

        stopwatt backends --device cuda

        stopwatt backends --json
    """
    from stopwatt.reporting.console import console_for
    from stopwatt.sweeping.probe import describe_backends

    found = describe_backends(list(registered("backends")), device)
    if json:
        print(json_text.dumps({"schema": SCHEMA, "device": device, "backends": backend_rows(found)}, indent=2))
    else:
        show_backends(console_for(sys.stdout), found, device)


def backend_rows(found: Mapping[str, "Description"]) -> list[dict[str, Any]]:
    """What each backend said, as plain values: the rows of `--json`."""
    return [
        {
            "name": name,
            "summary": one.about.summary,
            "usable": one.support.usable,
            "verified": one.support.verified,
            "version": one.support.version,
            "precisions": list(one.about.precisions),
            "variants": list(one.about.variants),
            "why": one.support.why,
            "remedy": one.support.remedy,
        }
        for name, one in found.items()
    ]


def show_backends(console: "Console", found: Mapping[str, "Description"], device: str) -> None:
    """The table, and below it reasons and remedies in full."""
    from stopwatt.reporting.grid import Column, grid

    columns = (Column("backend", whole=True), Column("usable", whole=True), "version", "precisions", "variants")
    console.print(grid(f"Backends on {device}", columns, _rows(found)))
    for name, one in found.items():
        if one.support.why:
            console.print()
            console.print(f"{name}: {one.support.why}", markup=False)
        if one.support.remedy:
            show_copyable(console, one.support.remedy)


def show_copyable(console: "Console", text: str) -> None:
    """A command or step on a line of its own that is neither wrapped nor cut, so that it can be copied."""
    console.print(f"  now: {text}", markup=False, soft_wrap=True)


def _rows(found: Mapping[str, "Description"]) -> Iterator["Row"]:
    from stopwatt.reporting.grid import Row

    for name, one in found.items():
        about, support = one.about, one.support
        cells = (name, _verdict(one), support.version, " ".join(about.precisions), " ".join(about.variants))
        yield Row(cells, quiet=not support.usable)


def _verdict(one: "Description") -> str:
    if one.support.usable:
        return "yes" if one.support.verified else "unverified"
    return "no" if one.support.verified else "no, unverified"
