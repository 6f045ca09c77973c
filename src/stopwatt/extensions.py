"""Backends, workloads and other parts are found through entry points; the built-in ones register the same way."""

import difflib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stopwatt.errors import StopwattError, UsageError


@cache
def registered(kind: str) -> dict[str, EntryPoint]:
    """Entry points of one kind (`backends`, `workloads`, ...) by name, in the order of registration.

    Raises:
        StopwattError: Two packages register different things under one name. Neither is preferred silently.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"stopwatt.{kind}"):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise StopwattError(
                f"two packages register {kind[:-1]} {point.name!r}: {other.value} and {point.value}",
                when=f"looking for {kind}",
                now="uninstall one of the two packages, or ask its author for another name",
            )
    return found


def load(kind: str, name: str) -> Any:
    """Load one extension by name.

    Raises:
        UsageError: No such name; the nearest ones are offered.
        StopwattError: The extension's own module fails at import.
    """
    points = registered(kind)
    if name not in points:
        raise unknown(kind[:-1], name, points)
    try:
        return points[name].load()
    except Exception as error:
        raise StopwattError(
            f"{kind[:-1]} {name!r} cannot be loaded: {type(error).__name__}: {error}",
            when=f"importing {points[name].value}",
            now="mend or uninstall the package that provides it; the others are not affected",
        ) from error


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that does not exist, with the nearest that do."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    now = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(choices)}"
    return UsageError(f"unknown {what} {name!r}", now=now)
