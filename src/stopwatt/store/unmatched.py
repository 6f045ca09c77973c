"""What to say of a selection that no measurement fits: which of its conditions, and what there is instead."""

import difflib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.store.database import Store
from stopwatt.store.model import Entry, Selection

_SHOWN = 6
_LISTED = "stopwatt show lists what there is"


def nothing_fits(store: Store, selection: Selection) -> UsageError:
    """The error for a selection that no measurement fits."""
    there = store.entries()
    where = f"{len(there)} measurements in {store.where}"
    if not there:
        return UsageError("there is no measurement", when=where, now="measure something first: stopwatt bench lstm")
    given = {name: value for name, value in asdict(replace(selection, limit=None)).items() if value is not None}
    for name, value in given.items():
        if not store.entries(_only(name, value)):
            return UsageError(f"no measurement has --{name} {value}", when=where, now=_instead(there, name, str(value)))
    conditions = " ".join(f"--{name} {value}" for name, value in given.items())
    return UsageError(f"no measurement fits {conditions} together", when=where, now=f"leave one out; {_LISTED}")


def _only(name: str, value: Any) -> Selection:
    return Selection(limit=1, **{name: value})


def _instead(there: Sequence[Entry], name: str, value: str) -> str:
    """The nearest of the values that there are, or all of them where they are few."""
    if name in ("run", "cell"):  # beginnings of ids, of which none is near another
        return _LISTED
    known = dict.fromkeys(_value(entry, name) for entry in there)
    near = difflib.get_close_matches(value, known)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there is {', '.join(known)}" if len(known) <= _SHOWN else _LISTED


def _value(entry: Entry, name: str) -> str:
    value = str(getattr(entry, name))
    return value.partition(":")[0] if name == "backend" else value or "none"
