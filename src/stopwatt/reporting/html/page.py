"""The page itself: findings, table, figures, details of every cell, provenance; one file that asks for nothing else."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from stopwatt.analyse.analysis import Analysis
from stopwatt.analyse.energy import ENERGY_METRICS
from stopwatt.analyse.rounds import RoundRecord
from stopwatt.errors import UsageError
from stopwatt.metrics import ACCURACY, ACCURACY_LOSS, METRICS
from stopwatt.records import Finding, Strength
from stopwatt.reporting.charts.catalogue import CELL_FIGURES
from stopwatt.reporting.charts.panels import pairs
from stopwatt.reporting.charts.renderer import Renderer
from stopwatt.reporting.charts.sequence import MOST_DRAWN
from stopwatt.reporting.charts.theme import DARK, LIGHT
from stopwatt.reporting.html.details import DRAWN, Details, details_of
from stopwatt.reporting.html.figures import Figure
from stopwatt.reporting.html.provenance import Source, provenance_of
from stopwatt.reporting.html.story import Section, evidence, sections_of, with_drawings
from stopwatt.reporting.html.table import table_of
from stopwatt.reporting.html.words import headline, plain, totals, unbroken

MOST_CELLS = 3000
"""Cells that a page lists and opens. A page of more would be heavier than browsers bear."""
MOST_TRIALS = 600_000
"""Trials of all run sequences together: about 1.5 MB."""
SHOWN_FINDINGS = 8
_FEW, _LINKED_CELLS = 6, 2
"""Cells that are named beside a finding, one of them where they are more than a few."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as the page shows it.

    Attributes:
        sure: Whether it is shown and not only suggested.
        figures: Its evidence.
        cells: Key and label of the first cells that show it.
        rows: Places in the table of all cells that show it.
    """

    text: str
    kind: str
    sure: bool
    figures: tuple[Figure, ...]
    cells: tuple[tuple[str, str], ...]
    rows: tuple[int, ...]


def render(
    analysis: Analysis, rounds: Mapping[str, tuple[RoundRecord, ...]], source: Source, renderer: Renderer
) -> str:
    """The report as one HTML document.

    Args:
        analysis: What it is about.
        rounds: Of each cell, by its key.
        source: Where the measurements come from.
        renderer: Draws the figures while the rest is written.

    Raises:
        UsageError: More cells than a page can hold.
        StopwattError: The figures could not be drawn.
    """
    if len(analysis.cells) > MOST_CELLS:
        raise UsageError(
            f"{len(analysis.cells):,} cells are too many for one page of at most {MOST_CELLS:,}",
            now="report on a part of them (a run, a tag), or take all of them with stopwatt export",
        )
    sections = sections_of(analysis, renderer.send)
    told = _told(analysis, rounds, source)
    drawn = renderer.receive()
    sections = with_drawings(sections, drawn.svgs)
    script, runtime = in_script(_asset("page.js")), in_script(drawn.runtime)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            **told,
            findings=[_found(analysis, finding, sections) for finding in analysis.findings],
            sections=sections,
            style=Markup(_asset("page.css")),  # noqa: S704  (our own file)
            script=Markup(script),  # noqa: S704  (our own file)
            runtime=Markup(runtime),  # noqa: S704  (the bundle of vl-convert)
            policy=content_policy(runtime, script),
        )
    )


def _told(analysis: Analysis, rounds: Mapping[str, tuple[RoundRecord, ...]], source: Source) -> dict[str, Any]:
    """Everything on the page but the findings and the still figures."""
    return {
        "headline": headline(analysis),
        "totals": totals(analysis),
        "machine": _machine(analysis),
        "shown_findings": SHOWN_FINDINGS,
        "table": table_of(analysis),
        "details": _details(analysis, rounds),
        "meanings": _meanings(analysis),
        "provenance": provenance_of(analysis, source),
        "drawings": {kind: CELL_FIGURES[kind].drawing for kind in DRAWN},
        "colours": {"light": LIGHT, "dark": DARK},
    }


_RARE = (*ENERGY_METRICS, ACCURACY, ACCURACY_LOSS)
"""Metrics of which most pages show nothing."""


def _meanings(analysis: Analysis) -> list[tuple[str, str]]:
    """What each metric means; of energy and accuracy what the page shows."""
    shown = {name for cell in analysis.cells for name, one in cell.row.estimates.items() if one.value is not None}
    told = [metric for name, metric in METRICS.items() if name not in _RARE or name in shown]
    return [(metric.name.replace("_", " "), metric.meaning) for metric in told]


def content_policy(*scripts: str) -> str:
    """What the page may do: run these scripts and no others, and fetch nothing at all."""
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    rules = {
        "default-src": "'none'",
        "script-src": hashes,
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def in_script(text: str) -> str:
    """A script as the content of an element that it cannot end."""
    return text.replace("</script", r"<\/script").replace("<!--", r"<\!--")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stopwatt.reporting.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


@cache
def _asset(name: str) -> str:
    return files("stopwatt.reporting.html").joinpath("templates", name).read_text(encoding="utf-8")


def _found(analysis: Analysis, finding: Finding, sections: tuple[Section, ...]) -> Found:
    points = {point.row.cell.key: (place, point) for place, point in enumerate(analysis.grid.points)}
    known = {key: points[key] for key in finding.cells if key in points}
    labels = {key: analysis.grid.label(point) or "the cell" for key, (_, point) in known.items()}
    return Found(
        unbroken(plain(finding.text)),
        finding.kind,
        finding.strength is Strength.SHOWN,
        evidence(finding, sections),
        tuple(labels.items())[: 1 if len(labels) > _FEW else _LINKED_CELLS],
        tuple(sorted(place for place, _ in known.values())),
    )


def _details(analysis: Analysis, rounds: Mapping[str, tuple[RoundRecord, ...]]) -> list[Details]:
    most = min(MOST_DRAWN, max(100, MOST_TRIALS // max(1, len(analysis.cells))))
    return [
        details_of(cell, analysis.grid.label(point), rounds.get(cell.row.cell.key, ()), most)
        for cell, point in pairs(analysis)
    ]


def _machine(analysis: Analysis) -> str:
    facts: Mapping[str, Any] = analysis.facts
    names = [str(facts[name]) for name in ("gpu.name", "cpu.model") if facts.get(name)]
    several = f" and {len(analysis.machines) - 1} more machines" if len(analysis.machines) > 1 else ""
    return plain(", ".join(names) + several) if names else ""
