"""Labelled samples as a model takes them, on disk: drawn once in a process of their own, read by the round that judges.

`input_0.npy` and so on hold one array an input, the samples in the first dimension; `truth.json` says what is right.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.datasets.base import Dataset, Sample, Takes, Unreadable
from stopwatt.datasets.images import Images
from stopwatt.datasets.labelled import chosen, digest_of
from stopwatt.datasets.labels import find_labels, require_labels
from stopwatt.datasets.opening import open_data
from stopwatt.datasets.truth import Truth, readable, truth_for
from stopwatt.errors import StopwattError, UsageError
from stopwatt.measuring.building import build
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.drawing import require_known_ids
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.phases import Phases
from stopwatt.records import Labelled, Status
from stopwatt.serving.contract import Placement
from stopwatt.units import quantity
from stopwatt.wire import from_json, to_json
from stopwatt.workloads.base import Arrays

_TRUTH = "truth.json"
_MOST_OF_DISK = 0.5


def draw_labelled(job: Job, phases: Phases) -> Answer:
    """Draw the samples that the cell's protocol names and write them, with what is right, into the job's folder."""
    try:
        _draw(job, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)
    return Answer(Status.OK, phases=phases.seconds)


def _draw(job: Job, phases: Phases) -> None:
    cell, bundle, folder = job.cell, Bundle.load(Path(job.bundle)), Path(job.labelled)
    with phases.phase("labels"):
        dataset, numbers, truth = _chosen(cell.protocol.accuracy, bundle)
    takes = Takes.of(bundle.input_names, bundle.inputs[0], bundle.contract)
    with phases.phase("data"):
        _require_disk(folder, takes, len(numbers))
        truth = _write(dataset, numbers, takes, truth, folder)
    if not truth.why and any(np.dtype(kind).kind == "i" for kind in takes.dtypes):
        with phases.phase("build"):
            built = build(cell)
        with phases.phase("ids"):
            require_known_ids(built, [inputs for inputs, _ in batches_of(folder, len(truth), cell.setup.batch)])
    (folder / _TRUTH).write_bytes(to_json(truth))


def _chosen(wanted: Labelled | None, bundle: Bundle) -> tuple[Dataset, list[int], Truth]:
    """The data, the numbers of the samples in it, and what is right for them."""
    if wanted is None:
        raise StopwattError("the protocol names no labelled data")
    images = Path(wanted.images) if wanted.images else None
    dataset = open_data(wanted.data, images)
    labels = require_labels(dataset, find_labels(dataset, wanted.labels, images), wanted.labels)
    numbers = chosen(len(dataset), labels.of, wanted)
    if digest_of(dataset, labels, numbers) != wanted.digest:
        raise UsageError(
            "data or labels have changed since the samples were drawn", when=dataset.described, now="start again"
        )
    shape = bundle.outputs[0][0].shape if bundle.outputs[0] else ()
    return dataset, numbers, truth_for(labels, numbers, bundle.contract, shape)


def _require_disk(folder: Path, takes: Takes, count: int) -> None:
    """Refuse so many samples where they would fill the disk.

    Raises:
        UsageError: They take more than half of what is free.
    """
    size = count * sum(
        prod(shape) * np.dtype(kind).itemsize for shape, kind in zip(takes.shapes, takes.dtypes, strict=True)
    )
    free = shutil.disk_usage(folder).free
    if size > _MOST_OF_DISK * free:
        raise UsageError(
            f"{count} labelled samples take {quantity(size, 'B')}, more than half of what the disk has free "
            f"({quantity(free, 'B')})",
            when=str(folder),
            now="ask for fewer (--samples), or set STOPWATT_CACHE to a folder on a larger disk",
        )


def _write(dataset: Dataset, numbers: Sequence[int], takes: Takes, truth: Truth, folder: Path) -> Truth:
    """One sample after another, so that memory holds one; what is right for those that could be read."""
    if truth.why:
        return truth
    files = [
        np.lib.format.open_memmap(folder / f"input_{place}.npy", "w+", np.dtype(kind), (len(numbers), *shape))
        for place, (kind, shape) in enumerate(zip(takes.dtypes, takes.shapes, strict=True))
    ]
    places: list[int] = []
    placements: list[Placement | None] = []
    unreadable: list[Unreadable] = []
    for place, found in enumerate(_samples(dataset, numbers, takes)):
        if isinstance(found, Unreadable):
            unreadable.append(found)
            continue
        for file, array in zip(files, found.arrays, strict=True):
            file[len(places)] = array
        places.append(place)
        placements.append(found.placement)
    if not places:
        first = unreadable[0]
        raise UsageError(
            f"none of the labelled samples could be read, such as {first.name}: {first.why}",
            when=dataset.described,
            now="look at the data",
        )
    for file in files:
        file.flush()
    return readable(truth, places, [one for one in placements if one is not None], len(unreadable))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A sample, and where it lies in the input where it is an image."""

    arrays: Sample
    placement: Placement | None = None


def _samples(dataset: Dataset, numbers: Sequence[int], takes: Takes) -> Iterator[_Found | Unreadable]:
    for number in numbers:
        if isinstance(dataset, Images):
            image = dataset.placed(number, takes)
            yield image if isinstance(image, Unreadable) else _Found(*image)
        else:
            sample = dataset.sample(number, takes)
            yield sample if isinstance(sample, Unreadable) else _Found(sample)


def truth_in(folder: Path) -> Truth:
    """What was written down as right."""
    return from_json(Truth, (folder / _TRUTH).read_bytes())


def batches_of(folder: Path, count: int, batch: int) -> Iterator[tuple[Arrays, int]]:
    """The first `count` samples in batches, each with how many of its samples count: the last one is filled up.

    Args:
        folder: Where they were written.
        count: That were.
        batch: Samples of a call.
    """
    paths = sorted(folder.glob("input_*.npy"), key=lambda path: int(path.stem.partition("_")[2]))
    files = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
    for start in range(0, count, batch):
        real = min(batch, count - start)
        yield tuple(_filled(file[start : start + real], batch) for file in files), real


def _filled(samples: NDArray[Any], batch: int) -> NDArray[Any]:
    """The samples in memory of their own, the last one again and again behind them."""
    return np.concatenate([samples, np.repeat(samples[-1:], batch - len(samples), axis=0)])
