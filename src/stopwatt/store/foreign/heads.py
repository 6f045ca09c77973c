"""What the head of a column says: a clean name, a unit of time."""

import re
from collections.abc import Sequence

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown

NS_PER = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
"""Nanoseconds per unit of time."""

_SPELLINGS = {
    "ns": ("ns", "nsec", "nanosecond", "nanoseconds"),
    "us": ("us", "µs", "μs", "usec", "microsecond", "microseconds"),
    "ms": ("ms", "msec", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
_UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings}
_ONLY_LAST = {"s", "sec", "secs", "second"}  # elsewhere they are something else: "second run", "items_s_total"
_LONGEST_NAME = 60


def unit_named(text: str) -> str:
    """The unit of time that somebody wrote.

    Raises:
        UsageError: Not one.
    """
    unit = _UNITS.get(text.strip().lower())
    if unit is None:
        raise unknown("unit of time", text, NS_PER)
    return unit


def unit_in(head: str) -> str | None:
    """The unit of time in a head: `Average time (s)`, `latency [us]`, `latency_ms`, `time in seconds`.

    A unit in brackets counts wherever it stands; one without brackets counts as a word. A rate (`samples/s`, `per s`)
    has none, and neither has a head that names two.
    """
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", head.lower())
    bracketed = {
        _UNITS[inside] for inside in re.findall(r"[(\[]\s*([^()\[\]]*?)\s*[)\]]", head.lower()) if inside in _UNITS
    }
    if bracketed:
        return bracketed.pop() if len(bracketed) == 1 else None
    if "/" in head or "per" in words:
        return None
    found = {_UNITS[word] for place, word in enumerate(words, 1) if _is_unit(word, last=place == len(words))}
    return found.pop() if len(found) == 1 else None


def _is_unit(word: str, *, last: bool) -> bool:
    return word in _UNITS and (last or word not in _ONLY_LAST)


def clean_name(head: str) -> str:
    """A head as the name of a parameter: `Num LSTM layers` becomes `num_lstm_layers`.

    Raises:
        UsageError: Nothing is left of it.
    """
    name = re.sub(r"\W+", "_", head.strip().lower()).strip("_")[:_LONGEST_NAME]
    if not name:
        raise UsageError(f"the column {head!r} has no letter or digit in its name", now="give it another head")
    return name


def place_of(head: str, heads: Sequence[str], option: str) -> int:
    """Place of the column with that head.

    Raises:
        UsageError: There is none (the nearest are offered), or there are two.
    """
    places = [place for place, one in enumerate(heads) if one == head.strip()]
    if not places:
        raise missing(head, heads, option)
    if len(places) > 1:
        raise UsageError(f"two columns are called {head!r}", when=f"looking for {option}", now="give one another head")
    return places[0]


def missing(head: str, heads: Sequence[str], option: str) -> UsageError:
    """The error for a column that is not there."""
    error = unknown("column", head, heads)
    now = error.now
    if len(heads) == 1:
        found = next((sign for sign in (";", "\t", "|", ",") if sign in heads[0]), "")
        now += f"; the file has one column: perhaps add --separator {sign_name(found)}" if found else ""
    return UsageError(error.what, when=f"looking for {option}", now=now)


def sign_name(sign: str) -> str:
    """A separator as it is written on a command line."""
    return "tab" if sign == "\t" else f"'{sign}'"
