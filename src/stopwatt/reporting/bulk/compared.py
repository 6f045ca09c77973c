"""Two results of a detector side by side: for people, and as a document."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from stopwatt import units
from stopwatt.bulk.comparing.compare import Compared, Difference, identical
from stopwatt.images.accuracy import Accuracy
from stopwatt.reporting.bulk.view import SCHEMA, Differing, Row, View, counts, facts_line, scores
from stopwatt.serving.contract import Task
from stopwatt.text import counted, one_line


def detections_view(found: Compared) -> View:
    """The comparison for people."""
    return View(
        headline(found),
        found.share,
        ((found.a.name, facts_line(found.a.facts)), (found.b.name, facts_line(found.b.facts))),
        rows(found),
        tuple(lines(found)),
        tuple(Differing(one.image_id, differing(one, found), f"{one.weight:.3f}") for one in found.worst),
    )


def headline(found: Compared) -> str:
    """How much is the same."""
    total = found.a.detections + found.b.detections
    if found.share is None:
        return "neither has any detection"
    text = f"{units.percent(found.share)} of {counted(total, 'detection')} of both have an identical partner"
    return f"{text} (IoU at least {found.tolerance.iou:g}, scores within {found.tolerance.score:g})"


def rows(found: Compared) -> tuple[Row, ...]:
    """The figures of both."""
    shown = counts(
        (
            ("detections", found.a.detections, found.b.detections),
            ("only there", found.a.only, found.b.only),
            ("images with any", found.a.images, found.b.images),
            ("images that failed", found.a.failed, found.b.failed),
        )
    )
    first, second = found.a.accuracy, found.b.accuracy
    return shown if first is None or second is None else (*shown, *_accuracies(first, second))


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
        "task": str(Task.DETECT),
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


def _accuracies(a: Accuracy, b: Accuracy) -> tuple[Row, ...]:
    """The averages, then each class that has objects, by name."""
    averages: list[tuple[str, float | None, float | None]] = [
        ("AP", a.ap, b.ap),
        ("AP50", a.ap50, b.ap50),
        ("AP75", a.ap75, b.ap75),
    ]
    classes = [(f"AP {one_line(name)}", a.by_category[name], b.by_category[name]) for name in a.by_category]
    return scores([*averages, *classes])
