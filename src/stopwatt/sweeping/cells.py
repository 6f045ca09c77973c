"""From a combination of coordinates to a cell, with what is the same for many cells looked up once."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from stopwatt.backends import catalogue
from stopwatt.devices.facts import machine_identity
from stopwatt.records import Boundary, Cell, Precision, Protocol, Scalar, Setup, Workload
from stopwatt.sweeping.coordinates import IDLE, PARAM, WORKLOAD
from stopwatt.sweeping.grid import Assignment
from stopwatt.workloads.base import Family
from stopwatt.workloads.params import check_params


class CellMaker:
    """Makes cells.

    Args:
        rules: The protocol.
        families: Of each workload.
        facts: Of the machine, by device.
    """

    def __init__(
        self, rules: Protocol, families: Mapping[str, Family], facts: Mapping[str, Mapping[str, Scalar]]
    ) -> None:
        self._machines = {device: machine_identity(found) for device, found in facts.items()}
        self._codes = {source: family.code() for source, family in families.items()}
        self._defaults = {source: check_params(family, {}) for source, family in families.items()}
        # Cells share these values: what is equal needs to be made, kept and hashed once.
        self._software = cache(
            lambda backend, source: catalogue.software(catalogue.get(backend), families[source].packages)
        )
        self._rules = cache(lambda *changes: _changed(rules, *changes))
        self._setup = cache(_setup)

    def cell(self, coordinates: Assignment) -> Cell:
        """The cell of a complete set of coordinates; parameters that are not given have their defaults."""
        source = str(coordinates[WORKLOAD])
        given = {name[len(PARAM) :]: value for name, value in coordinates.items() if name.startswith(PARAM)}
        setup = self._setup(*(coordinates[name] for name in ("backend", "precision", "batch", "device", "threads")))
        return Cell(
            Workload(source, {**self._defaults[source], **given}),
            setup,
            self._rules(coordinates.get("boundary"), coordinates.get(IDLE)),
            self._codes[source],
            self._software(setup.backend, source),
            self._machines[setup.device],
        )


def _changed(rules: Protocol, boundary: Scalar | None, idle_s: Scalar | None) -> Protocol:
    """The rules with what a grid says of them; `None` for what it does not."""
    if boundary is not None:
        rules = replace(rules, boundary=Boundary(str(boundary)))
    return rules if idle_s is None else replace(rules, idle_s=float(idle_s))


def _setup(backend: str, precision: str, batch: int, device: str, threads: int) -> Setup:
    named = Setup.of_label(backend)
    return replace(named, precision=Precision(precision), batch=batch, device=device, threads=threads)
