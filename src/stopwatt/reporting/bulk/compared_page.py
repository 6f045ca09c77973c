"""Two results as a page: the figures, and the images that differ most, side by side with their boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

from stopwatt.bulk.comparing.compare import Compared, Difference, identical, score_gap
from stopwatt.images.pictures import Picture
from stopwatt.reporting.bulk.compared import detections_view, differing
from stopwatt.reporting.bulk.page import address_of, missing, rendered
from stopwatt.serving.contract import Detection

_FONT, _LETTER = 0.022, 0.6
"""Size of a label in shares of the image's longer side, and width of a letter in shares of that."""
_CLEAR, _FAR = 0.3, 0.05
"""Boxes of lower scores are drawn faintly; a pair whose scores or boxes are less apart has no label."""
_SAME, _MOVED, _RENAMED, _ONLY = "same", "moved", "renamed", "only"
MEANINGS = {
    _SAME: "identical in both",
    _MOVED: "in both, moved or rescored",
    _RENAMED: "in both, of another class",
    _ONLY: "only here",
}
"""Of the kinds of boxes, each with a colour and a dash of its own."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box as it is drawn.

    Attributes:
        x: In pixels of the image, as are y, width and height.
        kind: Of `MEANINGS`.
        faint: Whether its score is low.
        label: Class and score; empty where they would only be in the way.
        name: Class and score.
        words: What is said of it to who points at it.
        label_x: Where its label begins.
        label_y: Base line of its label: above the box, or inside where there is no room.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    faint: bool
    name: str
    label: str
    words: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Panel:
    """An image with the boxes of both.

    Attributes:
        name: Of the image.
        said: What differs.
        width: Of the image, in its own pixels.
        height: The same.
        font: Size of the labels, in pixels of the image.
        source: The picture as a `data:` address; empty where there is none.
        why: Why there is none.
        sides: Letter and boxes, those drawn last on top.
    """

    name: str
    said: str
    width: float
    height: float
    font: float
    source: str
    why: str
    sides: tuple[tuple[str, tuple[Box, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Room:
    """What labels have to fit into: width of the image, and their size."""

    width: float
    font: float


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of a box."""

    kind: str
    words: str
    labelled: bool = True


def compared_page(found: Compared, shown: Mapping[int, Picture]) -> str:
    """The page as one HTML document that fetches nothing.

    Args:
        found: The comparison.
        shown: Pictures of its worst images, by id, as far as they are there.
    """
    panels = [_panel(one, found, shown.get(one.image_id)) for one in found.worst]
    return rendered("compared.html.j2", detections_view(found), panels, meanings=MEANINGS, clear=_CLEAR)


def _panel(one: Difference, found: Compared, picture: Picture | None) -> Panel:
    width, height = (picture.width, picture.height) if picture is not None and picture.width else _extent(one)
    room = _Room(width, max(width, height) * _FONT)
    return Panel(
        picture.item.name if picture is not None else f"image {one.image_id}",
        differing(one, found),
        width,
        height,
        room.font,
        address_of(picture),
        missing(picture),
        (("A", _boxes(one, found, room, second=False)), ("B", _boxes(one, found, room, second=True))),
    )


def _extent(one: Difference) -> tuple[float, float]:
    """The least image that has room for all boxes."""
    both = (*one.a, *one.b)
    return max(box.x + box.width for box in both), max(box.y + box.height for box in both)


def _boxes(one: Difference, found: Compared, room: _Room, *, second: bool) -> tuple[Box, ...]:
    """The boxes of one side; what is the same first, so that what differs lies on top."""
    match, mine = one.matching, one.b if second else one.a
    kinds: dict[int, _Told] = {}
    for pair in match.pairs:
        gap, same = score_gap(one, pair), identical(one, pair, found.tolerance)
        words = f"IoU {pair.iou:.3f}, scores differ by {gap:.3f}"
        told = _Told(_SAME if same else _MOVED, words, labelled=max(gap, 1 - pair.iou) > _FAR and not same)
        kinds[pair.b if second else pair.a] = told
    for pair in match.renamed:
        other = one.a[pair.a] if second else one.b[pair.b]
        kinds[pair.b if second else pair.a] = _Told(_RENAMED, f"{_label(other, found)} in the other")
    for place in match.only_b if second else match.only_a:
        kinds[place] = _Told(_ONLY, "the other has none here")
    order = sorted(kinds, key=lambda place: list(MEANINGS).index(kinds[place].kind))
    return tuple(_box(mine[place], kinds[place], _label(mine[place], found), room) for place in order)


def _box(one: Detection, told: _Told, name: str, room: _Room) -> Box:
    right = room.width - len(name) * room.font * _LETTER
    above = one.y - room.font * 0.3
    y = above if above > room.font else min(one.y + one.height, one.y + room.font * 1.1)
    faint = one.score < _CLEAR
    label = "" if faint or not told.labelled else name
    return Box(
        one.x, one.y, one.width, one.height, told.kind, faint, name, label, told.words, max(0.0, min(one.x, right)), y
    )


def _label(one: Detection, found: Compared) -> str:
    return f"{found.labels.get(one.category, f'class {one.category}')} {one.score:.2f}"
