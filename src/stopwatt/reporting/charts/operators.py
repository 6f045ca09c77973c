"""Where a model's time goes, as an icicle: modules below the modules that hold them, operators at the bottom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from stopwatt.operators.explain import HOST_GAPS, Explanation, Place, on_device
from stopwatt.operators.groups import pattern
from stopwatt.reporting.charts.frame import WIDTH, blank, finished, shortened, sized
from stopwatt.reporting.charts.theme import SETUPS, ink, setup_ink
from stopwatt.reporting.operators.explain_sentences import counted, headline
from stopwatt.units import percent, quantity
from stopwatt.workloads.params import short_label

MODULE, GAP, REST, OTHERS = "modules", "between operators", "not explained", "several"
LEAST_SHARE = 0.004
"""Of the whole: narrower boxes beside each other become one."""
_ROW = 30
_LETTER = 6.4
"""Pixels of a letter in a box."""
_SHORTEST = 4
_FULL = 100.0
_PALE = 0.55
"""Names stay readable on it."""
_MOST_FAMILIES = SETUPS - 2
"""The seventh colour looks like what is not explained, the last one stands for several."""


@dataclass(slots=True)
class _Box:
    """A part of the model while the tree is built."""

    name: str
    kind: str
    seconds: float = 0.0
    calls: int = 0
    inside: dict[tuple[str, str], "_Box"] = field(default_factory=dict)

    def child(self, name: str, kind: str) -> "_Box":
        return self.inside.setdefault((name, kind), _Box(name, kind))

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.calls += 1


@dataclass(frozen=True, slots=True)
class _Families:
    """Which kinds have a colour of their own."""

    order: tuple[str, ...]

    def shown(self, kind: str) -> str:
        return kind if kind in self.order or kind in _FIXED else OTHERS


_FIXED: Mapping[str, str] = {MODULE: "faint", GAP: "rule", REST: "bad", OTHERS: "s7"}
"""Colours of what is no family."""


def operators(found: Explanation) -> Any:
    """Time of one call of a model by module and operator; 100 % is the measured time, else the composed one.

    Operators and gaps that add up to more than was measured go beyond.
    """
    root = _tree(found)
    families = _Families(_largest_families(found))
    rows = list(_rows(root, found.reference_s, families))
    depth = 1 + max((row["depth"] for row in rows), default=0)
    widest = max([_FULL, *(row["right"] for row in rows)])
    base = blank().encode(
        x=alt.X(
            "left:Q",
            title=_axis(found, beyond=widest > _FULL),
            scale=alt.Scale(domain=[0, widest], nice=False, zero=False),
            axis=alt.Axis(grid=False),
        ),
        x2=alt.X2("right:Q"),
        y=alt.Y("depth:Q", title=None, axis=None, scale=alt.Scale(domain=[depth, 0], nice=False)),
        y2=alt.Y2("bottom:Q"),
    )
    boxes = base.mark_rect(stroke=ink("paper"), strokeWidth=1, fillOpacity=_PALE).encode(
        color=_colour(rows, families), description=alt.Description("about:N"), tooltip=alt.Tooltip("about:N")
    )
    names = base.mark_text(aria=False, fontSize=11, color=ink("ink")).encode(
        x=alt.X("middle:Q"), x2=alt.value(0), y=alt.Y("centre:Q"), y2=alt.value(0), text=alt.Text("label:N")
    )
    chart = sized(alt.layer(boxes, names), WIDTH, _ROW * depth)
    return finished(chart, rows, _title(found), _subtitle(found))


def _tree(found: Explanation) -> _Box:
    capture = found.capture
    root = _Box(short_label(capture.workload), MODULE)
    families = {one.key: one.kind for one in next(iter(found.groups.values()))}
    paths = [_parts(pattern(one.path)) if one.path else [] for one in capture.modules]
    for call, (number, place) in enumerate(zip(capture.sequence.tolist(), capture.places.tolist(), strict=True)):
        seconds = float(found.costs.time_s[call])
        if not seconds > 0:  # NaN: no time
            continue
        operator = capture.operators[number]
        box = root
        for name in paths[place]:
            box = box.child(name, MODULE)
            box.add(seconds)
        box.child(operator.label.partition(" ")[0], families[operator.key]).add(seconds)
    for name, kind, seconds in _others(found):
        root.child(name, kind).add(seconds)
    return root


def _parts(path: str) -> list[str]:
    """`layer.*` is one level: nothing happens in a list of modules."""
    parts: list[str] = []
    for name in path.split("."):
        if name == "*" and parts:
            parts[-1] += ".*"
        else:
            parts.append(name)
    return parts


def _others(found: Explanation) -> Iterator[tuple[str, str, float]]:
    """What is in no operator."""
    waiting = "waiting for the host" if on_device(found.capture) else "Python between operators"
    for part in found.parts:
        if part.place is Place.COMPOSED and (part.seconds or 0.0) > 0:
            yield waiting if part.name == HOST_GAPS else part.name, GAP, part.seconds or 0.0
    if found.residual_s is not None and found.residual_s > 0:
        yield "residual", REST, found.residual_s


def _largest_families(found: Explanation) -> tuple[str, ...]:
    times: dict[str, float] = {}
    for one in next(iter(found.groups.values())):
        times[one.kind] = times.get(one.kind, 0.0) + (one.all_s or 0.0)
    return tuple(sorted((kind for kind in times if times[kind]), key=lambda kind: -times[kind])[:_MOST_FAMILIES])


def _rows(root: _Box, whole: float, families: _Families) -> Iterator[dict[str, Any]]:
    seconds = sum(one.seconds for one in root.inside.values())
    if not whole:
        return
    yield _row(_Box(root.name, MODULE, seconds, 1), 0.0, 0, whole, families)
    yield from _below(root, 0.0, 1, whole, families)


def _below(box: _Box, left: float, depth: int, whole: float, families: _Families) -> Iterator[dict[str, Any]]:
    ordered = sorted(box.inside.values(), key=lambda one: (one.kind in {GAP, REST}, -one.seconds))
    wide = [one for one in ordered if one.seconds >= LEAST_SHARE * whole]
    narrow = [one for one in ordered if one.seconds < LEAST_SHARE * whole]
    for one in wide:
        yield _row(one, left, depth, whole, families)
        yield from _below(one, left, depth + 1, whole, families)
        left += one.seconds
    rest = sum(one.seconds for one in narrow)
    if rest >= LEAST_SHARE * whole:
        several = _Box(f"{len(narrow)} small", OTHERS, rest, sum(one.calls for one in narrow))
        yield _row(several, left, depth, whole, families)


def _row(box: _Box, left: float, depth: int, whole: float, families: _Families) -> dict[str, Any]:
    share = box.seconds / whole
    room = int(share * WIDTH / _LETTER)
    calls = f" in {counted(box.calls, 'call')}" if box.calls > 1 else ""
    start = 100 * left / whole
    return {
        "left": round(start, 4),
        "right": round(start + 100 * share, 4),
        "middle": round(start + 50 * share, 4),
        "depth": depth,
        "bottom": depth + 1,
        "centre": depth + 0.5,
        "kind": families.shown(box.kind),
        "label": shortened(box.name, room) if room >= _SHORTEST else "",
        "about": f"{box.name}: {quantity(box.seconds, 's')}{calls}, {percent(share)}",
    }


def _colour(rows: Sequence[Mapping[str, Any]], families: _Families) -> alt.Color:
    colours = {kind: setup_ink(place) for place, kind in enumerate(families.order)}
    colours |= {kind: ink(name) for kind, name in _FIXED.items()}
    seen = {row["kind"] for row in rows}
    domain = [kind for kind in colours if kind in seen]
    scale = alt.Scale(domain=domain, range=[colours[kind] for kind in domain])
    legend = alt.Legend(orient="bottom", offset=10, columns=7, symbolOpacity=_PALE, symbolStrokeWidth=0)
    return alt.Color("kind:N", title=None, scale=scale, legend=legend)


def _axis(found: Explanation, *, beyond: bool) -> str:
    name = "measured" if found.measured is not None else "composed"
    return f"share of the {name} time, {quantity(found.reference_s, 's')} (%)" + (
        "; beyond 100: more than that" if beyond else ""
    )


def _title(found: Explanation) -> str:
    return f"{short_label(found.capture.workload)}: {headline(found)}"


def _subtitle(found: Explanation) -> str:
    calls = int(found.capture.sequence.size)
    known = int(found.costs.known.sum())
    setup = found.capture.setup
    return (
        f"{setup.label}, {counted(setup.threads, 'thread')}; {known:,} of {calls:,} calls of operators have a time; "
        f"repeated modules (*) together; memory mode: {found.rule}"
    )
