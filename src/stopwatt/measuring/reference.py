"""The inputs of a cell and the answers that everything else is compared with: fp32 eager, no TF32."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from stopwatt.backends.base import ModuleBackend, Runner
from stopwatt.backends.catalogue import get
from stopwatt.devices.facts import read_facts
from stopwatt.errors import UsageError, WorkloadError
from stopwatt.measuring.building import build
from stopwatt.measuring.bundle import REFERENCE_BYTES, Bundle
from stopwatt.measuring.job import Job
from stopwatt.measuring.parity import Mismatch, compare, verdict
from stopwatt.measuring.phases import Phases
from stopwatt.records import Cell, Precision, Trouble
from stopwatt.units import quantity
from stopwatt.workloads.base import Arrays, Built


def make_bundle(job: Job, phases: Phases) -> None:
    """Build the workload, draw its input sets, run the reference on them, save both in the job's bundle folder.

    Raises:
        WorkloadError: The workload fails, or its own fp32 answers are not finite.
        UsageError: The workload cannot run this batch size.
    """
    cell = job.cell
    with phases.phase("build"):
        built = build(cell)
    check_batch(built, cell)
    with phases.phase("inputs"):
        inputs = _draw(built, cell)
    with phases.phase("reference"):
        runner, name = _reference(built, cell)
        outputs = _run(runner, inputs)
        if built.module is not None and not outputs[0]:
            raise WorkloadError(
                "the model returns nothing that can be compared",
                now="let its forward return what it computes, as tensors",
            )
    about = (built.classifier, name, built.input_names, built.unordered, built.contract)
    bundle = Bundle(inputs, outputs, *about)
    bundle.save(Path(job.bundle))


def check_batch(built: Built, cell: Cell) -> None:
    """Refuse a batch size that the workload cannot run.

    Raises:
        UsageError: It runs one batch size only, another one.
    """
    if built.fixed_batch is not None and built.fixed_batch != cell.setup.batch:
        raise UsageError(
            f"{cell.workload.source} runs batch {built.fixed_batch} only, not {cell.setup.batch}",
            now=f"use --batch {built.fixed_batch}, or export the model with a dynamic batch dimension",
        )


def _draw(built: Built, cell: Cell) -> tuple[Arrays, ...]:
    """The input sets; what memory cannot hold is refused after the first of them, not when the machine swaps."""
    generator = np.random.default_rng(cell.protocol.seed)
    first = built.make_inputs(cell.setup.batch, generator)
    require_room(cell.protocol.input_sets, cell.setup.batch, sum(array.nbytes for array in first))
    rest = (built.make_inputs(cell.setup.batch, generator) for _ in range(cell.protocol.input_sets - 1))
    return (first, *rest)


def require_room(sets: int, batch: int, size: int) -> None:
    """Refuse so many input sets of so many bytes each where they would make the machine swap.

    Raises:
        MemoryError: They take more than half of the memory that is free.
    """
    available = read_facts().values.get("memory.available")
    if available is not None and sets * size > float(available) / 2:
        raise MemoryError(
            f"{sets} input sets of batch {batch} take {quantity(sets * size, 'B')}, "
            f"more than half of the memory that is free ({quantity(float(available), 'B')})"
        )


def _reference(built: Built, cell: Cell) -> tuple[Runner, str]:
    setup = replace(cell.setup, backend="eager", variant="", precision=Precision.FP32, techniques=())
    if built.onnx is not None:
        from stopwatt.backends.onnxruntime import reference_runner

        return reference_runner(built.onnx, setup), "onnxruntime fp32 on cpu without graph optimisations"
    eager = get("eager")
    assert isinstance(eager, ModuleBackend)  # noqa: S101  (the built-in one)
    return eager.prepare(built, setup, ()), f"eager fp32 on {setup.device}"


def _run(runner: Runner, inputs: tuple[Arrays, ...]) -> tuple[Arrays, ...]:
    """Answers to as many input sets as fit into `REFERENCE_BYTES`, but at least two."""
    outputs: list[Arrays] = []
    with runner.active():
        for one in inputs:
            staged = runner.stage(tuple(array.copy() for array in one))  # what the model does to it stays in the copy
            outputs.append(runner.fetch(runner.call(staged)))
            _check_finite(outputs[-1])
            if len(outputs) == 1:
                _check_same(runner.fetch(runner.call(staged)), outputs[0])
            size = sum(array.nbytes for array in outputs[-1])
            if len(outputs) >= 2 and (len(outputs) + 1) * size > REFERENCE_BYTES:  # noqa: PLR2004
                break
    runner.close()
    return tuple(outputs)


def _check_finite(outputs: Arrays) -> None:
    for place, array in enumerate(outputs):
        if array.dtype.kind not in "fc" or not array.size:
            continue
        if np.isnan(array).any() or not np.isfinite(array).any():
            what = "NaN" if np.isnan(array).any() else "nothing but infinities"
            raise WorkloadError(
                f"the model's own fp32 output {place} holds {what}: nothing can be compared with it",
                now="check the weights and the inputs of the workload",
            )


def _check_same(again: Arrays, first: Arrays) -> None:
    """A second call on the same inputs, which the first one may have changed."""
    try:
        trouble = verdict(compare(again, first), Precision.FP32)
    except Mismatch as mismatch:
        trouble = Trouble(str(mismatch))
    if trouble is not None:
        raise WorkloadError(
            "the model answers the same inputs differently when it is called again",
            when=trouble.what.removeprefix("wrong answers: "),
            now="it draws random numbers, keeps a state, or changes its inputs in place (x = x.clone() first): "
            "let each call start afresh",
        )
