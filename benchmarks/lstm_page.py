"""The page of the founding grid: what was found, and the tables that show it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from result import Page, made_of
from stopwatt.analyse.analysis import Analysis, CellAnalysis, analyse
from stopwatt.analyse.grid import Point
from stopwatt.analyse.growth import Course, Growth
from stopwatt.analyse.steps import Step
from stopwatt.records import Finding, Measurement, Scalar
from stopwatt.reporting.findings import sentence_of
from stopwatt.store import Access, Selection, open_store
from stopwatt.units import percent, ratio
from texts import estimate_text

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]

TITLES = {"lstm-cpu": "The founding LSTM grid on two cores", "lstm-gpu": "The founding LSTM grid on a GPU"}
_METRICS = ("latency", "latency_p99", "device_time", "throughput")


def write(name: str, about: Sequence[str], store: Path, out: Path) -> None:
    """Write the page from the runs of a store that have the plan of its latest run.

    Args:
        name: `lstm-cpu` or `lstm-gpu`.
        about: What was measured and how, in sentences.
        store: Where the rounds are.
        out: Folder of the page.
    """
    measurements, version = _rounds(store)
    found = analyse(measurements)
    told = "\n".join(f"- {sentence_of(one)}" for one in found.findings)
    page = Page(name, TITLES[name], f"python benchmarks/run.py {name}", made=made_of(measurements, version))
    page.sentences = [
        *about,
        *_outcome(found, measurements),
        "## Findings",
        "What the sweep says, the weightiest first:",
        told,
    ]
    page.tables = [one for one in _tables(found) if one[2]]
    page.data = {"findings": [_finding(one) for one in found.findings], "cells": _cells(found)}
    page.write(out)


def _rounds(store: Path) -> tuple[list[Measurement], str]:
    with open_store(str(store), access=Access.READ) as database:
        runs = database.runs()
        same = [run for run in runs if run.plan == runs[-1].plan]
        return [one for run in same for one in database.measurements(Selection(run=run.id))], runs[-1].tool_version


def _outcome(found: Analysis, measurements: Sequence[Measurement]) -> Iterator[str]:
    """How many of the cells and rounds gave a result."""
    endings = Counter(str(one.status) for one in measurements)
    trials = [sum(series.values.size for series in cell.series) for cell in found.cells if cell.series]
    each = f"{min(trials)}" if min(trials) == max(trials) else f"{min(trials)} to {max(trials)}"
    said = ", ".join(f"{count} {status}" for status, count in endings.most_common())
    yield f"{len(found.cells)} cells, {len(measurements)} rounds ({said}), {each} trials a cell."


def _tables(found: Analysis) -> Iterator[Table]:
    backends = list(dict.fromkeys(str(point.where["backend"]) for point in found.grid.points))
    yield from (_latencies(found, backend) for backend in backends)
    yield _against_device(found, backends)
    yield _exponents(found, backends)
    yield _around_kinks(found, backends)
    yield from _ratios(found, backends)
    yield _batches(found, backends)
    yield _shapes(found, backends)
    yield _clusters(found)


def _values(found: Analysis, name: str) -> tuple[Scalar, ...]:
    axis = found.grid.axis(name)
    return axis.values if axis is not None else (found.grid.fixed[name],)


def _latencies(found: Analysis, backend: str) -> Table:
    """By layers and hidden size, of the longest sequence at batch 1."""
    where = {"backend": backend, "seq": _values(found, "seq")[-1], "batch": _values(found, "batch")[0]}
    here = {
        (point.where["layers"], point.where["hidden"]): point.row.estimates["latency"]
        for point in found.grid.points
        if all(point.where[name] == value for name, value in where.items())
    }
    hidden = _values(found, "hidden")
    lines = [
        [str(layers), *(estimate_text(here[layers, size]) if (layers, size) in here else "-" for size in hidden)]
        for layers in _values(found, "layers")
    ]
    caption = f"Latency with {backend} at seq {where['seq']}, batch {where['batch']}"
    return caption, ("layers", *(f"hidden {size}" for size in hidden)), lines


def _against_device(found: Analysis, backends: Sequence[str]) -> Table:
    """How much of a call the device is at work."""
    hidden = _values(found, "hidden")
    lines = []
    for backend in backends:
        shares = [_shares(point for point in _with(found, backend=backend, hidden=size)) for size in hidden]
        if any(shares):
            lines.append([backend, *(_spread(one, percent) for one in shares)])
    caption = "Device time / latency: the rest of a call is spent on the host (medians, least to most)"
    return caption, ("backend", *(f"hidden {size}" for size in hidden)), lines


def _with(found: Analysis, **where: Scalar) -> list[Point]:
    return [point for point in found.grid.points if all(point.where[name] == value for name, value in where.items())]


def _shares(points: Iterable[Point]) -> list[float]:
    pairs = [(point.row.estimates["device_time"].value, point.row.estimates["latency"].value) for point in points]
    return [device / latency for device, latency in pairs if device is not None and latency]


def _spread(values: Sequence[float], form: Any) -> str:
    """`0.97 (0.90 to 1.02)`."""
    if not values:
        return "-"
    return f"{form(float(np.median(values)))} ({form(min(values))} to {form(max(values))})"


def _exponents(found: Analysis, backends: Sequence[str]) -> Table:
    """Growth along every axis but the hidden size, which has kinks, by hidden size."""
    hidden = _values(found, "hidden")
    names = [axis.name for axis, _ in found.grid.scales() if axis.name != "hidden"]
    lines = []
    for backend in backends:
        for name in names:
            own = [_growths(found, name, backend, size) for size in hidden]
            shown = (_spread([one.exponent for one in part], lambda value: f"{value:.2f}") for part in own)
            lines.append([backend, f"latency ~ {name}^x", *shown])
    caption = "Exponents by hidden size (medians, least to most, over the lines)"
    return caption, ("backend", "law", *(f"hidden {size}" for size in hidden)), lines


def _growths(found: Analysis, name: str, backend: str, size: Scalar | None = None) -> list[Growth]:
    return [
        one
        for one in found.scaling.growths
        if one.line.axis.name == name
        and one.line.fixed["backend"] == backend
        and (size is None or one.line.fixed["hidden"] == size)
    ]


def _around_kinks(found: Analysis, backends: Sequence[str]) -> Table:
    """Where the growth along the hidden size changes, and from what to what."""
    lines = []
    for backend in backends:
        members = _growths(found, "hidden", backend)
        groups: dict[tuple[float, ...], list[Growth]] = defaultdict(list)
        for one in members:
            if one.course is Course.KINKED:
                groups[one.kinks].append(one)
        for kinks, part in sorted(groups.items(), key=lambda item: -len(item[1])):
            slopes = np.median([[segment.exponent for segment in one.segments] for one in part], axis=0)
            at = ", ".join(f"{kink:g}" for kink in kinks)
            lines.append(
                [backend, at, f"{len(part)} of {len(members)}", ", then ".join(f"{slope:.2f}" for slope in slopes)]
            )
    return "Kinks along hidden", ("backend", "at hidden", "lines", "exponents (medians)"), lines


def _ratios(found: Analysis, backends: Sequence[str]) -> Iterator[Table]:
    """The steps of which some finding says that they are inversions, by batch or hidden size."""
    inverted = {
        (one.axis, one.small.where[one.axis], one.large.where[one.axis]): None for one in found.scaling.inversions
    }
    for axis, small, large in sorted(inverted, key=str):
        other = "hidden" if axis == "batch" else "batch"
        steps = [
            step
            for step in found.scaling.steps
            if step.axis == axis and (step.small.where[axis], step.large.where[axis]) == (small, large)
        ]
        values = _values(found, other)
        lines = [[backend, *(_median_ratio(steps, backend, other, value) for value in values)] for backend in backends]
        caption = f"Latency of {axis}={large} / latency of {axis}={small} (medians, least to most, over the places)"
        yield caption, ("backend", *(f"{other} {value}" for value in values)), lines


def _median_ratio(steps: Sequence[Step], backend: str, name: str, value: Scalar) -> str:
    own = [step.ratio for step in steps if step.fixed["backend"] == backend and step.small.where[name] == value]
    return _spread(own, lambda one: f"{one:.3f}")


def _batches(found: Analysis, backends: Sequence[str]) -> Table:
    lines = []
    for backend in backends:
        for size in _values(found, "hidden"):
            own = [
                one
                for one in found.scaling.batches
                if (one.line.fixed["backend"], one.line.fixed["hidden"]) == (backend, size)
            ]
            knees = ", ".join(f"{knee} ({count})" for knee, count in Counter(one.knee for one in own).most_common())
            gains, costs = [one.gain for one in own], [one.cost for one in own]
            lines.append([backend, str(size), knees, _spread(gains, ratio), _spread(costs, ratio)])
    head = ("backend", "hidden", "sweet spot (places)", "samples/s of batch 1", "latency of batch 1")
    return "Sweet spot of the batch: gain in samples/s, and what it costs in latency", head, lines


def _shapes(found: Analysis, backends: Sequence[str]) -> Table:
    """What distributions look like, and how much processes differ."""
    lines = []
    for backend in backends:
        for size in _values(found, "hidden"):
            shapes = [
                cell.shape
                for cell, point in zip(found.cells, found.grid.points, strict=True)
                if cell.shape is not None and (point.where["backend"], point.where["hidden"]) == (backend, size)
            ]
            forms = ", ".join(
                f"{form} {count}" for form, count in Counter(str(one.form) for one in shapes).most_common()
            )
            outliers = [one.outliers / one.n for one in shapes]
            between, within = [one.between for one in shapes], [one.within for one in shapes]
            lines.append(
                [
                    backend,
                    str(size),
                    forms,
                    _middle(outliers),
                    _middle(between),
                    _middle(within),
                    percent(max(outliers)),
                ]
            )
    head = ("backend", "hidden", "forms (cells)", "outliers", "between processes", "within one", "most outliers")
    return "Distributions: outliers beyond the upper Tukey fence, standard deviations (medians over cells)", head, lines


def _middle(values: Sequence[float]) -> str:
    return percent(float(np.median(values)))


def _clusters(found: Analysis, most: int = 10) -> Table:
    """The clusters beside the main mode that hold the most trials."""
    every = [
        (cluster, found.grid.label(point))
        for cell, point in zip(found.cells, found.grid.points, strict=True)
        if cell.shape is not None
        for cluster in cell.shape.clusters
        if cluster.ratio != 1
    ]
    ordered = sorted(every, key=lambda pair: -pair[0].mass)
    lines = [
        [label, ratio(one.ratio), f"{percent(one.mass)} [{percent(one.mass_low)}, {percent(one.mass_high)}]"]
        for one, label in ordered[:most]
    ]
    caption = f"Clusters apart from the main mode: the {len(lines)} with the most trials of {len(every)}"
    return caption, ("cell", "x the main mode", "share of the trials"), lines


def _finding(finding: Finding) -> dict[str, Any]:
    numbers = {name: value if isfinite(value) else None for name, value in finding.numbers.items()}
    return asdict(finding) | {"numbers": numbers, "strength": str(finding.strength), "cells": len(finding.cells)}


def _cells(found: Analysis) -> dict[str, Any]:
    """Every cell as one line of numbers."""
    names = [axis.name for axis in found.grid.axes]
    columns = [*names, *(f"{metric}{part}" for metric in _METRICS for part in ("", "_low", "_high")), "n", "form"]
    rows = [_cell(cell, point, names) for cell, point in zip(found.cells, found.grid.points, strict=True)]
    return {"columns": columns, "rows": rows}


def _cell(cell: CellAnalysis, point: Point, names: Sequence[str]) -> list[Any]:
    estimates = [cell.row.estimates[metric] for metric in _METRICS]
    figures = [_rounded(value) for one in estimates for value in (one.value, one.low, one.high)]
    shape = cell.shape
    return [*(point.where[name] for name in names), *figures, shape.n if shape else 0, str(shape.form) if shape else ""]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
