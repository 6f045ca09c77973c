"""Two results of vectors or raw outputs side by side: for people, and as a document."""

from dataclasses import asdict
from typing import Any

from stopwatt import units
from stopwatt.bulk.comparing.vectors import ArrayDifference, ComparedArrays
from stopwatt.reporting.bulk.view import SCHEMA, Differing, View, counts, facts_line
from stopwatt.text import counted


def arrays_view(found: ComparedArrays) -> View:
    """The comparison for people."""
    return View(
        _headline(found),
        found.share,
        ((found.a.name, facts_line(found.a.facts)), (found.b.name, facts_line(found.b.facts))),
        counts(
            (
                ("images with a result", found.a.images, found.b.images),
                ("only there", found.a.only, found.b.only),
                ("images that failed", found.a.failed, found.b.failed),
            )
        ),
        tuple(_lines(found)),
        tuple(Differing(one.image_id, said_of(one), _weight(one)) for one in found.worst),
    )


def said_of(one: ArrayDifference) -> str:
    """`cosine 0.99987, differs by 0.012 at most`."""
    if one.deviation is None:
        return one.why
    return f"cosine {cosine(one.deviation.cosine)}, differs by {one.deviation.max_abs:.2g} at most"


def cosine(value: float) -> str:
    """A cosine similarity with the digits that tell it from 1."""
    return "1" if value >= 1 else f"{value:.{2 if value < 0.99 else 7}f}"  # noqa: PLR2004  (near 1 the digits matter)


def arrays_document(found: ComparedArrays) -> dict[str, Any]:
    """Everything but the arrays, as JSON has it."""
    return {
        "schema": SCHEMA,
        "task": str(found.task),
        "a": asdict(found.a),
        "b": asdict(found.b),
        "tolerance": {"relative": found.tolerance},
        "share_identical": found.share,
        "images": found.images,
        "identical": found.identical,
        "incomparable": found.incomparable,
        "cosine_median": found.cosine_median,
        "cosine_least": found.cosine_least,
        "absolute_difference": found.absolute,
        "relative_difference": found.relative,
        "worst": [
            {
                "image_id": one.image_id,
                "file_name": one.file_name,
                "cosine": one.deviation.cosine if one.deviation else None,
                "absolute_difference": one.deviation.max_abs if one.deviation else None,
                "relative_difference": one.deviation.relative if one.deviation else None,
                "why": one.why or None,
            }
            for one in found.worst
        ],
    }


def _headline(found: ComparedArrays) -> str:
    if found.share is None:
        return "no image has a result in both"
    images = counted(found.images, "image")
    return f"{units.percent(found.share)} of {images} are identical (values within {found.tolerance:g} of the largest)"


def _lines(found: ComparedArrays) -> list[str]:
    said = []
    if found.cosine_median is not None and found.cosine_least is not None:
        said.append(f"cosine similarity: median {cosine(found.cosine_median)}, least {cosine(found.cosine_least)}")
    if found.absolute is not None and found.relative is not None:
        said.append(
            f"values differ by {found.absolute:.2g} at most, by {found.relative:.2g} of the largest value of A at most"
        )
    if found.incomparable:
        said.append(f"{counted(found.incomparable, 'image')} cannot be compared: another shape, or NaN in one of both")
    return said


def _weight(one: ArrayDifference) -> str:
    return "" if one.deviation is None else f"{one.weight:.2g}"
