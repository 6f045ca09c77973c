"""From what a user names to a data set, and from that to input sets of a model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from stopwatt.datasets.base import Dataset, Sample, Takes, Unreadable
from stopwatt.datasets.files import SUFFIXES, open_file
from stopwatt.datasets.images import Images
from stopwatt.errors import UsageError
from stopwatt.images.source import open_source
from stopwatt.records import Calibration
from stopwatt.text import counted
from stopwatt.workloads.base import Arrays

SAMPLES = 128
"""That are drawn where nobody says how many; all, where there are fewer."""


def open_data(data: str, images: Path | None = None) -> Dataset:
    """Find the samples. None is read.

    Args:
        data: A folder, list, pattern or annotations of images, a video, or a file of arrays by input name.
        images: Folder that the names in a list or in annotations are relative to; `None` for where they are.

    Raises:
        UsageError: There is no such thing, or nothing in it.
    """
    path = Path(data).expanduser()
    if path.suffix.lower() not in SUFFIXES or path.is_dir():
        source = open_source(data, images=images)
        return Images(source.described, source.items, source.annotations)
    if images is not None:
        raise UsageError("a file of arrays names no images", when=str(path), now="leave --images away")
    found = open_file(path)
    if not len(found):
        raise UsageError("there are no samples in the file", when=str(path), now="name a file that holds some")
    return found


def calibration_of(data: str, *, images: Path | None = None, samples: int = 0, seed: int = 0) -> Calibration:
    """Draw the samples on which int8 shall be calibrated.

    Args:
        data: As `open_data` takes it.
        images: As `open_data` takes it.
        samples: How many; 0 for `SAMPLES`, or all where there are fewer.
        seed: Of the draw.

    Raises:
        UsageError: There are not so many, or none.
    """
    if samples < 0:
        raise UsageError(f"{samples} samples are out of range", now="use 1 or more, or 0 for the default")
    found = open_data(data, images)
    if samples > len(found):
        raise UsageError(
            f"the data have {counted(len(found), 'sample')}, {samples} were asked for",
            when=found.described,
            now=f"ask for {len(found)} at most, or name more data",
        )
    count = samples or min(SAMPLES, len(found))
    root = "" if images is None else str(images)
    return Calibration(data, found.digest(drawn(len(found), count, seed)), count, seed, root)


def drawn(available: int, wanted: int, seed: int) -> list[int]:
    """Numbers of the samples that are drawn, rising; equal seeds draw equal ones."""
    chosen = np.random.default_rng(seed).permutation(available)[:wanted]
    return sorted(int(number) for number in chosen)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for a model.

    Attributes:
        sets: Inputs of one call each, the batch in the first dimension.
        unreadable: Samples that gave nothing.
    """

    sets: tuple[Arrays, ...]
    unreadable: tuple[Unreadable, ...]


def batches(dataset: Dataset, takes: Takes, batch: int, count: int, seed: int = 0) -> Drawn:
    """Samples of a data set in batches. What cannot be read is left out, and so is what fills no batch.

    Args:
        dataset: That is drawn from.
        takes: What the model takes.
        batch: Samples of a call.
        count: Samples that are drawn.
        seed: Of the draw.

    Raises:
        UsageError: The samples are not what the model takes, or too few for one batch.
    """
    unreadable: list[Unreadable] = []
    samples = _readable(dataset, takes, drawn(len(dataset), count, seed), unreadable)
    sets = tuple(iter(lambda: tuple(islice(samples, batch)), ()))
    whole = [one for one in sets if len(one) == batch]
    if not whole:
        raise _too_few(dataset, sum(map(len, sets)), batch, unreadable)
    return Drawn(tuple(tuple(map(np.stack, zip(*one, strict=True))) for one in whole), tuple(unreadable))


def _readable(dataset: Dataset, takes: Takes, numbers: Sequence[int], unreadable: list[Unreadable]) -> Iterator[Sample]:
    for number in numbers:
        sample = dataset.sample(number, takes)
        if isinstance(sample, Unreadable):
            unreadable.append(sample)
        else:
            yield sample


def _too_few(dataset: Dataset, count: int, batch: int, unreadable: Sequence[Unreadable]) -> UsageError:
    first = next((f"; {len(unreadable)} could not be read, such as {one.name}: {one.why}" for one in unreadable), "")
    return UsageError(
        f"{counted(count, 'sample')} fill no batch of {batch}{first}",
        when=f"drawing from the {dataset.described}",
        now="draw more (--calibrate), name more data, or take a smaller batch",
    )
