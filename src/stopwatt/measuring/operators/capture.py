"""Take one call of a workload apart, in this process. Reads like the story of a capture."""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.backends.base import ArtifactBackend, ModuleBackend, Runner
from stopwatt.backends.catalogue import get
from stopwatt.devices.base import Device
from stopwatt.devices.facts import read_facts
from stopwatt.devices.paging import fault_seconds, faults, keep_memory
from stopwatt.devices.resolve import device as find_device
from stopwatt.devices.resolve import kind_of
from stopwatt.devices.retention import retention
from stopwatt.errors import StopwattError, WorkloadError
from stopwatt.measuring.building import build
from stopwatt.measuring.calibration import own_calibration
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.operators.interior import Interior, take_apart
from stopwatt.measuring.operators.kernels import kernels_of, with_names
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.reference import check_batch
from stopwatt.measuring.round import explained
from stopwatt.operators.capture import Capture
from stopwatt.records import Cell, Status
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

BRIEF_S = 0.2
"""Plain calls go on for so long, if the first one was shorter; else one more is made."""
MOST_CALLS = 5
"""Plain calls after the first, at most."""
_MANY_PAGES = 64
_CHURNED = 3
_CHURN_S = 0.5
"""Calls with and without page faults, and how long they may take together."""
_PLAUSIBLE = 2.0
"""Times the usual cost of a page: what is further away is the machine's doing."""
_BY_KEYWORD = re.compile(r"missing \d+ required (positional|keyword-only) arguments?|takes \d+ positional arguments?")


def capture_call(job: Job, phases: Phases) -> Answer:
    """Build the workload of a job, make it ready as a measuring round does, and take one call apart.

    Whatever goes wrong is part of the answer.
    """
    try:
        capture = _capture(job.cell, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)
    return Answer(Status.OK, phases=phases.seconds, capture=capture)


def _capture(cell: Cell, phases: Phases) -> Capture:
    with phases.phase("build"):
        built = build(cell)
    check_batch(built, cell)
    with phases.phase("inputs"):
        generator = np.random.default_rng(cell.protocol.seed)
        inputs = [built.make_inputs(cell.setup.batch, generator)]
    with phases.phase("techniques"):
        built, _ = techniques.apply(built, cell.setup, inputs)
    device = find_device(cell.setup.device)
    with tempfile.TemporaryDirectory(prefix="stopwatt-") as folder:
        runner = _ready(cell, built, own_calibration(built, cell) or inputs, Path(folder), phases)
        try:
            with runner.active():
                return _Story(cell, built, inputs[0], runner, device, Path(folder), phases).capture()
        finally:
            runner.close()


def _ready(cell: Cell, built: Built, inputs: Sequence[Arrays], folder: Path, phases: Phases) -> Runner:
    """The runner. A model that is converted is converted here: for names of kernels other than for measuring."""
    backend = get(cell.setup.backend)
    if isinstance(backend, ModuleBackend):
        with phases.phase("load"), with_names(cell.setup):
            return backend.prepare(built, cell.setup, inputs)
    if not isinstance(backend, ArtifactBackend):
        raise StopwattError(f"backend {cell.setup.backend!r} can neither prepare a module nor load an artifact")
    with phases.phase("convert"), with_names(cell.setup):
        backend.convert(built, cell.setup, inputs, folder)
    with phases.phase("load"):
        return backend.load(folder, cell.setup)


