"""`stopwatt techniques`: what can be done to a model before it is run, and on which backends."""

import json as json_text
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stopwatt.extensions import registered

if TYPE_CHECKING:
    from rich.console import Console

    from stopwatt.records import Setup
    from stopwatt.techniques.listing import Listed

SCHEMA = 1


def techniques(
    *,
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1.")] = "cpu",
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """List what can be done to a model before a backend gets it: `--backends eager+prune:0.5`.

    An exact technique changes how the model computes, any other one also what it computes: then only accuracy on
    labelled data says whether it is worth it.

    Three examples:

        stopwatt techniques

        stopwatt techniques --device cuda

        stopwatt techniques --json
    """
    from stopwatt.reporting.console import console_for
    from stopwatt.techniques.listing import listed, offered

    found = [listed(name, device) for name in registered("techniques")]
    if json:
        document = {"schema": SCHEMA, "device": device, "techniques": [asdict(one) for one in found]}
        print(json_text.dumps(document, indent=2))
    else:
        show_techniques(console_for(sys.stdout), found, offered(device))


def show_techniques(console: "Console", found: Sequence["Listed"], offered: Sequence["Setup"]) -> None:
    """The table, and below it why some cannot be used.

    Args:
        console: Where.
        found: The techniques.
        offered: Every backend of the device in every precision that it has.
    """
    from stopwatt.reporting.grid import Column, Row, grid

    columns = (Column("technique", whole=True), Column("exact", whole=True), "backends", "what it does")
    rows = [
        Row((one.label, "yes" if one.exact else "no", _where(one, offered), one.summary), quiet=not one.backends)
        for one in found
    ]
    console.print(grid("", columns, rows))
    for one in found:
        if one.why:
            console.print()
            console.print(one.why, markup=False)
            console.print(f"  now: {one.now}", markup=False)
    console.print()
    last = ", ".join(one.label for one in found if one.last)
    console.print("Write them behind a backend, in their order: eager+no-dropout+channels-last", markup=False)
    console.print(f"One at most of these, and as the last: {last}", markup=False)


def _where(one: "Listed", offered: Sequence["Setup"]) -> str:
    """`all`, `all but openvino`, or `eager, compile in bf16`."""
    backends = dict.fromkeys(setup.backend for setup in offered)
    precisions = {str(setup.precision) for setup in offered if setup.backend in one.backends}
    if not one.backends:
        return "none"
    some = ", ".join(one.backends)
    lacking = [name for name in backends if name not in one.backends]
    if len(lacking) < len(one.backends):
        some = f"all but {', '.join(lacking)}" if lacking else "all"
    return some if set(one.precisions) == precisions else f"{some} in {', '.join(one.precisions)}"
