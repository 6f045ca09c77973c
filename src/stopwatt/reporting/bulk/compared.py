"""Two results side by side: on a terminal, and as a document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.bulk.accuracy import Accuracy
from stopwatt.bulk.compare import Compared, Difference, Side, identical
from stopwatt.reporting.grid import Column, grid
from stopwatt.text import counted, one_line, printable

SCHEMA = 1
"""Version of the document."""
MOST_ROWS = 10
"""Worst images on a terminal."""
_FACTS = ("model", "backend", "precision")


def render_compared(console: Console, found: Compared, names: Mapping[int, str]) -> None:
    """Print what is the same, the accuracy of each, and where they differ most.

    Args:
        console: Where to.
        found: The comparison.
        names: Of images, by id, where they are known.
    """
    for letter, side in (("A", found.a), ("B", found.b)):
        about = facts_line(side)
        console.print(
            Text.assemble((f"{letter} ", "bold"), one_line(side.name), (f"  {about}" if about else "", "quiet"))
        )
    console.print(Text(headline(found), style="best" if found.share == 1 else ""))
    console.print()
    console.print(_table(found))
    for line in lines(found):
        console.print(Text(printable(line), style="quiet"))
    if found.worst:
        console.print()
        console.print(_worst(found, names))


def headline(found: Compared) -> str:
    """How much is the same."""
    total = found.a.detections + found.b.detections
    if found.share is None:
        return "neither has any detection"
    text = f"{units.percent(found.share)} of {counted(total, 'detection')} of both have an identical partner"
    return f"{text} (IoU at least {found.tolerance.iou:g}, scores within {found.tolerance.score:g})"


def facts_line(side: Side) -> str:
    """What a run says of itself."""
    return one_line(" ".join(str(side.facts[name]) for name in _FACTS if side.facts.get(name)))


def rows(found: Compared) -> list[tuple[str, str, str, str]]:
    """Name, A, B and the difference."""
    counts = (
        ("detections", found.a.detections, found.b.detections),
        ("only there", found.a.only, found.b.only),
        ("images with any", found.a.images, found.b.images),
        ("images that failed", found.a.failed, found.b.failed),
    )
    shown = [
        (name, f"{one:,}", f"{other:,}", f"{other - one:+,}" if other != one else "0") for name, one, other in counts
    ]
    first, second = found.a.accuracy, found.b.accuracy
    return shown if first is None or second is None else shown + list(_accuracies(first, second))


def lines(found: Compared) -> list[str]:
    """What else a reader must know."""
    said = [f"{counted(found.images_identical, 'image')} of {found.images:,} with nothing but identical detections"]
    if found.score_difference is not None and found.least_iou is not None:
        of_pairs = f"of {counted(found.matched, 'pair')} of the same object and class"
        said.append(
            f"{of_pairs}: scores differ by {found.score_difference:.2g} at most, "
            f"boxes overlap by {units.percent(found.least_iou)} at least"
        )
    if found.renamed:
        said.append(f"{counted(found.renamed, 'object')} of another class in B than in A")
    if found.at_threshold:
        said.append(
            f"{counted(found.at_threshold, 'detection')} without a partner "
            "within the tolerance of the least score reported: the other result may have them just below"
        )
    return said


def differing(one: Difference, found: Compared) -> str:
    """`2 only in A, 1 of another class`."""
    match = one.matching
    apart = sum(not identical(one, pair, found.tolerance) for pair in match.pairs)
    parts = (
        (len(match.only_a), "only in A"),
        (len(match.only_b), "only in B"),
        (len(match.renamed), "of another class"),
        (apart, "moved or rescored"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts if count)


def compared_document(found: Compared, names: Mapping[int, str]) -> dict[str, Any]:
    """Everything but the single detections, as JSON has it."""
    return {
        "schema": SCHEMA,
        "a": asdict(found.a),
        "b": asdict(found.b),
        "tolerance": asdict(found.tolerance),
        "share_identical": found.share,
        "matched": found.matched,
        "identical": found.identical,
        "renamed": found.renamed,
        "at_threshold": found.at_threshold,
        "images": found.images,
        "images_identical": found.images_identical,
        "score_difference": found.score_difference,
        "least_iou": found.least_iou,
        "worst": [
            {
                "image_id": one.image_id,
                "file_name": names.get(one.image_id),
                "weight": round(one.weight, 6),
                "only_a": len(one.matching.only_a),
                "only_b": len(one.matching.only_b),
                "renamed": len(one.matching.renamed),
            }
            for one in found.worst
        ],
    }


def _accuracies(a: Accuracy, b: Accuracy) -> Iterator[tuple[str, str, str, str]]:
    """The averages, then each class in which the two differ or not, by name."""
    pairs: list[tuple[str, float | None, float | None]] = [
        ("AP", a.ap, b.ap),
        ("AP50", a.ap50, b.ap50),
        ("AP75", a.ap75, b.ap75),
    ]
    pairs += [(f"AP {one_line(name)}", a.by_category[name], b.by_category[name]) for name in a.by_category]
    for name, one, other in pairs:
        if one is None or other is None:
            yield name, "", "", ""
        else:
            yield name, f"{one:.3f}", f"{other:.3f}", _signed(other - one)


def _signed(difference: float) -> str:
    return f"{difference:+.3f}" if round(difference, 3) else "0"


def _table(found: Compared) -> Table:
    numbers = [Column(name, right=True, whole=True) for name in ("A", "B", "B - A")]
    return grid("", [Column(""), *numbers], rows(found))


def _worst(found: Compared, names: Mapping[int, str]) -> Table:
    heads: Sequence[Column | str] = (Column("image", whole=True), "file", "what differs", Column("weight", right=True))
    listed = [
        (str(one.image_id), names.get(one.image_id, ""), differing(one, found), f"{one.weight:.3f}")
        for one in found.worst[:MOST_ROWS]
    ]
    return grid("Images that differ most", heads, listed)
