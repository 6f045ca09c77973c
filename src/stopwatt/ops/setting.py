"""A model in its setup, as operators see it: its capture, the place of its operators, the caches there."""

from dataclasses import replace
from typing import TYPE_CHECKING

from stopwatt.devices.cpu import core_cache, largest_cache
from stopwatt.devices.resolve import kind_of
from stopwatt.operators.capture import Capture
from stopwatt.operators.memory import Caches
from stopwatt.operators.replay import Place
from stopwatt.ops.capturing import run_capture
from stopwatt.ops.places import place_of
from stopwatt.records import Cell, Precision
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.plan import Request

if TYPE_CHECKING:
    from stopwatt.store.database import Store


def captured(store: "Store", asked: Request, cell: Cell, watcher: Watcher | None = None) -> Capture:
    """The capture of a cell, of the same code, versions and machine; taken now if the store has none.

    Args:
        store: Keeps it.
        asked: What the cell was planned from.
        cell: Whose workload and setup are meant.
        watcher: Looks on.

    Raises:
        PartlyFailed: The model could not be captured.
    """
    known = store.operators.capture_of(cell.workload, cell.setup)
    if known is not None and is_of(known, cell):
        return known
    alone = replace(
        asked,
        backends=(cell.setup.backend_label,),
        precisions=(str(cell.setup.precision),),
        batches=(cell.setup.batch,),
    )
    (capture,) = run_capture(alone, watcher=watcher, keep=store.operators.save_capture)
    return capture


def place_for(cell: Cell) -> Place:
    """Where the operators of a cell run. They name their own types; how float32 is multiplied is the place's."""
    precision = Precision.TF32 if cell.setup.precision is Precision.TF32 else Precision.FP32
    return place_of(cell.setup.device, cell.setup.threads, precision)


def caches_for(device: str, threads: int) -> Caches:
    """On a CPU level 2 of the cores that work and the last level; a GPU has one that all its units share.

    That of a GPU counts half. In those for data centres (from A100 on) it is two halves, each with a copy of what its
    own units read (NVIDIA A100 Tensor Core GPU Architecture, 2020): what all of them read is there twice.
    """
    if kind_of(device) == "cpu":
        return Caches(core_cache() * threads, largest_cache())
    from stopwatt.devices.cuda_driver import l2_bytes

    shared = l2_bytes(int(device.partition(":")[2] or 0)) / 2
    return Caches(shared, shared)


def is_of(capture: Capture, cell: Cell) -> bool:
    """Whether a capture is of the code, the versions and the machine that a cell is measured with."""
    same = (capture.code, capture.machine) == (cell.code, cell.machine)
    return same and dict(capture.software) == dict(cell.software)
