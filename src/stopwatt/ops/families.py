"""Families as people name them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from stopwatt.errors import UsageError
from stopwatt.operators.work import Family

BY_NAME: Mapping[str, Family] = MappingProxyType({str(family): family for family in Family})


def families_of(names: Iterable[str]) -> tuple[Family, ...]:
    """The families of those names.

    Raises:
        UsageError: There is none of a name.
    """
    chosen = tuple(names)
    unknown = [name for name in chosen if name not in BY_NAME]
    if unknown:
        raise UsageError(
            f"there is no family {unknown[0]!r}", when="choosing families", now=f"there are {', '.join(BY_NAME)}"
        )
    return tuple(BY_NAME[name] for name in chosen)
