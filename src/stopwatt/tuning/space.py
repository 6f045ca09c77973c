"""The setups among which a tuner chooses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stopwatt.backends import catalogue
from stopwatt.datasets.labelled import Data
from stopwatt.devices.facts import read_facts
from stopwatt.devices.fitness import usable_threads
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Cell, Precision, Process, Protocol, Scalar, Setup, Warmup
from stopwatt.sweeping.coordinates import ALL
from stopwatt.sweeping.plan import Plan, Request, make_plan
from stopwatt.tuning.goals import Goal

_OFFERED = {
    "cpu": (Precision.FP32, Precision.BF16, Precision.FP16, Precision.INT8),
    "cuda": (Precision.FP32, Precision.TF32, Precision.BF16, Precision.FP16),
}
_BATCHES = {Goal.LATENCY: (1,), Goal.MEMORY: (1,), Goal.THROUGHPUT: (1, 2, 4, 8, 16, 32), Goal.ENERGY: (1, 4, 16, 32)}
_FOR_GOAL = {
    ("cpu", Goal.THROUGHPUT): {"openvino": "throughput"},  # several streams
    ("cuda", Goal.LATENCY): {"compile": "reduce-overhead"},  # graphs of the device
}
SCOUT = Protocol(
    rounds=1,
    trials=100,
    trial_seconds=0.5,
    min_trials=10,
    warmup=Warmup(
        min_calls=3, min_seconds=0.2, window_calls=20, window_seconds=0.05, window_cap_seconds=0.3, cap_seconds=2.0
    ),
    input_sets=4,
    throughput_windows=3,
    throughput_seconds=0.05,
    process=Process.SHARED,
)
"""A round of the race: long enough to tell setups apart that differ by some percent, once there are a few rounds."""
PROOF = Protocol(
    rounds=5,
    trials=300,
    trial_seconds=1.5,
    warmup=Warmup(min_seconds=0.5, window_seconds=0.2, window_cap_seconds=0.5, cap_seconds=4.0),
    throughput_windows=3,
    throughput_seconds=0.1,
)
"""The rounds of those that are left in the end, each in a process of its own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to tune, as a user says it.

    Attributes:
        workload: Source.
        params: Of the workload.
        goal: What shall be least, or most.
        where: Constraints as written (`where.read`).
        budget_s: Time that measuring may take.
        backends: Labels, with variants and techniques (`eager+fold-batchnorm`); `auto` and `all`.
        precisions: None for all that the device offers.
        batches: None for those that the goal suggests.
        threads: None for one and all cores.
        device: Where it shall run.
        seed: Of weights, inputs and orders.
        tolerance: Largest deviation that passes the correctness gate; `None` for the precision's own.
        tag: A name for the run.
        data: What int8 is calibrated on and accuracy is measured on; `None` for the workload's own inputs.
    """

    workload: str
    params: Mapping[str, Scalar] = field(default_factory=dict)
    goal: Goal = Goal.LATENCY
    where: Sequence[str] = ()
    budget_s: float = 600.0
    backends: Sequence[str] = (ALL,)
    precisions: Sequence[str] = ()
    batches: Sequence[int] = ()
    threads: Sequence[int] = ()
    device: str = "cpu"
    seed: int = 0
    tolerance: float | None = None
    tag: str = ""
    data: Data | None = None

    def rules(self, base: Protocol) -> Protocol:
        """A protocol with what the request says of it."""
        return replace(base, seed=self.seed, tolerance=self.tolerance)


@dataclass(frozen=True, slots=True)
class Space:
    """The candidates.

    Attributes:
        cells: Under the rules of the race, each once; the setup that nobody tuned comes first.
        refused: Label of a setup -> why it cannot be, for combinations that no backend offers.
        plan: Of all of them, for the facts of the machine and what the user must know.
    """

    cells: tuple[Cell, ...]
    refused: Mapping[str, str]
    plan: Plan

    @property
    def default(self) -> Cell:
        """What runs where nobody tunes: eager in fp32 with all cores, at the least batch."""
        return self.cells[0]


def space_of(asked: Asked, scout: Protocol = SCOUT) -> Space:
    """The candidates of a request.

    Raises:
        UsageError: An unknown name, a value out of range, or nothing to choose from.
    """
    threads = tuple(asked.threads) or _thread_counts(asked.device)
    batches = tuple(asked.batches) or _BATCHES[asked.goal]
    plans = [_plan(asked, scout, asked.backends, count, baseline=count == threads[-1]) for count in threads]
    further = _variants(asked, plans[-1].cells)
    more = [_plan(asked, scout, further, count, baseline=False) for count in threads] if further else []
    every = [cell for plan in (*plans, *more) for cell in plan.cells]
    possible, refused = _possible(every)
    cells = _default_first(possible, min(batches))
    if len(cells) < 2:  # noqa: PLR2004  (the default, and something else)
        raise UsageError(
            "there is nothing to choose from: only the default setup can run",
            when="; ".join(refused.values()) or asked.workload,
            now="name more --backends, --precision, --batch or --threads",
        )
    return Space(cells, refused, plans[-1])


def _plan(asked: Asked, scout: Protocol, labels: Sequence[str], threads: int, *, baseline: bool) -> Plan:
    return make_plan(
        Request(
            workloads=(asked.workload,),
            params=asked.params,
            backends=labels,
            precisions=tuple(asked.precisions) or tuple(map(str, _OFFERED[kind_of(asked.device)])),
            batches=tuple(asked.batches) or _BATCHES[asked.goal],
            device=asked.device,
            threads=threads,
            protocol=asked.rules(scout),
            baseline=baseline,
            tag=asked.tag,
        )
    )


def _variants(asked: Asked, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Variants made for the goal, of backends that nobody chose by name."""
    made = _FOR_GOAL.get((kind_of(asked.device), asked.goal), {})
    used = {cell.setup.backend for cell in cells} if ALL in asked.backends else set()
    return tuple(f"{backend}:{variant}" for backend, variant in made.items() if backend in used)


def _thread_counts(device: str) -> tuple[int, ...]:
    """One and all; a GPU's host side needs one choice only."""
    cores = usable_threads(read_facts(device).values)
    return (cores,) if kind_of(device) != "cpu" or cores == 1 else (1, cores)


def _possible(cells: Iterable[Cell]) -> tuple[list[Cell], dict[str, str]]:
    """Those whose backend offers their precision, and why not for the others."""
    found: dict[str, Cell] = {}
    refused: dict[str, str] = {}
    for cell in cells:
        try:
            catalogue.check_combination(catalogue.get(cell.setup.backend), cell.setup)
        except Unsupported as refusal:
            refused[cell.setup.label] = refusal.what
        else:
            found.setdefault(cell.key, cell)
    return list(found.values()), refused


def _default_first(cells: Sequence[Cell], batch: int) -> tuple[Cell, ...]:
    most = max((cell.setup.threads for cell in cells), default=0)

    def is_default(cell: Cell) -> bool:
        setup = cell.setup
        return setup == Setup(batch=batch, device=setup.device, threads=most)

    return tuple(sorted(cells, key=lambda cell: not is_default(cell)))
