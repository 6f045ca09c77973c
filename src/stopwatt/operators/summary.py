"""What a person made of the list of a model's operators: which to take, how often, and what that changes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture
from stopwatt.operators.operator import Operator
from stopwatt.records import Setup, Workload


@dataclass(frozen=True, slots=True)
class Entry:
    """One operator of a summary.

    Attributes:
        key: Of the operator.
        count: Calls of it in one call of the model; a person may have changed it.
        skip: Whether it is to be left out.
        where: File and line, for messages.
    """

    key: str
    count: int
    skip: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The operators of a workload as a file has them, perhaps edited.

    Attributes:
        workload: With its complete parameters.
        setup: As which it was captured.
        entries: Each key once.
        where: The file.
    """

    workload: Workload
    setup: Setup
    entries: tuple[Entry, ...]
    where: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """A capture as a summary wants it.

    Attributes:
        operators: Those to take, in the order of the summary.
        counts: How often each is called.
        changes: What a person changed, one sentence each; empty if nothing.
    """

    operators: tuple[Operator, ...]
    counts: tuple[int, ...]
    changes: tuple[str, ...]


def counts_of(capture: Capture) -> list[int]:
    """Calls of each distinct operator of a capture, in their order."""
    counts = [0] * len(capture.operators)
    for number in capture.sequence.tolist():
        counts[number] += 1
    return counts


def edited(summary: Summary, capture: Capture) -> Edited:
    """Put a summary together with the capture that it was written from.

    Raises:
        UsageError: It names an operator that the capture does not have; with the line.
    """
    known = {one.key: (one, count) for one, count in zip(capture.operators, counts_of(capture), strict=True)}
    for entry in summary.entries:
        if entry.key not in known:
            raise UsageError(
                f"no operator of {capture.label} has the key {entry.key!r}",
                when=entry.where or summary.where,
                now="take the line out, or write the file anew: stopwatt ops capture ... --out FOLDER",
            )
    taken = [entry for entry in summary.entries if not entry.skip]
    operators = tuple(known[entry.key][0] for entry in taken)
    left_out = known.keys() - {entry.key for entry in taken}
    changes = (*_other_counts(taken, {key: count for key, (_, count) in known.items()}), *_left_out(left_out, capture))
    return Edited(operators, tuple(entry.count for entry in taken), changes)


def _other_counts(taken: list[Entry], counts: dict[str, int]) -> Iterator[str]:
    for entry in taken:
        if entry.count != counts[entry.key]:
            yield f"{entry.where or entry.key}: counted {entry.count} times, captured {counts[entry.key]} times"


def _left_out(keys: Collection[str], capture: Capture) -> Iterator[str]:
    if keys:
        calls = sum(count for one, count in zip(capture.operators, counts_of(capture), strict=True) if one.key in keys)
        yield f"{len(keys)} of {len(capture.operators)} operators ({calls} calls) are left out"
