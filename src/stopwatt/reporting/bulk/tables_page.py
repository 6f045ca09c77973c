"""Two results of classes, vectors or raw outputs as a page: the images that differ most, each with its figures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stopwatt.bulk.comparing.classes import TOP, ClassDifference, ComparedClasses
from stopwatt.bulk.comparing.rankings import Ranking
from stopwatt.bulk.comparing.vectors import ArrayDifference, ComparedArrays
from stopwatt.images.pictures import Picture
from stopwatt.reporting.bulk.compared_arrays import arrays_view, cosine
from stopwatt.reporting.bulk.compared_arrays import said_of as said_of_arrays
from stopwatt.reporting.bulk.compared_classes import classes_view
from stopwatt.reporting.bulk.compared_classes import said_of as said_of_classes
from stopwatt.reporting.bulk.page import address_of, missing, rendered

_TEMPLATE = "compared_tables.html.j2"


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure; the best of its side is set in bold."""

    text: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of figures; the label of the image is marked."""

    name: str
    cells: tuple[Cell, ...]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """An image with its figures.

    Attributes:
        name: Of the image.
        said: What differs.
        width: Of the image, in its own pixels.
        height: The same.
        source: The picture as a `data:` address; empty where there is none.
        why: Why there is none.
        heads: Of the table.
        rows: Of the table.
    """

    name: str
    said: str
    width: int
    height: int
    source: str
    why: str
    heads: tuple[str, ...]
    rows: tuple[Line, ...]


def classes_page(found: ComparedClasses, shown: Mapping[int, Picture]) -> str:
    """The page as one HTML document that fetches nothing.

    Args:
        found: The comparison.
        shown: Pictures of its worst images, by id, as far as they are there.
    """
    panels = [
        _panel(one.file_name, said_of_classes(one), shown.get(one.image_id), ("class", "A", "B"), tuple(_classes(one)))
        for one in found.worst
    ]
    return rendered(_TEMPLATE, classes_view(found), panels)


def arrays_page(found: ComparedArrays, shown: Mapping[int, Picture]) -> str:
    """The same of vectors or raw outputs."""
    panels = [
        _panel(one.file_name, said_of_arrays(one), shown.get(one.image_id), ("", "B from A"), tuple(_figures(one)))
        for one in found.worst
    ]
    return rendered(_TEMPLATE, arrays_view(found), panels)


def _panel(name: str, said: str, picture: Picture | None, heads: tuple[str, ...], rows: tuple[Line, ...]) -> Panel:
    width, height = (picture.width, picture.height) if picture is not None else (0, 0)
    return Panel(name, said, width, height, address_of(picture), missing(picture), heads, rows)


def _classes(one: ClassDifference) -> Iterator[Line]:
    """Every class that either has among its best ones, the surest first."""
    names = {scored.category: scored.name for scored in (*one.b, *one.a)}
    first, second = _scores(one.a), _scores(one.b)
    for category in sorted({*first, *second}, key=lambda known: -max(first.get(known, 0), second.get(known, 0))):
        cells = tuple(_cell(scores.get(category), max(scores.values())) for scores in (first, second))
        yield Line(names[category], cells, marked=one.label in {names[category], str(category)})


def _scores(ranking: Ranking) -> dict[int, float]:
    return {scored.category: scored.score for scored in ranking[:TOP]}


def _cell(score: float | None, best: float) -> Cell:
    return Cell("") if score is None else Cell(f"{score:.3f}", score == best)


def _figures(one: ArrayDifference) -> Iterator[Line]:
    if one.deviation is not None:
        yield Line("cosine similarity", (Cell(cosine(one.deviation.cosine)),))
        yield Line("largest difference", (Cell(f"{one.deviation.max_abs:.3g}"),))
        yield Line("of the largest value", (Cell(f"{one.deviation.relative:.3g}"),))
