"""`stopwatt run compare`: do two runs say the same?"""

import json as json_text
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from stopwatt.cli.options import RESULTS, AsJson
from stopwatt.errors import UsageError
from stopwatt.serving.contract import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopwatt.images.item import Item
    from stopwatt.images.pictures import Picture
    from stopwatt.reporting.bulk.view import View

JUDGE = Group("How to judge", sort_key=2)
DATA = Group("The images", sort_key=3)
MOST_SHOWN = 200
"""Images on a page at most."""
_IOU, _SCORE, _TOLERANCE = 0.99, 1e-3, 1e-3


def compare_runs(
    a: Annotated[Path, Parameter(help="Results of a run (its --out folder), or a file of COCO results.")],
    b: Annotated[Path, Parameter(help="The other.")],
    /,
    *,
    annotations: Annotated[
        Path | None, Parameter(group=JUDGE, help="COCO annotations of the images: average precision of each.")
    ] = None,
    labels: Annotated[
        str | None,
        Parameter(group=JUDGE, help="Of classified images: a CSV of file,label, or `folders`: accuracy of each."),
    ] = None,
    iou: Annotated[float | None, Parameter(group=JUDGE, help="Least IoU of two identical boxes (0.99).")] = None,
    score: Annotated[
        float | None, Parameter(group=JUDGE, help="Largest difference of two identical scores (0.001).")
    ] = None,
    tolerance: Annotated[
        float | None,
        Parameter(group=JUDGE, help="Of vectors and raw outputs: largest difference over A's largest value (0.001)."),
    ] = None,
    fail_below: Annotated[
        str | None, Parameter(group=JUDGE, help="End with code 1 where less is identical (99.9%).")
    ] = None,
    html: Annotated[Path | None, Parameter(group=RESULTS, help="Write a page that shows the worst images.")] = None,
    worst: Annotated[int, Parameter(group=RESULTS, help="Images that differ most, to show.")] = 12,
    force: Annotated[bool, Parameter(group=RESULTS, negative="", help="Replace the page if it is there.")] = False,
    data: Annotated[
        str | None, Parameter(group=DATA, help="The images, as `stopwatt run` takes them; as the runs say if absent.")
    ] = None,
    images: Annotated[Path | None, Parameter(group=DATA, help="Folder of the images of annotations or a list.")] = None,
    json: AsJson = False,
) -> None:
    """Compare the results of two runs: what is identical, how accurate each is, which images differ most.

    Each detection of A is paired with one of B: boxes that overlap by half at least, best overlap first. Classes are
    compared by the best one and the scores; vectors and raw outputs by their distance.

    Three examples:

        stopwatt run compare eager/ openvino/

        stopwatt run compare fp32/ int8/ --annotations shapes/val.json --html int8.html

        stopwatt run compare before/ after/ --fail-below 99.9% --json
    """
    from stopwatt.bulk.comparing.results import comparable, head_of
    from stopwatt.reporting.bulk.view import render_view
    from stopwatt.reporting.console import console_for

    if not 0 <= worst <= MOST_SHOWN:
        raise UsageError(f"--worst {worst} is out of range", now=f"use a number from 0 to {MOST_SHOWN}")
    least = _share(fail_below)
    task = comparable(head_of(a), head_of(b))
    options = _Options(annotations, labels, iou, score, tolerance, worst)
    options.check(task)
    found = _COMPARISONS[task](a, b, options)
    items = _items(found, data, images, annotations) if found.view.worst else ()
    wanted = {one.image_id for one in found.view.worst}
    names = {item.image_id: item.name for item in items if item.image_id in wanted} or found.names
    if html is not None:
        _write(html, found, items, overwrite=force)
    if json:
        print(json_text.dumps(found.document(names), indent=2, allow_nan=False))
    else:
        render_view(console_for(sys.stdout), found.view, names)
        if html is not None:
            print(f"{html}: {len(found.view.worst)} images side by side")
    if least is not None and found.view.share is not None and found.view.share < least:
        _refuse(task, found.view.share, least)


@dataclass(frozen=True, slots=True)
class _Options:
    """How to judge; `None` where it was not said."""

    annotations: Path | None
    labels: str | None
    iou: float | None
    score: float | None
    tolerance: float | None
    worst: int

    def check(self, task: Task) -> None:
        """Refuse what says nothing about this task."""
        for name, tasks in _MEANT_FOR.items():
            if getattr(self, name) is not None and task not in tasks:
                raise UsageError(
                    f"--{name} says nothing about results of the task {task}",
                    now=f"leave it away; it is for {' and '.join(tasks)}",
                )


