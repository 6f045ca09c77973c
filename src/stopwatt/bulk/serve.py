"""A model inside a worker: pixels in, lines of the journal out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends.base import ModuleBackend, Runner
from stopwatt.backends.catalogue import get
from stopwatt.bulk.records import Failed, Stage, Trouble
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Setup, Workload
from stopwatt.serving.contract import Contract, Decoding, Found, Placement, Task
from stopwatt.serving.decoding import WrongOutputs, decoded
from stopwatt.serving.pixels import normalised

Pixels = NDArray[np.uint8]
_READS = {Task.DETECT: {Decoding.BOXES, Decoding.DETR}, Task.CLASSIFY: {Decoding.LOGITS}}


@dataclass(frozen=True, slots=True)
class Load:
    """What a worker loads: a pack, or a workload that is built in place.

    Attributes:
        pack: Path; empty for a workload.
        workload: With complete parameters; `None` for a pack.
        setup: How it runs. Device and batch count for a pack, too.
        seed: Of a workload's weights.
        task: What the outputs mean; `None` for what the model is for.
    """

    pack: str
    workload: Workload | None
    setup: Setup
    seed: int = 0
    task: Task | None = None


@dataclass(slots=True)
class Model:
    """A model that was made ready.

    Attributes:
        runner: Takes the batch that it was loaded for, always.
        contract: What it is given and what it means.
        batch: Images of every call; a call with fewer is filled up with copies of the last.
        seconds: Of work by stage, since they were last taken.
    """

    runner: Runner
    contract: Contract
    batch: int
    seconds: dict[Stage, float] = field(default_factory=dict)
    _images: Pixels = field(init=False)

    def __post_init__(self) -> None:
        preprocess = self.contract.preprocess
        self._images = np.zeros((self.batch, preprocess.height, preprocess.width, 3), np.uint8)

    def results(self, images: Sequence[Pixels], placements: Sequence[Placement]) -> "list[Found | Failed]":
        """What the model says of each image; where a call fails, of each by itself, so that it costs its own only."""
        try:
            return list(self._call(images, placements))
        except Exception as error:
            if poisoned(error):
                raise
            if len(images) == 1:
                return [_failed(error)]
            alone = zip(images, placements, strict=True)
            return [self.results([image], [placement])[0] for image, placement in alone]

    def warm(self) -> None:
        """One call, whose time and result nobody counts: it loads what is loaded lazily."""
        self._outputs([np.zeros_like(self._images[0])])
        self.seconds.clear()

    def _call(self, images: Sequence[Pixels], placements: Sequence[Placement]) -> list[Found]:
        outputs = self._outputs(images)
        start = perf_counter()
        found = decoded(outputs, self.contract, placements)
        self._count(Stage.POSTPROCESS, start)
        return found

    def _outputs(self, images: Sequence[Pixels]) -> Any:
        start = perf_counter()
        for place in range(self.batch):
            self._images[place] = images[min(place, len(images) - 1)]
        preprocess = self.contract.preprocess
        given = self._images if preprocess.inside else normalised(self._images, preprocess)
        middle = self._count(Stage.PREPARE, start)
        outputs = self.runner.fetch(self.runner.call(self.runner.stage((given,))))
        self._count(Stage.MODEL, middle)
        return outputs

    def _count(self, stage: Stage, start: float) -> float:
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - start
        return now


def load(wanted: Load) -> Model:
    """Make a model ready in this process.

    Raises:
        StopwattError: It cannot run here, cannot be built, or does not say what its images are.
    """
    if wanted.pack:
        from stopwatt.packing.opened import open_pack

        opened = open_pack(wanted.pack)
        setup = wanted.setup
        runner = opened.runner(setup.batch, setup.device, setup.threads)
        return Model(runner, served(opened.contract, wanted.task, wanted.pack), setup.batch)
    return _built(wanted)


def _built(wanted: Load) -> Model:
    from stopwatt.workloads.resolve import resolve

    assert wanted.workload is not None  # noqa: S101  (what is no pack is a workload)
    source, setup = wanted.workload.source, wanted.setup
    built = resolve(source).build(wanted.workload.params, wanted.seed)
    contract = served(built.contract, wanted.task, source)
    if built.fixed_batch is not None and built.fixed_batch != setup.batch:
        setup = replace(setup, batch=built.fixed_batch)
    backend = get(setup.backend)
    if not isinstance(backend, ModuleBackend):
        raise must_be_packed(source, setup)
    calibration = [built.make_inputs(setup.batch, np.random.default_rng(wanted.seed))]
    return Model(backend.prepare(built, setup, calibration), contract, setup.batch)


def must_be_packed(source: str, setup: Setup) -> Unsupported:
    """Why a backend cannot run what is not packed."""
    return Unsupported(
        f"{setup.backend} runs converted models only",
        when=f"running {source} without a pack",
        now=f"stopwatt pack {source} --backend {setup.backend} --precision {setup.precision} --out model.swpack, "
        "then --model model.swpack",
    )


def served(contract: Contract | None, task: Task | None, source: str) -> Contract:
    """The contract of a model for a task.

    Raises:
        UsageError: The model takes no images, or its outputs are not what the task expects.
    """
    if contract is None:
        raise UsageError(
            "the model does not say what images it takes",
            when=source,
            now="return (module, inputs, Contract(...)) from the function that builds it; docs/run.md shows one",
        )
    if task is None or task is contract.task:
        return contract
    if task is Task.RAW:
        return replace(contract, task=task, decoding=Decoding.ARRAYS)
    if task is Task.EMBED:
        return replace(contract, task=task, decoding=Decoding.VECTOR)
    if contract.decoding not in _READS[task]:
        raise UsageError(
            f"the task {task} cannot be read from {contract.decoding}, the outputs of this model",
            when=source,
            now=f"leave --task away ({contract.task}), or take --task raw",
        )
    return replace(contract, task=task)


def poisoned(error: Exception) -> bool:
    """Whether a process that raised this is good for nothing more."""
    from stopwatt.measuring.faults import out_of_memory

    return "CUDA" in str(error) and not out_of_memory(error)


def _failed(error: Exception) -> Failed:
    if isinstance(error, WrongOutputs):
        return Failed(Trouble.WRONG_OUTPUTS, error.what)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return Failed(Trouble.MODEL_FAILED, f"{type(error).__name__}: {first}"[:300])