@dataclass(frozen=True, slots=True)
class _Story:
    """What a capture is made from."""

    cell: Cell
    built: Built
    arrays: Arrays
    runner: Runner
    device: Device
    folder: Path
    phases: Phases

    def capture(self) -> Capture:
        """The plain calls, then the one that is taken apart."""
        plain = self._plain_calls()
        begin = now_ns()
        interior = self._interior()
        with self.phases.phase("kernels"):
            kernels, notes = kernels_of(self.runner, self.arrays, self.cell.setup, self.folder)
        parameters, weight_bytes = _weights(self.built.module)
        with self.phases.phase("machine"):
            kept = retention() if self.device.kind == "cpu" else ()
            page_s = self._page_seconds(plain)
        return Capture(
            workload=self.cell.workload,
            setup=self.cell.setup,
            operators=interior.operators,
            sequence=interior.sequence,
            places=interior.places,
            gaps_ns=interior.gaps_ns,
            modules=interior.modules,
            leaves=interior.leaves,
            kernels=kernels,
            parameters=parameters,
            weight_bytes=weight_bytes,
            page_faults=plain.page_faults,
            page_fault_s=page_s,
            cache_kept=kept,
            seconds={"forward": plain.seconds, "capture": (now_ns() - begin) / 1e9},
            code=self.cell.code,
            software=self.cell.software,
            machine=self.cell.machine,
            facts={**self.runner.computed(), "inputs": self._input_shapes()},
            notes=(*interior.notes, *notes),
        )

    def _input_shapes(self) -> str:
        """`input_ids int64 1x128, attention_mask int64 1x128`."""
        shapes = ("x".join(map(str, array.shape)) or "scalar" for array in self.arrays)
        named = zip(self.built.input_names, self.arrays, shapes, strict=False)
        return ", ".join(f"{name} {array.dtype} {shape}" for name, array, shape in named)

    def _inputs(self) -> Any:
        return self.runner.stage(tuple(array.copy() for array in self.arrays))

    def _plain_calls(self) -> "PlainCalls":
        """The second one, or a few more where calls are short."""
        staged = self._inputs()
        with self.phases.phase("first call"), explained(self.runner), _positional(self.built):
            first_s = self._timed(staged)
        with self.phases.phase("plain calls"):
            return plain_calls(lambda: self._timed(staged), first_s)

    def _page_seconds(self, plain: "PlainCalls") -> float:
        """What a page costs: in this model's own calls, if it takes many and is short; else in general.

        The process keeps its memory from here on.
        """
        usual_s = fault_seconds()
        if plain.page_faults < _MANY_PAGES or plain.seconds * (2 * _CHURNED + 1) > _CHURN_S:
            return usual_s
        staged = self._inputs()
        with_faults = _several(lambda: self._timed(staged), _CHURNED)
        if not keep_memory():
            return usual_s
        self._timed(staged)  # takes for good what it needs
        without = _several(lambda: self._timed(staged), _CHURNED)
        own_s = page_seconds(with_faults, without)
        return own_s if usual_s / _PLAUSIBLE <= own_s <= usual_s * _PLAUSIBLE else usual_s

    def _timed(self, staged: Any) -> float:
        begin = now_ns()
        self.runner.call(staged)
        self.device.synchronize()
        return (now_ns() - begin) / 1e9

    def _interior(self) -> Interior:
        name = getattr(self.built.call, "__name__", type(self.built.call).__name__)
        with self.phases.phase("capture"):
            return take_apart(
                self.runner.call,
                self._inputs,
                device=kind_of(self.cell.setup.device),
                whole=name,
                model=self.built.module,
                room=_room(),
                compiled=self.cell.setup.backend != "eager",
            )


@dataclass(frozen=True, slots=True)
class PlainCalls:
    """Calls of a model that nobody watches: medians of their seconds and of their page faults."""

    seconds: float
    page_faults: float


def plain_calls(timed: Callable[[], float], first_s: float) -> PlainCalls:
    """Some plain calls: one if the first call was long, so that capturing stays cheap; else a few.

    Args:
        timed: Calls and says how long it took.
        first_s: What the first call took.
    """
    if first_s >= BRIEF_S:
        return _several(timed, 1)
    return _several(timed, MOST_CALLS, enough_s=BRIEF_S)


def _several(timed: Callable[[], float], count: int, enough_s: float = float("inf")) -> PlainCalls:
    """So many calls, or fewer that took long enough together."""
    taken: list[float] = []
    pages: list[int] = []
    while len(taken) < count and sum(taken) < enough_s:
        before = faults()
        taken.append(timed())
        pages.append(faults() - before)
    return PlainCalls(median(taken), median(pages))


def page_seconds(with_faults: PlainCalls, without: PlainCalls) -> float:
    """What a page cost, from calls that took many and calls that took few; 0 where that says nothing."""
    pages = with_faults.page_faults - without.page_faults
    return max(0.0, (with_faults.seconds - without.seconds) / pages) if pages >= _MANY_PAGES else 0.0


@contextmanager
def _positional(built: Built) -> Iterator[None]:
    """Say what inputs can be where a model wants others."""
    try:
        yield
    except TypeError as error:
        if not _BY_KEYWORD.search(str(error)):
            raise
        raise WorkloadError(
            f"TypeError: {error}",
            when=f"the model is called with its {len(built.input_names)} inputs by position",
            now="return a module whose forward takes the inputs by position and passes them on by name",
        ) from error


def _room() -> float:
    """Bytes that remembered outputs may take: a quarter of the memory that is free."""
    available = read_facts().values.get("memory.available")
    return float("inf") if available is None else float(available) / 4


def _weights(module: "torch.nn.Module | None") -> tuple[int, int]:
    """Numbers in the parameters, and bytes of parameters and buffers."""
    if module is None:
        return 0, 0
    own = list(module.parameters())
    return sum(one.numel() for one in own), sum(one.numel() * one.element_size() for one in (*own, *module.buffers()))
