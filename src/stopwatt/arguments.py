"""What callers of the library hand over, checked before it is used: a wrong type is a usage error, not a traceback."""

import reprlib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from os import PathLike
from typing import Any, TypeVar

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.records import Scalar

Kind = TypeVar("Kind")
Word = TypeVar("Word", bound=StrEnum)
_SCALAR = "text, a number, true or false"


def instance(name: str, value: Any, kind: type[Kind], wanted: str) -> Kind:
    """A value of one type.

    Args:
        name: Of the argument.
        value: As it was given.
        kind: What it must be.
        wanted: What could be given instead, for the message.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(value, kind):
        raise _refused(name, value, wanted)
    return value


def text(name: str, value: Any, wanted: str) -> str:
    """A text.

    Raises:
        UsageError: It is something else.
    """
    return instance(name, value, str, wanted)


def check_path(name: str, value: Any) -> None:
    """Refuse what names no file.

    Raises:
        UsageError: It is neither text nor a path.
    """
    if not isinstance(value, str | PathLike):
        raise _refused(name, value, "a path")


def texts(name: str, value: Any, wanted: str) -> tuple[str, ...]:
    """One text or several.

    Raises:
        UsageError: Something else, or something else among them.
    """
    return tuple(text(place, one, wanted) for place, one in _each(name, value, wanted))


def integer(name: str, value: Any, wanted: str) -> int:
    """A whole number.

    Raises:
        UsageError: It is something else.
    """
    found = _plain(value)
    if isinstance(found, bool):
        raise _refused(name, value, wanted)
    return instance(name, found, int, wanted)


def integers(name: str, value: Any, wanted: str) -> tuple[int, ...]:
    """One whole number or several.

    Raises:
        UsageError: Something else, or something else among them.
    """
    return tuple(integer(place, one, wanted) for place, one in _each(name, value, wanted))


def numbers(name: str, value: Any, wanted: str) -> tuple[float, ...]:
    """One number or several.

    Raises:
        UsageError: Something else, or something else among them.
    """
    found = []
    for place, one in _each(name, value, wanted):
        if isinstance(one, bool) or not isinstance(one, int | float):
            raise _refused(place, one, wanted)
        found.append(float(one))
    return tuple(found)


def scalars(name: str, value: Any) -> Iterator[Scalar]:
    """One value or several, one after another: there may be endlessly many.

    Raises:
        UsageError: Something else, or something else among them.
    """
    for place, one in _each(name, value, f"{_SCALAR}, or a list of them"):
        yield scalar(place, one)


def scalar(name: str, value: Any) -> Scalar:
    """One value.

    Raises:
        UsageError: Something else, or several.
    """
    found = _plain(value)
    if not isinstance(found, str | int | float):
        raise _refused(name, value, _SCALAR)
    return found


def word(name: str, value: Any, kind: type[Word]) -> Word:
    """One of a set of words.

    Raises:
        UsageError: It is something else.
    """
    if value not in list(kind):
        raise _refused(name, value, "one of " + ", ".join(kind))
    return kind(value)


def named(name: str, value: Any, example: str) -> Mapping[str, Any]:
    """Names with something.

    Raises:
        UsageError: Something else, or a name that is no text.
    """
    wanted = f"a dictionary of names, such as {example}"
    if not isinstance(value, Mapping):
        raise _refused(name, value, wanted)
    for key in value:
        text(f"a name in {name}", key, wanted)
    return value


def parameters(given: Mapping[str, Scalar] | None) -> dict[str, Scalar]:
    """Parameters of workloads, each with one value.

    Raises:
        UsageError: Something else.
    """
    pairs = named("params", {} if given is None else given, '{"hidden": 64}')
    return {name: scalar(f"the parameter {name}", value) for name, value in pairs.items()}


def several_named(name: str, value: Any, example: str) -> tuple[Mapping[str, Any], ...]:
    """A list of names with something.

    Raises:
        UsageError: Something else, or something else among them.
    """
    wanted = f"a list of dictionaries, such as [{example}]"
    if isinstance(value, str | Mapping):
        raise _refused(name, value, wanted)
    return tuple(named(place, one, example) for place, one in _each(name, value, wanted))


def _each(name: str, value: Any, wanted: str) -> Iterator[tuple[str, Any]]:
    """Every value with the words for its place; numbers of numpy as those of Python."""
    value = _plain(value)
    if isinstance(value, str | int | float):
        yield name, value
        return
    try:
        found = None if isinstance(value, bytes | Mapping) else iter(value)
    except TypeError:
        found = None
    if found is None:
        raise _refused(name, value, wanted)
    for number, one in enumerate(found):
        yield f"{name}[{number}]", _plain(one)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _refused(name: str, value: Any, wanted: str) -> UsageError:
    return UsageError(
        f"{name} cannot be {reprlib.repr(value)}",
        when=f"an argument of type {type(value).__name__}",
        now=f"give {wanted}",
    )
