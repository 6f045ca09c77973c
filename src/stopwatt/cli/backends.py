"""`stopwatt backends`: which runtimes can be used here, and what to do about the others."""

import json as json_text
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.extensions import registered

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

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
    console.print(_table(found, device))
    for name, one in found.items():
        if one.support.why:
            console.print()
            console.print(f"{name}: {one.support.why}", markup=False)
        if one.support.remedy:
            show_copyable(console, one.support.remedy)


def show_copyable(console: "Console", text: str) -> None:
    """A command or step on a line of its own that is neither wrapped nor cut, so that it can be copied."""
    console.print(f"  now: {text}", markup=False, soft_wrap=True)


def _table(found: Mapping[str, "Description"], device: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=f"Backends on {device}", title_justify="left", pad_edge=False)
    table.add_column("backend", no_wrap=True)
    table.add_column("usable", no_wrap=True)
    for column in ("version", "precisions", "variants"):
        table.add_column(column, overflow="fold")
    for name, one in found.items():
        about = one.about
        cells = (one.support.version, " ".join(about.precisions), " ".join(about.variants))
        style = None if one.support.usable else "quiet"
        table.add_row(name, _verdict(one), *(cell or "-" for cell in cells), style=style)
    return table


def _verdict(one: "Description") -> str:
    if one.support.usable:
        return "yes" if one.support.verified else "unverified"
    return "no" if one.support.verified else "no, unverified"
