"""`stopwatt report`: everything that was measured and found, as one page."""

import json as json_format
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stopwatt import units
from stopwatt.cli.options import TimingOptions
from stopwatt.store import Access, open_store

if TYPE_CHECKING:
    from stopwatt.reporting.report import Written

SCHEMA = 1
"""Version of what `--json` prints."""

_TOP = 5
"""Findings that are printed; the page has all of them."""


def report(
    run: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    *,
    out: Path = Path("report.html"),
    deadline: Annotated[str, Parameter(show_default=False)] = "",
    store: str | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    open: Annotated[bool, Parameter(negative=())] = False,  # noqa: A002  (the option's name)
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write one self-contained page: findings, tables, figures, the distribution of every cell, and how to repeat it.

    Three examples:

        stopwatt report

        stopwatt report last --deadline 500us --out lstm.html

        stopwatt report last --force --json

    Args:
        run: Runs to show: their ids, tags, `last`, `last~1`. Several become one page. Default: the latest.
        out: The file to write. An older report is replaced, anything else only with --force.
        deadline: Times to meet, by comma (500us,1ms): misses and their upper bound.
        store: Results database: a path or a URL. Default: $STOPWATT_STORE, else ./stopwatt.db.
        force: Replace a file that is no report.
        open: Show the page in the browser.
        json: Print what was written as JSON.

    """
    from stopwatt.reporting.report import write_report

    deadlines = TimingOptions(deadline=deadline).deadlines
    with open_store(store, access=Access.READ) as results:
        written = write_report(results, out, run, deadlines=deadlines, overwrite=force)
    _print_json(written) if json else _print(written)
    if open:
        webbrowser.open(out.resolve().as_uri())


def _print_json(written: "Written") -> None:
    from stopwatt.reporting.sweep_result import finding_document

    findings = [finding_document(finding) for finding in written.findings]
    about = {"schema": SCHEMA, "path": str(written.path), "bytes": written.size, "cells": written.cells}
    print(
        json_format.dumps(
            about | {"runs": [run.id for run in written.runs], "findings": findings}, indent=2, allow_nan=False
        )
    )


def _print(written: "Written") -> None:
    from stopwatt.analyse.estimate import counted
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.findings import print_findings

    console = console_for(sys.stdout)
    print_findings(console, written.findings, most=_TOP, more="the page has all of them")
    studied = f"{counted(written.studies, 'workload')} measured in several ways" if written.studies else ""
    cells = f"{written.cells:,} cell{'' if written.cells == 1 else 's'}" if written.cells or not studied else ""
    print(f"{written.path}: {', '.join(filter(None, (cells, studied, units.quantity(written.size, 'B'))))}")
