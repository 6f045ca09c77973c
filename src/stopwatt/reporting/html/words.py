"""Texts of the page that say what was measured, and numbers as people read them."""

import re

from stopwatt import units
from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.energy import own_energy, scope_name, shown_energy
from stopwatt.analyse.estimate import Estimate
from stopwatt.records import Status
from stopwatt.reporting.cells import interval_cell, mark
from stopwatt.reporting.charts.frame import shortened
from stopwatt.reporting.charts.sentences import listed
from stopwatt.reporting.charts.setups import setups_of
from stopwatt.reporting.console import MISSING
from stopwatt.text import one_line


def headline(analysis: Analysis) -> str:
    """`64 cells: lstm on eager and onnxruntime`; `The way of measuring lstm on eager`."""
    cells = len(analysis.cells)
    if analysis.studies and not cells:
        studied = list(dict.fromkeys(shortened(study.workload.source) for study in analysis.studies))
        backends = list(dict.fromkeys(study.setup.backend_label for study in analysis.studies))
        return f"The way of measuring {listed(studied)} on {listed(backends)}"
    workloads = list(dict.fromkeys(shortened(cell.row.cell.workload.source) for cell in analysis.cells))
    count = f"{cells:,} cells" if cells != 1 else "1 cell"
    return f"{count}: {listed(workloads)} on {listed(setups_of(analysis).names)}"


def totals(analysis: Analysis) -> str:
    """`n = 61,272 trials in 190 rounds; 2 cells without a result`."""
    trials = sum(series.values.size for cell in analysis.cells for series in cell.series)
    trials += sum(study.reference.n for study in analysis.studies)
    rounds = sum(cell.row.rounds_ok + cell.row.rounds_failed for cell in analysis.cells)
    rounds += sum(study.rounds_ok + study.rounds_failed for study in analysis.studies)
    failed = sum(cell.row.status not in (Status.OK, Status.UNSUPPORTED) for cell in analysis.cells)
    unsupported = sum(cell.row.status is Status.UNSUPPORTED for cell in analysis.cells)
    parts = [f"{trials:,} trials in {rounds:,} rounds" if trials else f"{rounds:,} rounds without single trials"]
    parts += [f"{failed:,} cells without a result"] if failed else []
    parts += [f"{unsupported:,} not supported"] if unsupported else []
    parts += _energy_doubts(analysis)
    return "; ".join(parts)


def _energy_doubts(analysis: Analysis) -> list[str]:
    """`energy, CPU package: unavailable (no RAPL: virtual machine)`, where all that were asked for it have none.

    Otherwise how many of them are suspect, and why.
    """
    asked = [cell.row for cell in analysis.cells if cell.row.cell.protocol.energy is not None]
    if not asked:
        return []
    metric = shown_energy(asked)
    if not metric:
        names = dict.fromkeys(own_energy(row.cell.setup.device) for row in asked)
        whys = dict.fromkeys(row.estimates[own_energy(row.cell.setup.device)].why for row in asked)
        return [f"energy, {listed([scope_name(name) for name in names])}: unavailable ({plain('; '.join(whys))})"]
    doubts = [doubt for row in asked if (doubt := row.estimates[metric].doubt)]
    why = plain("; ".join(dict.fromkeys(doubts)))
    return [f"energy, {scope_name(metric)}: suspect (?) in {len(doubts):,} of {len(asked):,} cells: {why}"] * bool(
        doubts
    )


def estimate_text(estimate: Estimate) -> str:
    """`4.51 ms [4.47, 4.55]`, the value alone, `needs 2,995 trials`, or what stands for a missing one."""
    if estimate.value is None:
        return f"needs {estimate.needs:,} trials" if estimate.needs is not None else MISSING
    if estimate.low is None or estimate.high is None:
        return units.quantity(estimate.value, estimate.unit) + mark(estimate)
    return units.interval(estimate.value, estimate.low, estimate.high, estimate.unit) + mark(estimate)


def column_text(estimate: Estimate | None, scale: units.Scale) -> str:
    """The same in a column whose head names the unit."""
    if estimate is None or estimate.value is None:
        return f"needs {estimate.needs:,}" if estimate is not None and estimate.needs is not None else MISSING
    return interval_cell(estimate, scale)


def how(estimate: Estimate) -> str:
    """How a number came about, what speaks against it, and why something of it is missing."""
    doubt = f"suspect: {estimate.doubt}" if estimate.doubt else ""
    return "; ".join(part for part in (estimate.method, doubt, estimate.why) if part)


def unbroken(text: str) -> str:
    """A text whose numbers stay on one line with their units."""
    return _NUMBER.sub("\\1\N{NO-BREAK SPACE}", text)


_NUMBER = re.compile(r"(\d) (?=(?:%|x|s|ms|us|ns|samples/s|samples/J|J|mJ|uJ|W|MiB|GiB)(?:\b|$|[^\w]))")


def plain(text: str) -> str:
    """A text from outside on one line."""
    return one_line(text)
