"""From what was asked for to a list of cells."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeVar

from stopwatt.devices.facts import read_facts
from stopwatt.devices.resolve import require_driver
from stopwatt.errors import UsageError
from stopwatt.records import Boundary, Cell, Precision, Protocol, Scalar, digest
from stopwatt.sweeping.cells import CellMaker
from stopwatt.sweeping.coordinates import AUTO, LONGEST_IDLE_S, WORKLOAD, written_at
from stopwatt.sweeping.energycost import check_energy
from stopwatt.sweeping.grid import Axis, Grid, check_shape, combinations
from stopwatt.sweeping.pacing import check_paced
from stopwatt.sweeping.reading import complete, expand_backends, read_grid
from stopwatt.sweeping.turns import Order
from stopwatt.workloads.resolve import resolve

Found = TypeVar("Found")

MOST_CELLS = 10_000
"""Of a bench. What is larger is a sweep."""
BASELINE = ("eager", str(Precision.FP32))
"""What speed-ups are ratios to."""


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
        order: Of the cells within a round.
        aim: What is to follow once its rounds are done; plans with different aims are different plans.
    """

    cells: tuple[Cell, ...]
    protocol: Protocol
    facts: Mapping[str, Scalar]
    tag: str = ""
    announcements: tuple[str, ...] = ()
    order: Order = Order.RANDOM
    aim: str = ""

    @property
    def digest(self) -> str:
        """Equal for equal plans: what lets a second start of a command go on with the first."""
        own_order = [] if self.order is Order.RANDOM else [[cell.key for cell in self.cells], str(self.order)]
        own_aim = [self.aim] if self.aim else []
        return digest([sorted(cell.key for cell in self.cells), self.protocol.rounds, self.tag, *own_order, *own_aim])


def make_plan(request: Request) -> Plan:
    """All combinations of a request, checked as far as that is possible without running anything.

    Raises:
        UsageError: An unknown name, a value out of range, an empty or absurdly large request.
    """
    pairs = _with_baseline(request, expand_backends(request.backends, [request.device]))
    size = len(pairs) * len(request.batches) * len(request.workloads)
    if not size:
        raise UsageError(
            "nothing to measure: no workload, backend, precision or batch was given", now="name at least one"
        )
    if size > MOST_CELLS:
        raise UsageError(f"{size} cells are too many for one command", now=f"ask for {MOST_CELLS} at most")
    backends, precisions = zip(*pairs, strict=True)
    sources = tuple(dict.fromkeys(request.workloads))
    blocks = (
        (Axis(WORKLOAD, sources),),
        *((Axis(name, (value,)),) for name, value in _of_each_workload(sources, request.params).items()),
        (Axis("batch", tuple(dict.fromkeys(request.batches))),),
        (Axis("backend", backends), Axis("precision", precisions)),
        (Axis("device", (request.device,)),),
        (Axis("threads", (request.threads,)),),
    )
    return plan_grid(Grid(blocks, protocol=request.protocol, tag=request.tag))


def _with_baseline(request: Request, backends: Iterable[str]) -> list[tuple[str, str]]:
    """Backends and precisions that go together."""
    wanted = list(dict.fromkeys(product(backends, request.precisions)))
    if request.baseline and wanted and BASELINE not in wanted:
        wanted.insert(0, BASELINE)
    return wanted


def _of_each_workload(sources: Iterable[str], given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """`source.name` of everything given; what is given for one workload wins over what is given for all."""
    own = {name: value for name, value in given.items() if any(name.startswith(f"{one}.") for one in sources)}
    common = {f"{one}.{name}": value for one in sources for name, value in given.items() if name not in own}
    return common | own


def plan_grid(grid: Grid) -> Plan:
    """The cells of a grid, checked as far as that is possible without running anything.

    Raises:
        UsageError: An unknown name, a value that cannot be, a grid that is empty or absurdly large, an exclusion that
            matches nothing.
    """
    check_protocol(grid.protocol)
    check_shape(grid)
    whole = complete(grid)
    facts = _of_each(whole, "device", _facts)
    families = _of_each(whole, WORKLOAD, resolve)
    readings = read_grid(whole, families, next(iter(facts.values())))
    make = CellMaker(grid.protocol, families, facts)
    cells = tuple(make.cell(one) for reading in readings for one in combinations(reading.blocks, reading.exclusions))
    if not cells:
        raise UsageError(
            "the exclusions leave nothing of the grid",
            when=f"{len(grid.exclude)} exclusion" + ("s" if len(grid.exclude) > 1 else ""),
            now="leave fewer cells out",
        )
    announcements = tuple(
        f"{source}: this runs code that is not stopwatt's"
        for source, family in families.items()
        if family.runs_foreign_code
    )
    merged = {name: value for of_device in facts.values() for name, value in of_device.items()}
    return Plan(cells, grid.protocol, merged, grid.tag, announcements)


def _of_each(grid: Grid, name: str, find: Callable[[str], Found]) -> dict[str, Found]:
    """What is found for each value of an axis; errors say where the value was written."""
    found: dict[str, Found] = {}
    for axis in filter(None, (grid.axis(name),)):
        for number, value in enumerate(axis.values):
            if str(value) not in found:
                with written_at(axis.place(number)):
                    found[str(value)] = find(str(value))
    return found


def _facts(device: str) -> Mapping[str, Scalar]:
    require_driver(device)
    return read_facts(device).values


def check_protocol(rules: Protocol) -> None:
    """Refuse rules that no round could follow.

    Raises:
        UsageError: A value out of range.
    """
    for part, ranges in ((rules, _RANGES), (rules.warmup, _WARMUP_RANGES)):
        for name, low, high in ranges:
            value = getattr(part, name)
            if not isinstance(value, int | float | None):
                raise UsageError(
                    f"{name} cannot be {value!r}", when="the protocol", now=f"use a number from {low:g} to {high:g}"
                )
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} {value:g} is out of range", now=f"use a number from {low:g} to {high:g}")
    if rules.boundary is Boundary.UNKNOWN:
        raise UsageError("the boundary 'unknown' cannot be measured", now="use device or host")
    check_paced(rules)
    check_energy(rules)


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("rounds", 1, 1000),
    ("trials", 1, 10**8),
    ("input_sets", 1, 1000),
    ("seed", 0, 2**63 - 1),  # what torch and numpy take alike
    ("tolerance", 0.0, 1e9),
    ("trial_seconds", 0.0, 1e7),
    ("throughput_windows", 1, 1000),
    ("throughput_seconds", 0.0, 1e7),
    ("idle_s", 0.0, LONGEST_IDLE_S),
    ("timeout_s", 1e-3, 1e7),  # four months
)
_WARMUP_RANGES: tuple[tuple[str, float, float], ...] = (
    ("min_calls", 1, 10**8),
    ("min_seconds", 0.0, 1e7),
    ("window_calls", 1, 10**8),
    ("window_seconds", 0.0, 1e7),
    ("window_cap_seconds", 0.0, 1e7),
    ("tolerance", 0.0, 1e9),
    ("trend_p", 0.0, 1.0),
    ("cap_seconds", 0.0, 1e7),
)
