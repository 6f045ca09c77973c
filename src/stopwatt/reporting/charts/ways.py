"""What each way of measuring reports against the reference: a point and its interval a line, ranked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import altair as alt

from stopwatt.analyse.estimate import counted
from stopwatt.analyse.study import Effect, Study
from stopwatt.reporting.charts.axes import EDGE
from stopwatt.reporting.charts.frame import Span, blank, finished, shortened, sized, span
from stopwatt.reporting.charts.ratios import margin_band, no_difference, ratio_x
from stopwatt.reporting.charts.sentences import listed
from stopwatt.reporting.charts.theme import ink
from stopwatt.reporting.ways_lines import (
    DECIDED,
    WITHIN,
    WORDS,
    interval_text,
    measured,
    name,
    reference_text,
    verdict_text,
)
from stopwatt.stats.ratios import MARGIN, Verdict
from stopwatt.units import ratio

MOST_LINES = 40
"""Ways that a figure has room for, and of those with several changes at least `LEAST_TOGETHER`."""
LEAST_TOGETHER = 8
TOGETHER = "together"
_LINE = 20
_WIDTH = 400
_GAP = 10
_VERDICT = 142
"""Pixels from the right edge to the verdict."""
_INKS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.SLOWER: ("bad", "triangle-right"),
    Verdict.FASTER: ("accent", "triangle-left"),
    Verdict.EQUIVALENT: ("good", "circle"),
    Verdict.INCONCLUSIVE: ("quiet", "diamond"),
}
"""Colour and shape: the triangles point to where the way leads."""


def ways(study: Study) -> Any:
    """The ways of a study that have a number: those with one change, below them those with several.

    Args:
        study: With at least one of them.
    """
    rows = list(_rows(study))
    drawn = [row for row in rows if "value" in row]
    bounds = [row[end] for row in drawn for end in ("low", "high")]
    axis = span([1 / (1 + MARGIN), 1 + MARGIN, *(row["value"] for row in drawn)], "1", bounds=bounds)
    chart = sized(alt.layer(*_ground(axis), *_marks(axis), *_texts()), _WIDTH, _LINE * len(rows))
    return finished(chart.resolve_scale(y="shared"), rows, _title(study), _subtitle(study))


def shown(study: Study) -> tuple[list[Effect], list[Effect]]:
    """The ways that have a line: of one change, and of several."""
    singles, together = measured(study.effects), measured(study.combined)
    room = max(LEAST_TOGETHER, MOST_LINES - len(singles))
    return singles[: MOST_LINES - min(LEAST_TOGETHER, len(together))], together[:room]


def _rows(study: Study) -> Iterator[dict[str, Any]]:
    singles, together = shown(study)
    heads = [{"head": TOGETHER}] if singles and together else []
    lines = [*map(_row, singles), *heads, *map(_row, together)]
    return ({"place": place} | line for place, line in enumerate(lines))


def _row(one: Effect) -> dict[str, Any]:
    value, verdict = one.ratio.value, verdict_text(one.ratio)
    label = shortened(one.way.label, 46)
    return {
        "way": label,
        "value": value,
        "low": value if one.ratio.low is None else one.ratio.low,
        "high": value if one.ratio.high is None else one.ratio.high,
        "ratio": interval_text(one.ratio),
        "verdict": verdict,
        "about": f"{label}: {ratio(value or 0.0)}, {verdict or 'no verdict'}",
    }


_Y = alt.Y("place:O", axis=None)


def _x(axis: Span) -> alt.X:
    return ratio_x("reported time / time of the reference", axis)


def _ground(axis: Span) -> list[alt.Chart]:
    """The margin, the line of no difference, and a faint one from each name to its number."""
    lead = blank().transform_filter("isValid(datum.value)").mark_rule(aria=False, color=ink("faint"))
    start = alt.XValue(0)  # type: ignore[no-untyped-call]
    return [
        margin_band(axis),
        lead.encode(x=start, x2=alt.X2Value("width"), y=_Y),  # type: ignore[no-untyped-call]
        no_difference(_x(axis)),
    ]


def _colour() -> alt.Color:
    inks = [ink(_INKS[verdict][0]) for verdict in WORDS]
    return alt.Color("verdict:N", legend=None, scale=alt.Scale(domain=list(WORDS.values()), range=inks))


def _marks(axis: Span) -> list[alt.Chart]:
    shapes: list[Any] = [_INKS[verdict][1] for verdict in WORDS]
    shape = alt.Shape("verdict:N", legend=None, scale=alt.Scale(domain=list(WORDS.values()), range=shapes))
    base = blank().transform_filter("isValid(datum.value)").encode(y=_Y, color=_colour())
    bars = base.mark_rule(aria=False, strokeWidth=2, clip=True).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    points = base.mark_point(size=70, opacity=1, strokeWidth=2)
    return [bars, points.encode(x=_x(axis), shape=shape, description=alt.Description("about:N"))]


def _texts() -> list[alt.Chart]:
    """Names to the left; numbers and what they mean to the right."""
    start = alt.XValue(0)  # type: ignore[no-untyped-call]
    base = blank().encode(y=_Y)
    names = base.mark_text(aria=False, align="right", dx=-_GAP).encode(x=start, text=alt.Text("way:N"))
    heads = base.mark_text(aria=False, align="right", dx=-_GAP, fontWeight=600, dy=2)
    right = base.transform_filter("isValid(datum.value)").encode(x=EDGE)
    numbers = right.mark_text(aria=False, align="left", dx=_GAP).encode(text=alt.Text("ratio:N"))
    verdicts = right.mark_text(aria=False, align="left", dx=_VERDICT)
    return [
        names.transform_filter("isValid(datum.value)"),
        heads.transform_filter("isValid(datum.head)").encode(x=start, text=alt.Text("head:N")),
        numbers,
        verdicts.encode(text=alt.Text("verdict:N"), color=_colour()),
    ]


def _title(study: Study) -> str:
    singles = measured(study.effects) or measured(study.combined)
    decided = [one for one in singles if one.ratio.verdict in DECIDED]
    most = listed([f"{one.way.label} {ratio(one.ratio.value or 0.0)}" for one in decided[:_NAMED]])
    first = f"Reported against the reference: {most}" if decided else "No choice is shown to change the number"
    return "; ".join((first, *_counts(singles)))


def _counts(effects: Sequence[Effect]) -> Iterator[str]:
    """How many of the ways make no difference, and how many are undecided."""
    for verdict, one, several in (
        (Verdict.EQUIVALENT, "makes no difference", "make no difference"),
        (Verdict.INCONCLUSIVE, "is undecided", "are undecided"),
    ):
        if count := sum(effect.ratio.verdict is verdict for effect in effects):
            yield f"{count} of {counted(len(effects), 'choice')} {one if count == 1 else several}"


_NAMED = 3


def _subtitle(study: Study) -> str:
    parts = [
        f"{shortened(name(study), 90)} · {reference_text(study)}",
        "bars: 95 % intervals over rounds",
        f"grey: {WITHIN} of no difference",
        *_left_out("choices", *(len(found) for found in (shown(study)[0], measured(study.effects)))),
        *_left_out("combinations", *(len(found) for found in (shown(study)[1], measured(study.combined)))),
    ]
    return "; ".join(parts)


def _left_out(what: str, drawn: int, there: int) -> Sequence[str]:
    return [f"the {drawn} largest of {there} {what}"] if drawn < there else []
