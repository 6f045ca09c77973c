"""What one round read, for people and as JSON: readings with their verdicts, spans and traces in a line each."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stopwatt import units
from stopwatt.analyse.energy import ENERGY_METRICS, OF_SCOPE, asked_for, belongs_to, bounds_of_round
from stopwatt.analyse.labels import Seen, watch
from stopwatt.energy import CHANNELS, SCOPES, Span, Trace
from stopwatt.records import Estimated, Measured, Measurement, Reading, Suspect, Unavailable
from stopwatt.reporting.console import MISSING

_BITS = "bits"
"""Unit of channels whose values are sets, of which nothing is in the middle."""


def reading_pairs(measurement: Measurement) -> Iterator[tuple[str, str]]:
    """Name and text of every reading; energies that were not read a line for each scope and reason.

    Those that nobody asked for, and those of scopes that have nothing to do with the device, are in the JSON only.
    """
    cell = measurement.cell
    told: set[tuple[str, str]] = set()
    for name, reading in measurement.readings.items():
        if name not in ENERGY_METRICS or not isinstance(reading, Unavailable):
            yield name, reading_text(reading, bounds_of_round(measurement, name))
        elif asked_for(name, cell.protocol) and belongs_to(name, cell.setup.device):
            line = _whole(name, measurement) or name, reading_text(reading)
            if line not in told:
                yield line
            told.add(line)


def _whole(name: str, measurement: Measurement) -> str:
    """What stands for all metrics of a scope whose energy was not read; nothing where only this one was not."""
    scope = next((scope for scope, names in OF_SCOPE.items() if name in names), None)
    if scope is None or not isinstance(measurement.readings.get(f"energy_{scope}"), Unavailable):
        return ""
    return f"energy, {SCOPES[scope]}"


def reading_text(reading: Reading, bounds: tuple[float, float] | None = None) -> str:
    """`117.8 mJ`, `117.8 mJ (suspect: why)`, `50 mJ [30, 70] (estimated: how)`, `- (why)`.

    Args:
        reading: Of a round.
        bounds: Its interval within the round's process: `117.8 mJ [117.1, 118.5] (one process)`.
    """
    match reading:
        case Measured(value, unit):
            return quantity_text(value, unit) if bounds is None else f"{_bounded(value, bounds, unit)} (one process)"
        case Suspect(value, unit, why):
            text = quantity_text(value, unit) if bounds is None else _bounded(value, bounds, unit)
            return f"{text} ({'' if bounds is None else 'one process; '}suspect: {why})"
        case Estimated(value, unit, low, high, how):
            return f"{units.interval(value, low, high, unit)} (estimated: {how})"
    return f"{MISSING} ({reading.why})"


def _bounded(value: float, bounds: tuple[float, float], unit: str) -> str:
    return units.interval(value, *bounds, unit)


def quantity_text(value: float | None, unit: str) -> str:
    """A quantity, or what stands for one that is not there or no number."""
    return MISSING if value is None or not math.isfinite(value) else units.quantity(value, unit)


SPAN_COLUMNS = ("what", "began>", "lasted>", "calls>")
TRACE_COLUMNS = ("instrument", "source", "rows>", "over>", "read")


def span_cells(spans: Sequence[Span]) -> Iterator[list[str]]:
    """What the round did and when, counted from the first of it."""
    first = min((span.begin_ns for span in spans), default=0)
    for span in spans:
        began = (span.begin_ns - first) / 1e9
        calls = f"{span.calls:,}" if span.calls else ""
        yield [span.name, f"{began:.2f} s", units.quantity(span.seconds, "s"), calls]


def trace_cells(trace: Trace) -> list[str]:
    """One instrument: what it counted, and the middle of everything else."""
    texts = {name: _channel_text(name, values) for name, values in trace.channels.items()}
    read = [f"{name} {text}" for name, text in texts.items() if text] + [f"gone: {trace.gone}"] * bool(trace.gone)
    source = " ".join(part for part in (trace.about.source, trace.about.identity) if part)
    over = units.quantity(_seconds(trace), "s") if trace.time_ns.size else ""
    rows = f"{trace.time_ns.size:,}"
    return [trace.about.name, source, rows, over, ", ".join(read)]


def trace_document(trace: Trace) -> dict[str, Any]:
    """One instrument as JSON, its rows summarised; docs/json.md describes it."""
    about = {name: getattr(trace.about, name) for name in trace.about.__dataclass_fields__}
    ends = (int(trace.time_ns[0]), int(trace.time_ns[-1])) if trace.time_ns.size else (None, None)
    return {
        "about": about | {"scope": str(trace.about.scope), "quirks": list(trace.about.quirks)},
        "n": int(trace.time_ns.size),
        "begin_ns": ends[0],
        "end_ns": ends[1],
        "gone": trace.gone,
        "channels": {name: _channel_document(name, values) for name, values in trace.channels.items()},
    }


def label_pairs(measurement: Measurement) -> list[tuple[str, str]]:
    """`power-capped`, `36 of 300 trials (12 %)`: the conditions that instruments could tell, also where none held."""
    watched = watch(measurement)
    if watched is None:
        return []
    return [(label, _label_text(seen)) for label, seen in watched.seen.items()]


def labels_document(measurement: Measurement) -> dict[str, Any] | None:
    """The same as JSON; docs/json.md describes it."""
    watched = watch(measurement)
    if watched is None:
        return None
    return {
        str(label): {"trials": int(np.count_nonzero(seen.flags)), "known": int(np.count_nonzero(seen.known))}
        for label, seen in watched.seen.items()
    }


def _label_text(seen: Seen) -> str:
    count, known = int(np.count_nonzero(seen.flags)), int(np.count_nonzero(seen.known))
    if not known:
        return f"{MISSING} (no reading around any trial)"
    of = f"{known:,} trials" if known == seen.known.size else f"{known:,} watched trials"
    return f"{count:,} of {of} ({units.percent(count / known)})" if count else f"none of {of}"


def _channel_document(name: str, values: Any) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    unit = CHANNELS[name].unit if name in CHANNELS else ""
    if not known.size:
        return {"n": 0, "min": None, "median": None, "max": None, "unit": unit}
    extremes = {"min": float(known.min()), "median": float(np.median(known)), "max": float(known.max())}
    return {"n": int(known.size), **extremes, "unit": unit}


def _channel_text(name: str, values: Any) -> str:
    """How far a counter went, or the median; nothing of sets and of what was never read."""
    channel, known = CHANNELS.get(name), values[np.isfinite(values)]
    if channel is None or channel.unit == _BITS or not known.size:
        return ""
    value = float(known[-1] - known[0]) if channel.counts else float(np.median(known))
    return f"{value:,.0f}" if channel.unit == "1" else units.quantity(value, channel.unit)


def _seconds(trace: Trace) -> float:
    return float(trace.time_ns[-1] - trace.time_ns[0]) / 1e9
