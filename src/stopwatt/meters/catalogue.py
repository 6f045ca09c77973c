"""The meters by name, and what they find. Nothing here imports a vendor's library."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopwatt import extensions
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import SCOPES, Scope
from stopwatt.errors import StopwattError, UsageError
from stopwatt.meters.base import Instrument, Meter
from stopwatt.records import Unavailable
from stopwatt.text import one_line

VARIABLE = "STOPWATT_METERS"
"""Environment variable with the meters to use, by comma; what follows a colon is handed to the meter."""
_ON_REQUEST = frozenset({"null", "replay"})


@dataclass(frozen=True, slots=True)
class Discovery:
    """What meters found.

    Attributes:
        instruments: Opened; whoever asked closes them.
        why: For each scope of the device without an instrument, the reason.
        missing: For each meter that looked and found none, the reason.
    """

    instruments: tuple[Instrument, ...]
    why: Mapping[Scope, str]
    missing: Mapping[str, str]


def wanted() -> tuple[str, ...]:
    """The meters to use: those of $STOPWATT_METERS, or all that are registered but `null` and `replay`."""
    asked = os.environ.get(VARIABLE, "")
    names = tuple(part.strip() for part in asked.split(",") if part.strip())
    return names or tuple(name for name in extensions.registered("meters") if name not in _ON_REQUEST)


def get(text: str) -> Meter:
    """A meter by name, with its argument behind a colon if it takes one (`replay:FILE`).

    Raises:
        UsageError: No such meter; the nearest names are offered. Or what its argument makes it raise.
        StopwattError: The meter's own module fails at import.
    """
    name, _, argument = text.partition(":")
    kind = extensions.load("meters", name)
    if argument and not getattr(kind, "takes_argument", False):
        raise UsageError(f"the meter {name} takes no argument, and {argument!r} is one", now=f"write {name}")
    meter: Meter = kind(argument) if argument else kind()
    return meter


def told(text: str) -> str:
    """A meter as people read it: with the file that it was given, and without options, which we may have added."""
    name, colon, argument = text.partition(":")
    file, mark, _ = argument.rpartition("?")
    return f"{name}{colon}{file}" if mark and not Path(argument).is_file() else text


def scopes_of(device: str) -> tuple[Scope, ...]:
    """Whose energy a device uses: on a GPU also that of the processor which feeds it. Empty text: all there are.

    Raises:
        UsageError: No such device name.
    """
    on_gpu = not device or kind_of(device) == "cuda"
    return tuple(scope for scope in SCOPES if scope is not Scope.GPU or on_gpu)


def find(
    device: str = "",
    names: Sequence[str] | None = None,
    *,
    without: Mapping[str, str] | None = None,
    looking: Callable[[str], None] = lambda _name: None,
) -> Discovery:
    """Instruments, opened, and why a meter has none. For the process that samples: what is looked at may hang.

    Args:
        device: As the user writes it; empty for all of the machine.
        names: The meters; `None` for `wanted()`.
        without: Meters that must not be looked at any more, with the reason.
        looking: Told each name before the meter looks.

    Raises:
        UsageError: No such device name.
    """
    names = wanted() if names is None else names
    instruments: list[Instrument] = []
    missing: dict[str, str] = {}
    reasons: list[tuple[bool, Scope, str]] = []
    failed = ""
    for name in names:
        looking(name)
        scopes, verified, found = _look(name, device, (without or {}).get(name, ""))
        if isinstance(found, Unavailable):
            missing[told(name)] = found.why
            failed = failed if scopes else failed or found.why
            reasons += [(not verified, scope, found.why) for scope in scopes]
        elif found:
            instruments += _unlike(instruments, found)
            reasons += [(True, scope, f"{told(name)} has no counter of it on this machine") for scope in scopes]
    return Discovery(tuple(instruments), _why(device, names, instruments, reasons, failed), missing)


def _look(name: str, device: str, hangs: str) -> tuple[Sequence[Scope], bool, tuple[Instrument, ...] | Unavailable]:
    """Scopes of a meter, whether it is verified, and what it finds, whatever foreign code raises."""
    scopes: Sequence[Scope] = ()
    verified = False
    try:
        meter = get(name)
        scopes, verified = meter.scopes, meter.verified
        found = Unavailable(hangs) if hangs else meter.find(device)
    except StopwattError as error:
        found = Unavailable("; ".join(part for part in (error.what, error.now) if part))
    except Exception as error:  # noqa: BLE001  (a vendor's library may raise anything)
        found = Unavailable(f"looking for instruments failed: {one_line(f'{type(error).__name__}: {error}')}")
    return scopes, verified, found


def _unlike(there: Sequence[Instrument], found: Sequence[Instrument]) -> list[Instrument]:
    """Those with a name that no other has; a name must mean one instrument. The others are closed."""
    known = {one.about.name for one in there}
    for one in found:
        if one.about.name in known:
            one.close()
    return [one for one in found if one.about.name not in known]


def _why(
    device: str,
    names: Sequence[str],
    found: Sequence[Instrument],
    reasons: Sequence[tuple[bool, Scope, str]],
    failed: str,
) -> dict[Scope, str]:
    """The reason for each scope without instrument; that of a verified meter weighs more.

    Where no meter of a scope was looked at, it is that of one that could not be had (`failed`): it might have been of
    any scope.
    """
    there = {one.about.scope for one in found}
    default = failed or f"no meter of it was asked for (${VARIABLE}={','.join(names)})"
    why: dict[Scope, str] = {}
    for scope in (scope for scope in scopes_of(device) if scope not in there):
        of_it = sorted((doubtful, place) for place, (doubtful, other, _) in enumerate(reasons) if other is scope)
        why[scope] = reasons[of_it[0][1]][2] if of_it else default
    return why
