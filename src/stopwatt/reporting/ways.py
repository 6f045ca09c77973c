"""A study of ways of measuring on a terminal."""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.study import Effect, Study
from stopwatt.records import Severity
from stopwatt.reporting.console import WIDTH
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.reporting.ways_cross import NOTE, CrossTable, cross_table
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
from stopwatt.stats.ratios import Verdict
from stopwatt.text import printable

MOST_TOGETHER = 12
"""Ways with several changes that a terminal lists."""


def render_study(console: Console, study: Study) -> None:
    """Print a study: what was measured, the choices by their effect, and what that means in sentences.

    Args:
        console: Where to; from 60 columns on everything can be read.
        study: Of one workload in one setup.
    """
    _say(console, name(study), "bold")
    _say(console, reference_text(study))
    if failed := trouble_text(study):
        _say(console, f"! {failed}", "failure")
    cross = cross_table(study)
    for table in _tables(console, study, cross):
        console.print()
        console.print(table)
    if cross is not None:
        _say(console, NOTE, "quiet")
    console.print()
    for sentence in (*largest(study), *further(study)):
        _say(console, sentence, bullet="- ")
    for note, text in zip(study.notes, note_texts(study), strict=True):
        warning = note.severity is Severity.WARNING
        _say(console, text, "warning" if warning else "quiet", bullet="! " if warning else "- ")


def render_studies(console: Console, studies: Sequence[Study]) -> None:
    """Print studies one after the other, or how to come by one."""
    if not studies:
        _say(console, "no way of measuring was measured beside the reference: stopwatt protocol WORKLOAD does", "quiet")
    for place, study in enumerate(studies):
        if place:
            console.print()
        render_study(console, study)


def _say(console: Console, text: str, style: str = "", *, bullet: str = "") -> None:
    """A sentence in lines that are not longer than the terminal; further ones are indented as far as the bullet."""
    width = min(WIDTH, console.width)
    indent = " " * len(bullet)
    for line in textwrap.wrap(
        printable(text), width, initial_indent=bullet, subsequent_indent=indent, break_on_hyphens=False
    ):
        console.print(Text(line, style=style), soft_wrap=True)


def _tables(console: Console, study: Study, cross: CrossTable | None) -> Iterator[Table]:
    scale = units.scale_for([study.reference.value or 0.0], "s")
    singles = measured(study.effects)
    if singles:
        yield _fitting(console, lambda slim: _effects("", singles, scale, slim))
    together = [one for one in measured(study.combined) if cross is None or one.way not in cross.ways]
    if together:
        more = len(together) - MOST_TOGETHER
        title = f"Together{f' (and {more} more; --json has all of them)' if more > 0 else ''}"
        yield _fitting(console, lambda slim: _effects(title, together[:MOST_TOGETHER], scale, max(slim, Slim.TELLABLE)))
    if cross is not None:
        yield _fitting(console, lambda slim: _crossed(cross, slim))


class Slim(IntEnum):
    """What a table leaves out to fit."""

    NOT = 0
    TELLABLE = 1  # a column that can be told from the rest
    BROKEN = 2  # intervals stand below their values, changes below each other
    BARE = 3  # no intervals, where there are several to a row


_ANY = 1000
"""Wider than every table: how much room one needs does not depend on how much there is."""


def _fitting(console: Console, table: Callable[[Slim], Table]) -> Table:
    """The fullest form of a table that fits."""
    width = min(WIDTH, console.width)
    roomy = console.options.update(width=_ANY)
    fits = (slim for slim in Slim if Measurement.get(console, roomy, table(slim)).maximum <= width)
    return table(next(fits, Slim.BARE))


def _effects(title: str, effects: Sequence[Effect], scale: units.Scale, slim: Slim) -> Table:
    columns: list[Column | str] = ["way", Column(f"reports\n{scale.label}", right=True, whole=True)]
    columns += [Column("instead\nof", right=True, whole=True)] if slim is Slim.NOT else []
    columns += [Column("ratio [95 %]", right=True, whole=True), Column("verdict", whole=True)]
    rows = [Row(_cells(one, scale, slim), quiet=one.ratio.verdict is Verdict.EQUIVALENT) for one in effects]
    return grid(title, columns, rows)


def _cells(one: Effect, scale: units.Scale, slim: Slim) -> list[str]:
    times = (one.reported_s, one.reference_s) if slim is Slim.NOT else (one.reported_s,)
    shown = ["" if time is None else units.column_value(time, scale) for time in times]
    label = one.way.label if slim < Slim.BROKEN else _CHANGE.sub("\n", one.way.label)
    return [label, *shown, _broken(interval_text(one.ratio), slim), verdict_text(one.ratio)]


def _crossed(cross: CrossTable, slim: Slim) -> Table:
    heads = [Column(f"warm-up\n{level}", right=True, whole=True) for level in cross.warmups]
    rows = [
        [str(sync), str(timer), *(_bare(text) if slim is Slim.BARE else _broken(text, slim) for text in texts)]
        for sync, timer, texts in cross.rows
    ]
    columns: list[Column | str] = [Column("sync", whole=True), Column("timer", whole=True), *heads]
    return grid(f"Warm-up, synchronisation and timer together, {cross.scale.label}", columns, rows)


def _broken(text: str, slim: Slim) -> str:
    """A value with its interval; in a slim table below each other."""
    return text if slim < Slim.BROKEN else text.replace(" [", "\n[")


def _bare(text: str) -> str:
    """A value without its interval, with its mark."""
    return _INTERVAL.sub("", text)


_CHANGE = re.compile(r" (?=\w+=)")
_INTERVAL = re.compile(r" \[.*\]")
