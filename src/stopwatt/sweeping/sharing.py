"""Which jobs one process may do one after another."""

from stopwatt.backends import catalogue
from stopwatt.measuring.job import JobKind
from stopwatt.records import Cell, Process
from stopwatt.workloads.resolve import resolve

_OF_DATA = (JobKind.CALIBRATE, JobKind.LABEL)
"""Jobs that read data which somebody brought: it may be damaged."""


def group_of(kind: JobKind, cell: Cell) -> str:
    """Name of the jobs that the process of this one may do as well; empty where the job needs a process of its own."""
    alone = cell.protocol.process is not Process.SHARED or cell.protocol.occupancy  # a tracer stays in its process
    if alone or kind in _OF_DATA or not _family_is_tidy(cell):
        return ""
    setup = cell.setup
    if kind is JobKind.REFERENCE:
        return f"references {setup.device} {setup.threads}"
    if not getattr(catalogue.get(setup.backend), "shares_process", False):
        return ""
    what = "conversions" if kind is JobKind.CONVERT else "rounds"
    return f"{what} {setup.backend_label} {setup.precision} {setup.device} {setup.threads}"


def _family_is_tidy(cell: Cell) -> bool:
    tidy = getattr(resolve(cell.workload.source), "shares_process", None)
    return tidy is not None and bool(tidy(cell.workload.params))