_MEANT_FOR = {
    "annotations": (Task.DETECT,),
    "iou": (Task.DETECT,),
    "score": (Task.DETECT, Task.CLASSIFY),
    "labels": (Task.CLASSIFY,),
    "tolerance": (Task.EMBED, Task.RAW),
}


@dataclass(frozen=True, slots=True)
class _Compared:
    """A comparison of any task.

    Attributes:
        view: For people.
        facts: Of both runs.
        names: Of the worst images, by id, where the results have them.
        document: For programs, given the names of images.
        page: Given pictures of the worst images.
    """

    view: "View"
    facts: tuple[Mapping[str, Any], Mapping[str, Any]]
    names: Mapping[int, str]
    document: Callable[[Mapping[int, str]], dict[str, Any]]
    page: "Callable[[Mapping[int, Picture]], str]"


def _detections(a: Path, b: Path, options: _Options) -> _Compared:
    from stopwatt.bulk.comparing.compare import Tolerance
    from stopwatt.bulk.comparing.compare import compare_runs as compare
    from stopwatt.reporting.bulk.compared import compared_document, detections_view
    from stopwatt.reporting.bulk.compared_page import compared_page

    tolerance = Tolerance(_or(options.iou, _IOU), _or(options.score, _SCORE))
    found = compare(a, b, options.annotations, tolerance, options.worst)
    return _Compared(
        detections_view(found),
        (found.a.facts, found.b.facts),
        {},
        lambda names: compared_document(found, names),
        lambda shown: compared_page(found, shown),
    )


def _classes(a: Path, b: Path, options: _Options) -> _Compared:
    from stopwatt.bulk.comparing.classes import compare_classes
    from stopwatt.reporting.bulk.compared_classes import classes_document, classes_view
    from stopwatt.reporting.bulk.tables_page import classes_page

    found = compare_classes(a, b, options.labels, _or(options.score, _SCORE), options.worst)
    return _Compared(
        classes_view(found),
        (found.a.facts, found.b.facts),
        {one.image_id: one.file_name for one in found.worst},
        lambda _: classes_document(found),
        lambda shown: classes_page(found, shown),
    )


def _arrays(a: Path, b: Path, options: _Options) -> _Compared:
    from stopwatt.bulk.comparing.vectors import compare_arrays
    from stopwatt.reporting.bulk.compared_arrays import arrays_document, arrays_view
    from stopwatt.reporting.bulk.tables_page import arrays_page

    found = compare_arrays(a, b, _or(options.tolerance, _TOLERANCE), options.worst)
    return _Compared(
        arrays_view(found),
        (found.a.facts, found.b.facts),
        {one.image_id: one.file_name for one in found.worst},
        lambda _: arrays_document(found),
        lambda shown: arrays_page(found, shown),
    )


_COMPARISONS = {Task.DETECT: _detections, Task.CLASSIFY: _classes, Task.EMBED: _arrays, Task.RAW: _arrays}
_COUNTED = {Task.DETECT: "detections", Task.CLASSIFY: "images", Task.EMBED: "vectors", Task.RAW: "outputs"}


def _or(value: float | None, usual: float) -> float:
    return usual if value is None else value


def _share(text: str | None) -> float | None:
    from stopwatt.units import parse

    if text is None:
        return None
    share = parse(text, "1")
    if not 0 <= share <= 1:
        raise UsageError(f"--fail-below {text} is no share", now="use 0 to 100%, such as 99.9%")
    return share


def _items(found: _Compared, data: str | None, images: Path | None, annotations: Path | None) -> "Sequence[Item]":
    """The images: as asked for, as the runs say, as the annotations list them; none where they are no longer there."""
    from stopwatt.images.source import open_source

    if data is not None:
        return open_source(data, images=images).items
    places = [(facts.get("data.path"), facts.get("data.images")) for facts in found.facts]
    for place, root in (*places, (annotations, None)):
        if place is not None:
            with suppress(UsageError):  # nobody asked for this place; the figures do not need it
                return open_source(str(place), images=images or (Path(str(root)) if root else None)).items
    return ()


def _write(path: Path, found: _Compared, items: "Sequence[Item]", *, overwrite: bool) -> None:
    from stopwatt.images.pictures import pictures
    from stopwatt.reporting.bulk.page import SIDE
    from stopwatt.store.atomic import replacing

    shown = pictures(items, {one.image_id for one in found.view.worst}, SIDE)
    page = found.page({one.item.image_id: one for one in shown})
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def _refuse(task: Task, share: float, least: float) -> None:
    from stopwatt.reporting.comparison import Regression
    from stopwatt.units import percent

    raise Regression(
        f"{percent(share)} of the {_COUNTED[task]} are identical, which is below {percent(least)}",
        when="comparing the two results",
        now="look at the images that differ most: --html PAGE",
    )
