"""Ranges as people write them: `1..64` doubles from 1 to 64."""

import re
from collections.abc import Iterable

from stopwatt.errors import UsageError

_RANGE = re.compile(r"\s*(\d{1,15})\.\.(\d{1,15})\s*")


def doubled(low: int, high: int) -> list[int]:
    """`low`, twice as much, and so on up to and with `high`.

    Raises:
        UsageError: No such numbers.
    """
    if not 1 <= low <= high:
        raise UsageError(f"{low}..{high} is no range", now="write a smaller number first, from 1, such as 1..64")
    numbers = []
    while low < high:
        numbers.append(low)
        low *= 2
    return [*numbers, high]


def expanded(text: str) -> list[str]:
    """The values of `1..8`; any other text is a value by itself.

    Raises:
        UsageError: A range that is none.
    """
    found = _RANGE.fullmatch(text)
    return [text] if found is None else [str(number) for number in doubled(int(found[1]), int(found[2]))]


def all_expanded(texts: Iterable[str]) -> list[str]:
    """The values of all, in order."""
    return [value for text in texts for value in expanded(text)]
