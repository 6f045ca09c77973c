"""`stopwatt run compare`: do two runs say the same?"""

import json as json_text
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import RESULTS, AsJson
from stopwatt.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopwatt.bulk.compare import Compared
    from stopwatt.bulk.records import Item

JUDGE = Group("How to judge", sort_key=2)
DATA = Group("The images", sort_key=3)
MOST_SHOWN = 200
"""Images on a page at most."""


def compare_runs(
    a: Annotated[Path, Parameter(help="Results of a run (its --out folder), or a file of COCO results.")],
    b: Annotated[Path, Parameter(help="The other.")],
    /,
    *,
    annotations: Annotated[
        Path | None, Parameter(group=JUDGE, help="COCO annotations of the images: average precision of each.")
    ] = None,
    iou: Annotated[float, Parameter(group=JUDGE, help="Least IoU of two identical boxes.")] = 0.99,
    score: Annotated[float, Parameter(group=JUDGE, help="Largest difference of two identical scores.")] = 1e-3,
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
    """Compare the detections of two runs: what is identical, how accurate each is, which images differ most.

    Each detection of A is paired with one of B: boxes that overlap by half at least, best overlap first.

    Three examples:

        stopwatt run compare eager/ openvino/

        stopwatt run compare fp32/ int8/ --annotations shapes/val.json --html int8.html

        stopwatt run compare before/ after/ --fail-below 99.9% --json
    """
    from stopwatt.bulk.compare import Tolerance
    from stopwatt.bulk.compare import compare_runs as compare
    from stopwatt.reporting.bulk.compared import compared_document, render_compared
    from stopwatt.reporting.console import console_for

    if not 0 <= worst <= MOST_SHOWN:
        raise UsageError(f"--worst {worst} is out of range", now=f"use a number from 0 to {MOST_SHOWN}")
    least = _share(fail_below)
    found = compare(a, b, annotations, Tolerance(iou, score), worst)
    items = _items(found, data, images, annotations) if found.worst else ()
    wanted = {one.image_id for one in found.worst}
    names = {item.image_id: item.name for item in items if item.image_id in wanted}
    if html is not None:
        _write(html, found, items, overwrite=force)
    if json:
        print(json_text.dumps(compared_document(found, names), indent=2, allow_nan=False))
    else:
        render_compared(console_for(sys.stdout), found, names)
        if html is not None:
            print(f"{html}: {len(found.worst)} images side by side")
    if least is not None and found.share is not None and found.share < least:
        _refuse(found.share, least)


def _share(text: str | None) -> float | None:
    from stopwatt.units import parse

    if text is None:
        return None
    share = parse(text, "1")
    if not 0 <= share <= 1:
        raise UsageError(f"--fail-below {text} is no share", now="use 0 to 100%, such as 99.9%")
    return share


def _items(found: "Compared", data: str | None, images: Path | None, annotations: Path | None) -> "Sequence[Item]":
    """The images: as asked for, as the runs say, as the annotations list them; none where they are no longer there."""
    from stopwatt.bulk.source import open_source

    if data is not None:
        return open_source(data, images=images).items
    places = [(facts.get("data.path"), facts.get("data.images")) for facts in (found.a.facts, found.b.facts)]
    for place, root in (*places, (annotations, None)):
        if place is not None:
            with suppress(UsageError):  # nobody asked for this place; the figures do not need it
                return open_source(str(place), images=images or (Path(str(root)) if root else None)).items
    return ()


def _write(path: Path, found: "Compared", items: "Sequence[Item]", *, overwrite: bool) -> None:
    from stopwatt.bulk.pictures import pictures
    from stopwatt.reporting.bulk.compared_page import SIDE, compared_page
    from stopwatt.store.atomic import replacing

    shown = pictures(items, {one.image_id for one in found.worst}, SIDE)
    page = compared_page(found, {one.item.image_id: one for one in shown})
    with replacing(path, overwrite=overwrite) as file:
        file.write(page.encode())


def _refuse(share: float, least: float) -> None:
    from stopwatt.reporting.comparison import Regression
    from stopwatt.units import percent

    raise Regression(
        f"{percent(share)} of the detections are identical, which is below {percent(least)}",
        when="comparing the two results",
        now="look at the images that differ most: --html PAGE",
    )
