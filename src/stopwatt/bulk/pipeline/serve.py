"""A model inside a worker: how it is loaded, what it is called with, and what its outputs mean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends.base import ModuleBackend, Runner
from stopwatt.backends.catalogue import get
from stopwatt.errors import Unsupported, UsageError
from stopwatt.images.item import Failed, Trouble
from stopwatt.records import Setup, Workload
from stopwatt.serving.contract import Contract, Decoding, Found, Placement, Task
from stopwatt.serving.decoding import WrongOutputs, decoded
from stopwatt.serving.pixels import normalised
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.base import Arrays

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


@dataclass(frozen=True, slots=True)
class Model:
    """A model that was made ready.

    Attributes:
        runner: Takes the batch that it was loaded for, always.
        contract: What it is given and what it means.
        batch: Images of every call; a call with fewer is filled up with copies of the last.
        device: Where it is.
    """

    runner: Runner
    contract: Contract
    batch: int
    device: str = "cpu"

    def warm(self) -> None:
        """One call, whose time and result nobody counts: it loads what is loaded lazily."""
        batch = Batch(self)
        preprocess = self.contract.preprocess
        self.outputs(batch.staged([np.zeros((preprocess.height, preprocess.width, 3), np.uint8)]))

    def outputs(self, staged: Any) -> Arrays:
        """What it says of a batch."""
        return self.runner.fetch(self.runner.call(staged))

    def found(self, outputs: Arrays, placements: Sequence[Placement]) -> list[Found]:
        """What that means for each image.

        Raises:
            WrongOutputs: They are not what the contract says.
        """
        return decoded(outputs, self.contract, placements)


class Batch:
    """Memory for the input of one call. It is the model's until its outputs were read: they may be views of it."""

    def __init__(self, model: Model) -> None:
        preprocess = model.contract.preprocess
        size = (preprocess.height, preprocess.width)
        self._model = model
        self._staging = staging(model.device)
        empty: NDArray[Any] = (
            np.zeros((model.batch, *size, 3), np.uint8)
            if preprocess.inside
            else np.zeros((model.batch, 3, *size), np.float32)
        )
        self._given = page_locked(empty) if model.device.startswith("cuda") else empty

    def staged(self, images: Sequence[Pixels]) -> Any:
        """Put images there, and where the runner wants them; a batch that is not full gets copies of the last."""
        preprocess, given = self._model.contract.preprocess, self._given
        for place, image in enumerate(images):
            if preprocess.inside:
                given[place] = image
            else:
                normalised(image[None], preprocess, out=given[place : place + 1])
        given[len(images) :] = given[len(images) - 1]
        with self._staging():
            return self._model.runner.stage((given,))


def page_locked(array: NDArray[Any]) -> NDArray[Any]:
    """The same in memory that the kernel never moves: a GPU copies from there by itself, and several times as fast."""
    import torch

    locked: NDArray[Any] = torch.from_numpy(array).pin_memory().numpy()
    return locked


def staging(device: str) -> Callable[[], AbstractContextManager[None]]:
    """The context in which inputs are put on a device while the model runs there.

    On a GPU copies go through a stream of their own: in the model's, one would wait for all of the model's kernels.
    """
    if not device.startswith("cuda"):
        return nullcontext
    import torch

    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @contextmanager
    def apart() -> Iterator[None]:
        with torch.cuda.stream(stream):
            yield
        stream.synchronize()

    return apart


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
        return Model(runner, served(opened.contract, wanted.task, wanted.pack), setup.batch, setup.device)
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
    built, _ = techniques.apply(built, setup, calibration)
    return Model(backend.prepare(built, setup, calibration), contract, setup.batch, setup.device)


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
            now="say it in a file, --contract FILE (of `stopwatt pack` for a pack), or return (module, inputs, "
            "Contract(...)) from the function that builds it; docs/pack.md shows both",
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


def failure(error: Exception) -> Failed:
    """Why an image has no result, where a call with it alone raised this."""
    if isinstance(error, WrongOutputs):
        return Failed(Trouble.WRONG_OUTPUTS, error.what)
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return Failed(Trouble.MODEL_FAILED, f"{type(error).__name__}: {first}"[:300])
