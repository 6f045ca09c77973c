"""A comparison for a pull request."""

import re
from collections.abc import Iterator, Sequence

from stopwatt import units
from stopwatt.analyse.comparison import Compared, Comparison, Half, verdict_word
from stopwatt.analyse.observed import unit_of
from stopwatt.records import Severity
from stopwatt.reporting.comparison_lines import about, counted, detectable_lines, ratio_text, watermark, what_differs
from stopwatt.stats.ratios import Ratio, Verdict
from stopwatt.text import one_line

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")
_HEAD = ["| cell | A | B | B / A [95 %] | verdict |", "| --- | ---: | ---: | ---: | --- |"]


def comparison_markdown(found: Comparison) -> str:
    """Verdicts first, then the cells that somebody has to act on, then the equivalent ones folded away."""
    lines = [f"### {escaped(found.named.a)} → {escaped(found.named.b)}: {counted(found)}", ""]
    if mark := watermark(found):
        lines += [f"> **{escaped(mark)}**", ""]
    lines += [f"{about(found)}.", ""]
    if told := what_differs(found):
        lines += [f"Differs: {escaped(told)}.", ""]
    cells = found.worst_first()
    urgent = [cell for cell in cells if cell.ratio.verdict is not Verdict.EQUIVALENT]
    settled = [cell for cell in cells if cell.ratio.verdict is Verdict.EQUIVALENT]
    mean = [_row(f"mean of {len(cells)} cells", "", "", found.overall, found.metric)] if found.overall else []
    if urgent or mean:
        lines += [*_HEAD, *_rows(urgent, found.metric), *mean, ""]
    if settled:
        folded = [*_HEAD, *_rows(settled, found.metric)]
        lines += [f"<details><summary>{len(settled)} equivalent</summary>", "", *folded, "", "</details>", ""]
    return "\n".join([*lines, *(f"- {escaped(line)}" for line in _remarks(found))]).rstrip() + "\n"


def escaped(text: str) -> str:
    """A text from outside as Markdown shows it: on one line, without markup of its own."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text))


def _rows(cells: Sequence[Compared], metric: str) -> Iterator[str]:
    for cell in cells:
        mark = " **(forced)**" if cell.unlike else ""
        yield _row(escaped(cell.label) + mark, _value(cell.a, metric), _value(cell.b, metric), cell.ratio, metric)


def _row(label: str, a: str, b: str, ratio: Ratio, metric: str) -> str:
    verdict = verdict_word(ratio.verdict, metric) if ratio.verdict else ""
    shown = f"**{verdict}**" if ratio.verdict is Verdict.SLOWER else verdict
    return f"| {label} | {a} | {b} | {ratio_text(ratio)} | {shown} |"


def _value(half: Half, metric: str) -> str:
    width = (half.interval.high - half.interval.low) / 2 if half.interval else None
    return units.quantity(half.value, unit_of(metric), half_width=width)


def _remarks(found: Comparison) -> Iterator[str]:
    yield from detectable_lines(found)
    for one in found.unmatched:
        yield f"not compared: {one.label}: {one.why}"
    for note in found.notes:
        if note.severity is Severity.WARNING:
            yield f"{note.text}; {note.now}" if note.now else note.text
