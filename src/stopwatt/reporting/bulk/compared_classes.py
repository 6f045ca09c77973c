"""Two results of a classifier side by side: for people, and as a document."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stopwatt import units
from stopwatt.bulk.comparing.classes import TOP, ClassDifference, ComparedClasses
from stopwatt.bulk.comparing.rankings import Ranking
from stopwatt.reporting.bulk.view import SCHEMA, Differing, Row, View, counts, facts_line, scores
from stopwatt.serving.contract import Task
from stopwatt.text import counted


def classes_view(found: ComparedClasses) -> View:
    """The comparison for people."""
    return View(
        _headline(found),
        found.share,
        ((found.a.name, facts_line(found.a.facts)), (found.b.name, facts_line(found.b.facts))),
        _rows(found),
        tuple(_lines(found)),
        tuple(Differing(one.image_id, said_of(one), f"{one.weight:.3g}") for one in found.worst),
    )


def said_of(one: ClassDifference) -> str:
    """`cat 0.610 in A, dog 0.580 in B; truly cat`."""
    truly = f"; truly {one.label}" if one.label else ""
    if one.same_best:
        return f"{_best(one.a)} in A, {_best(one.b)} in B; a score differs by {one.gap:.2g}{truly}"
    return f"{_best(one.a)} in A, {_best(one.b)} in B{truly}"


def classes_document(found: ComparedClasses) -> dict[str, Any]:
    """Everything but what is said of the images that do not differ much, as JSON has it."""
    return {
        "schema": SCHEMA,
        "task": str(Task.CLASSIFY),
        "a": asdict(found.a),
        "b": asdict(found.b),
        "tolerance": {"score": found.score},
        "share_identical": found.share,
        "images": found.images,
        "identical": found.identical,
        "same_best": found.same_best,
        "tied": found.tied,
        "overlap": found.overlap,
        "score_difference": found.score_difference,
        "labels": found.labels or None,
        "worst": [
            {
                "image_id": one.image_id,
                "file_name": one.file_name,
                "weight": round(one.weight, 6),
                "label": one.label or None,
                "a": _listed(one.a),
                "b": _listed(one.b),
            }
            for one in found.worst
        ],
    }


def _headline(found: ComparedClasses) -> str:
    if found.share is None:
        return "no image has a result in both"
    images = counted(found.images, "image")
    best = f"{units.percent(found.same_best / found.images)} of {images} have the same best class in both"
    return f"{best}; {units.percent(found.share)} all scores within {found.score:g} as well"


def _rows(found: ComparedClasses) -> tuple[Row, ...]:
    shown = counts(
        (
            ("images with a result", found.a.images, found.b.images),
            ("only there", found.a.only, found.b.only),
            ("images that failed", found.a.failed, found.b.failed),
        )
    )
    first, second = found.a.accuracy, found.b.accuracy
    if first is None or second is None:
        return shown
    labelled = counts([("labelled images", first.images, second.images)])
    return (*shown, *labelled, *scores([("top-1", first.top1, second.top1), ("top-5", first.top5, second.top5)]))


def _lines(found: ComparedClasses) -> list[str]:
    if found.overlap is None or found.score_difference is None:
        return []
    said = [
        f"of the best {TOP} classes both share {units.percent(found.overlap)} on average; "
        f"scores differ by {found.score_difference:.2g} at most"
    ]
    other = found.images - found.same_best
    if found.tied:
        said.append(
            f"of {counted(other, 'image')} with another best class, {found.tied:,} have the two within {found.score:g} "
            "in each result: a tie, which the last bits decide"
        )
    if found.labels:
        said.append(f"labels: {found.labels}")
    return said


def _best(ranking: Ranking) -> str:
    return f"{ranking[0].name} {ranking[0].score:.3f}" if ranking else "nothing"


def _listed(ranking: Ranking) -> Sequence[dict[str, Any]]:
    return [{"category_id": one.category, "label": one.label or None, "score": one.score} for one in ranking[:TOP]]
