"""The part of the page about ways of measuring: one block for each study, its words, tables and figure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stopwatt import units
from stopwatt.analyse.study import Effect, Study
from stopwatt.reporting.charts.frame import shortened
from stopwatt.reporting.console import MISSING
from stopwatt.reporting.html.figures import Figure
from stopwatt.reporting.html.words import unbroken
from stopwatt.reporting.ways_cross import NOTE, cross_table
from stopwatt.reporting.ways_lines import (
    further,
    interval_text,
    largest,
    measured,
    name,
    note_texts,
    reference_text,
    trouble_text,
    verdict_text,
)

MOST_LISTED = 400
"""Ways of a table: a full factorial has thousands, and the page holds more than these."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of a table: its text, and what it is sorted by."""

    text: str
    order: str


@dataclass(frozen=True, slots=True)
class WaysTable:
    """Ways with what they report.

    Attributes:
        heads: Of all columns but the first, which holds the way's name.
        left_out: How many more ways there are.
    """

    caption: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, tuple[Shown, ...]], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class CrossBlock:
    """The table of warm-up, synchronisation and timer: heads of its columns; rows of names and texts."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str], tuple[str, ...]], ...]
    note: str = NOTE


@dataclass(frozen=True, slots=True)
class Block:
    """One study.

    Attributes:
        id: Place in the page.
        said: Sentences on the choices that change the number most.
        further: What else there is to know.
        figure: `None` where nothing could be drawn.
    """

    id: str
    heading: str
    reference: str
    trouble: str
    said: tuple[str, ...]
    further: tuple[str, ...]
    tables: tuple[WaysTable, ...]
    cross: CrossBlock | None = None
    figure: Figure | None = None


def blocks_of(studies: Iterable[Study]) -> tuple[Block, ...]:
    """A block for each study; their figures come later."""
    return tuple(map(_block, studies))


def _block(study: Study) -> Block:
    return Block(
        f"study-{study.keys[0]}",
        shortened(name(study), 120),
        unbroken(reference_text(study)),
        shortened(trouble_text(study), 600),
        tuple(map(unbroken, largest(study))),
        tuple(map(unbroken, (*further(study), *note_texts(study)))),
        tuple(_tables(study)),
        _cross(study),
    )


def _tables(study: Study) -> Iterable[WaysTable]:
    scale = units.scale_for([study.reference.value or 0.0], "s")
    for caption, effects in (("One choice at a time", study.effects), ("Choices together", study.combined)):
        if found := measured(effects):
            yield _table(caption, found, scale)


def _table(caption: str, effects: Sequence[Effect], scale: units.Scale) -> WaysTable:
    heads = (f"reports {scale.label}", f"instead of {scale.label}", "ratio [95 %]", "verdict", "rounds", "calls")
    lines = tuple((one.way.label, _fields(one, scale)) for one in effects[:MOST_LISTED])
    return WaysTable(caption, heads, lines, max(0, len(effects) - MOST_LISTED))


def _fields(one: Effect, scale: units.Scale) -> tuple[Shown, ...]:
    times = [Shown(_time(time, scale), f"{time or 0.0:.6g}") for time in (one.reported_s, one.reference_s)]
    verdict = verdict_text(one.ratio)
    ratio = Shown(interval_text(one.ratio), f"{one.ratio.value or 0.0:.6g}")
    counts = [Shown(f"{count:,}" if count else MISSING, str(count)) for count in (one.rounds, one.calls)]
    return (*times, ratio, Shown(verdict or MISSING, verdict), *counts)


def _time(time_s: float | None, scale: units.Scale) -> str:
    return MISSING if time_s is None else units.column_value(time_s, scale)


def _cross(study: Study) -> CrossBlock | None:
    found = cross_table(study)
    if found is None:
        return None
    caption = f"Warm-up, synchronisation and timer together, average call in {found.scale.label}"
    rows = tuple(((str(sync), str(timer)), texts) for sync, timer, texts in found.rows)
    return CrossBlock(caption, tuple(f"warm-up {level}" for level in found.warmups), rows)
