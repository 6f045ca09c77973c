"""`stopwatt meters`: which instruments this machine has, and whether they may be believed."""

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from stopwatt.errors import UsageError

if TYPE_CHECKING:
    from stopwatt.meters.watching import Look

SCHEMA = 1
_LONGEST_S = 3600.0


def meters(
    *,
    device: Annotated[str, Parameter(help="cpu, cuda or cuda:1; all of the machine if empty.")] = "",
    seconds: Annotated[float, Parameter(help="How long they are watched.")] = 2.5,
    replay: Annotated[Path | None, Parameter(help="A recorded trace (CSV or Parquet) instead of this machine.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """List the instruments of this machine: what they read, what limits them, and whether they may be believed.

    Three examples:

        stopwatt meters

        stopwatt meters --device cpu --seconds 5

        stopwatt meters --json
    """
    from stopwatt.meters.watching import watch
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.meters import show_meters

    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"--seconds {seconds:g} is out of range", now=f"use a number from 0.1 to {_LONGEST_S:g}")
    look = watch(device, seconds=seconds, meters=None if replay is None else _replayed(replay))
    if json:
        print(json_text.dumps(meters_document(look), indent=2))
    else:
        show_meters(console_for(sys.stdout), look)


def _replayed(path: Path) -> tuple[str, ...]:
    """A meter that plays a file, which was read once to refuse it here."""
    from stopwatt.meters.recording import read_recording

    read_recording(path)
    return (f"replay:{path}?loop",)


def meters_document(look: "Look") -> dict[str, Any]:
    """The instruments as plain values."""
    from stopwatt import wire

    return {
        "schema": SCHEMA,
        "device": look.device,
        "seconds": look.seconds,
        "instruments": [
            {
                **wire.to_document(one.about),
                "power": reading_document(one.power),
                "verdict": wire.to_document(one.quality) if one.quality else None,
                "now": dict(one.now),
            }
            for one in look.watched
        ],
        "unavailable": {str(scope): why for scope, why in look.why.items()},
        "missing": dict(look.missing),
        "unverified": list(look.unverified),
    }


def reading_document(reading: Any) -> dict[str, Any]:
    """A reading as plain values; `value` is null where it is unavailable."""
    from stopwatt import wire

    return {"value": None, "verdict": type(reading).__name__.lower(), **wire.to_document(reading)}
