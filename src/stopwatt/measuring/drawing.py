"""Drawing the samples of the user's data on which int8 is calibrated: a job of its own, since data can be damaged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stopwatt.datasets.base import Takes
from stopwatt.datasets.opening import Drawn, batches, drawn, open_data
from stopwatt.errors import StopwattError, UsageError
from stopwatt.measuring.building import build
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.calibration import save
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.reference import require_room
from stopwatt.records import Scalar, Status
from stopwatt.workloads.base import Arrays, Built

SETS, UNREADABLE = "calibration.sets", "calibration.unreadable"
"""Facts of an answer: input sets that were drawn, and samples that could not be read."""


def draw_calibration(job: Job, phases: Phases) -> Answer:
    """Draw the samples that the cell's protocol names and write them into the job's file of calibration data."""
    try:
        facts = _draw(job, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)
    return Answer(Status.OK, phases=phases.seconds, facts=facts)


def _draw(job: Job, phases: Phases) -> dict[str, Scalar]:
    cell, bundle = job.cell, Bundle.load(Path(job.bundle))
    with phases.phase("data"):
        found = _drawn(job, bundle)
    if any(array.dtype.kind == "i" for array in found.sets[0]):
        with phases.phase("build"):
            built = build(cell)
        with phases.phase("ids"):
            require_known_ids(built, found.sets)
    save(Path(job.calibration), found.sets)
    return {SETS: len(found.sets), UNREADABLE: len(found.unreadable)}


def _drawn(job: Job, bundle: Bundle) -> Drawn:
    wanted = job.cell.protocol.calibration
    if wanted is None:
        raise StopwattError("the protocol names no data to calibrate on")
    data = open_data(wanted.data, Path(wanted.images) if wanted.images else None)
    if data.digest(drawn(len(data), wanted.samples, wanted.seed)) != wanted.digest:
        raise UsageError("the data have changed since the samples were drawn", when=data.described, now="start again")
    batch, inputs = job.cell.setup.batch, bundle.inputs[0]
    require_room(wanted.samples // batch, batch, sum(array.nbytes for array in inputs))
    takes = Takes.of(bundle.input_names, inputs, bundle.contract)
    return batches(data, takes, batch, wanted.samples, wanted.seed)


def require_known_ids(built: Built, sets: Sequence[Arrays]) -> None:
    """Refuse whole numbers that a model looks up in a table which has fewer rows: a token outside its vocabulary.

    Found by calling the module once for each set and looking at what its embeddings are given. A model without a module
    is not called: its runtime knows its own tables.

    Raises:
        UsageError: An id is below 0 or beyond the table.
    """
    if built.module is None:
        return
    import torch

    def check(layer: Any, arguments: tuple[Any, ...]) -> None:
        table, ids = int(layer.num_embeddings), arguments[0]
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= table:
            raise UsageError(
                f"the id {low if low < 0 else high} is outside the vocabulary, which is 0 to {table - 1}",
                when="reading the data to calibrate on",
                now="tokenise the data with the tokeniser of this model",
            )

    tables = [layer for layer in built.module.modules() if isinstance(layer, torch.nn.Embedding)]
    hooks = [layer.register_forward_pre_hook(check) for layer in tables]
    try:
        with torch.inference_mode():
            for arrays in sets if tables else ():
                built.module(*(torch.from_numpy(array) for array in arrays))
    finally:
        for hook in hooks:
            hook.remove()
