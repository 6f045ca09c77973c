"""From what was asked for to a list of cells."""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from stopwatt.backends import catalogue
from stopwatt.backends.base import Backend
from stopwatt.devices.facts import machine_identity, read_facts
from stopwatt.devices.fitness import usable_threads
from stopwatt.devices.resolve import kind_of, require_driver
from stopwatt.errors import UsageError
from stopwatt.records import PRECISIONS, Boundary, Cell, Precision, Protocol, Scalar, Setup, Workload, digest
from stopwatt.sweeping.pacing import check_paced
from stopwatt.workloads.base import Family
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

AUTO = "auto"
ALL = "all"
MOST_CELLS = 10_000
MOST_BATCH = 2**20
MOST_THREADS_PER_CORE = 4
BASELINE = ("eager", Precision.FP32)
"""What speed-ups are ratios to."""

_QUICK_TO_START = ("eager", "cudagraph", "onnxruntime", "openvino")
"""Backends of `auto`: those that need no minutes of compilation."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure, as a user says it.

    Attributes:
        workloads: Sources.
        params: Parameters; `name` holds for every workload, `source.name` for one.
        backends: Names, `name:variant`, `auto` or `all`.
        threads: 0 for as many as the process may use cores.
        tag: A name for the run.
        baseline: Whether fp32 eager is measured too, as what speed-ups refer to.
    """

    workloads: Sequence[str]
    params: Mapping[str, Scalar] = field(default_factory=dict)
    backends: Sequence[str] = (AUTO,)
    precisions: Sequence[str] = ("fp32",)
    batches: Sequence[int] = (1,)
    device: str = "cpu"
    threads: int = 0
    protocol: Protocol = field(default_factory=Protocol)
    baseline: bool = True
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Cells to measure under one protocol.

    Attributes:
        cells: Each once.
        protocol: The protocol of all of them.
        facts: The machine as it was found.
        tag: The user's name for the run; plans with different tags are different plans.
        announcements: What the user must know before anything runs (foreign code).
    """

    cells: tuple[Cell, ...]
    protocol: Protocol
    facts: Mapping[str, Scalar]
    tag: str = ""
    announcements: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal plans: what lets a second start of a command go on with the first."""
        return digest([sorted(cell.key for cell in self.cells), self.protocol.rounds, self.tag])


def make_plan(request: Request) -> Plan:
    """All combinations of a request, checked as far as that is possible without running anything.

    Raises:
        UsageError: An unknown name, a value out of range, an empty or absurdly large request.
    """
    check_protocol(request.protocol)
    precisions = [_precision(text) for text in request.precisions]
    batches = [_batch(value) for value in request.batches]
    require_driver(request.device)
    facts = read_facts(request.device).values
    setups = _setups(request, _backends(request), precisions, batches, _threads(request.threads, facts))
    size = len(setups) * len(request.workloads)
    if not size:
        raise UsageError(
            "nothing to measure: no workload, backend, precision or batch was given", now="name at least one"
        )
    if size > MOST_CELLS:
        raise UsageError(f"{size} cells are too many for one command", now=f"ask for {MOST_CELLS} at most")
    machine = machine_identity(facts)
    families = {source: resolve(source) for source in request.workloads}
    params = _split_params(families, request.params)
    cells = [
        Cell(
            Workload(source, params[source]),
            setup,
            request.protocol,
            family.code(),
            catalogue.software(catalogue.get(setup.backend), family.packages),
            machine,
        )
        for (source, family), setup in product(families.items(), setups)
    ]
    announcements = tuple(
        f"{source}: this runs code that is not stopwatt's"
        for source, family in families.items()
        if family.runs_foreign_code
    )
    return Plan(tuple(cells), request.protocol, facts, request.tag, announcements)


def check_protocol(rules: Protocol) -> None:
    """Refuse rules that no round could follow.

    Raises:
        UsageError: A value out of range.
    """
    for name, low, high in _RANGES:
        value = getattr(rules, name)
        if value is not None and not low <= value <= high:
            raise UsageError(f"{name} {value:g} is out of range", now=f"use a number from {low:g} to {high:g}")
    if rules.boundary is Boundary.UNKNOWN:
        raise UsageError("the boundary 'unknown' cannot be measured", now="use device or host")
    check_paced(rules)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("rounds", 1, 1000),
    ("trials", 1, 10**8),
    ("input_sets", 1, 1000),
    ("seed", 0, 2**63 - 1),  # what torch and numpy take alike
    ("tolerance", 0.0, 1e9),
    ("trial_seconds", 0.0, 1e7),
    ("throughput_windows", 1, 1000),
    ("throughput_seconds", 0.0, 1e7),
    ("timeout_s", 1e-3, 1e7),  # four months
)


def _split_params(families: Mapping[str, Family], given: Mapping[str, Scalar]) -> dict[str, dict[str, Scalar]]:
    """Complete parameters of each workload; `source.name` goes to one and wins over `name`, which goes to all."""
    common: dict[str, Scalar] = {}
    own: dict[str, dict[str, Scalar]] = {source: {} for source in families}
    for name, value in given.items():
        owner = next((source for source in families if name.startswith(f"{source}.")), None)
        if owner is None:
            common[name] = value
        else:
            own[owner][name.removeprefix(f"{owner}.")] = value
    return {source: check_params(family, common | own[source]) for source, family in families.items()}


def _setups(
    request: Request,
    backends: Iterable[tuple[str, str]],
    precisions: Iterable[Precision],
    batches: Iterable[int],
    threads: int,
) -> list[Setup]:
    wanted = list(product(backends, precisions))
    baseline = (("eager", ""), Precision.FP32)
    if request.baseline and wanted and baseline not in wanted:
        wanted.insert(0, baseline)
    setups = [
        Setup(backend, variant, precision, batch, request.device, threads)
        for batch in batches
        for (backend, variant), precision in wanted
    ]
    return list(dict.fromkeys(setups))


def _backends(request: Request) -> list[tuple[str, str]]:
    kind = kind_of(request.device)
    found: list[tuple[str, str]] = []
    for text in request.backends:
        if text in (AUTO, ALL):
            names = [name for name in catalogue.names() if text == ALL or name in _QUICK_TO_START]
            found += [(name, "") for name in names if _installed(catalogue.get(name)) and _fits(name, kind)]
        else:
            found.append(catalogue.split(text))
    return list(dict.fromkeys(found))


def _installed(backend: Backend) -> bool:
    """Whether its runtime, the first of its packages, is there at all; whether it works shows when it is used."""
    return importlib.util.find_spec(backend.packages[0]) is not None


def _fits(name: str, kind: str) -> bool:
    return bool(catalogue.get(name).precisions(kind))


def _precision(text: str) -> Precision:
    from stopwatt.extensions import unknown

    if text not in PRECISIONS:
        raise unknown("precision", text, PRECISIONS)
    return Precision(text)


def _batch(value: int) -> int:
    if not 1 <= value <= MOST_BATCH:
        raise UsageError(f"batch {value} is out of range", now=f"use a batch size from 1 to {MOST_BATCH}")
    return value


def _threads(value: int, facts: Mapping[str, Scalar]) -> int:
    usable = usable_threads(facts)
    if value < 0 or value > MOST_THREADS_PER_CORE * usable:
        raise UsageError(f"{value} threads are out of range", now=f"this process can run {usable} at once")
    return value or usable
