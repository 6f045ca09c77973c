"""What a person made of the list of a model's operators: which to take, how often, and what that changes."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

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
        said: Of `said_of`, what the line says of the operator beside its key.
    """

    key: str
    count: int
    skip: bool = False
    where: str = ""
    said: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_left_out(self) -> bool:
        """Whether a person does not want it."""
        return self.skip or not self.count


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


def said_of(operator: Operator) -> dict[str, str]:
    """What the line of an operator says of it: `aten.relu.default`, `1x128x256`, `float32`."""
    shapes = ("x".join(map(str, one.shape)) or "scalar" for one in operator.tensors)
    return {
        "name": operator.name,
        "shapes": " ".join(shapes) or "none",
        "dtypes": " ".join(dict.fromkeys(one.dtype for one in operator.tensors)) or "none",
    }


def edited(summary: Summary, capture: Capture) -> Edited:
    """Put a summary together with the capture that it was written from.

    Raises:
        UsageError: It names an operator that the capture does not have, or other shapes or types than the operator with
            that key has; with the line and the nearest operator.
    """
    known = {one.key: (one, count) for one, count in zip(capture.operators, counts_of(capture), strict=True)}
    for entry in summary.entries:
        _check(entry, known[entry.key][0] if entry.key in known else None, summary, capture)
    taken = [entry for entry in summary.entries if not entry.is_left_out]
    operators = tuple(known[entry.key][0] for entry in taken)
    left_out = known.keys() - {entry.key for entry in taken}
    changes = (*_other_counts(taken, {key: count for key, (_, count) in known.items()}), *_left_out(left_out, capture))
    return Edited(operators, tuple(entry.count for entry in taken), changes)


def _check(entry: Entry, operator: Operator | None, summary: Summary, capture: Capture) -> None:
    own = {} if operator is None else said_of(operator)
    if operator is not None and all(own[name] == said for name, said in entry.said.items()):
        return
    near = _nearest(entry, capture)
    now = "take the line out, or write the file anew: stopwatt ops capture ... --out FOLDER"
    if near is not None:
        now = f"the nearest is {' '.join(said_of(near).values())}, key {near.key}; {now}"
    what = f"no operator of {capture.label} has the key {entry.key!r}"
    if operator is not None:
        other = next(name for name, said in entry.said.items() if own[name] != said)
        what = f"{other} is {entry.said[other]!r}, and the operator of {capture.label} with that key has {own[other]!r}"
    raise UsageError(what, when=entry.where or summary.where, now=now)


def _nearest(entry: Entry, capture: Capture) -> Operator | None:
    """The operator that is most like what the line says; of one that says nothing, like its key."""
    words = {one.key: " ".join(said_of(one)[name] for name in entry.said) or one.key for one in capture.operators}
    said = " ".join(entry.said.values()) or entry.key
    near = difflib.get_close_matches(said, words.values(), n=1, cutoff=0.5)
    return next((one for one in capture.operators if near and words[one.key] == near[0]), None)


def _other_counts(taken: list[Entry], counts: dict[str, int]) -> Iterator[str]:
    for entry in taken:
        if entry.count != counts[entry.key]:
            yield f"{entry.where or entry.key}: counted {entry.count} times, captured {counts[entry.key]} times"


def _left_out(keys: Collection[str], capture: Capture) -> Iterator[str]:
    if keys:
        calls = sum(count for one, count in zip(capture.operators, counts_of(capture), strict=True) if one.key in keys)
        yield f"{len(keys)} of {len(capture.operators)} operators ({calls} calls) are left out"
