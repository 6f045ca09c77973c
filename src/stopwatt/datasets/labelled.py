"""Which labelled samples accuracy is measured on: others than int8 is calibrated on, while there are others."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stopwatt.datasets.base import Dataset
from stopwatt.datasets.labels import Labels, find_labels, require_labels
from stopwatt.datasets.opening import SAMPLES as CALIBRATED
from stopwatt.datasets.opening import calibration_of, drawn, open_data
from stopwatt.errors import UsageError
from stopwatt.records import Labelled, Protocol
from stopwatt.text import counted

SAMPLES = 500
"""That are drawn where nobody says how many; all that are left, where there are fewer."""


@dataclass(frozen=True, slots=True)
class Data:
    """Data of a user's: what int8 is calibrated on, and what accuracy is measured on where they have labels.

    Attributes:
        data: As `open_data` takes it.
        labels: As `find_labels` takes it.
        samples: That accuracy is measured on; 0 for `SAMPLES`, or all where there are fewer.
        calibrate: That int8 is calibrated on; 0 for the usual number, or half of what there is where that is less.
        images: Folder that names in a list or in annotations are relative to; `None` for where they are.
    """

    data: str
    labels: str = ""
    samples: int = 0
    calibrate: int = 0
    images: Path | None = None


def with_data(rules: Protocol, asked: Data) -> Protocol:
    """The rules with the samples to calibrate on, and those to measure accuracy on where there are labels.

    Raises:
        UsageError: No such data, not so many, or labels that are not theirs.
    """
    for name, value in (("samples", asked.samples), ("calibrate", asked.calibrate)):
        if value < 0:
            raise UsageError(f"--{name} {value} is out of range", now="use 1 or more, or leave it away")
    dataset = open_data(asked.data, asked.images)
    labels = find_labels(dataset, asked.labels, asked.images)
    if labels is None and asked.samples:
        require_labels(dataset, labels, asked.labels)
    count = asked.calibrate or _calibrated(len(dataset), asked.samples, judged=labels is not None)
    calibration = calibration_of(asked.data, images=asked.images, samples=count, seed=rules.seed)
    if labels is None:
        return replace(rules, calibration=calibration)
    return replace(rules, calibration=calibration, accuracy=labelled_of(asked, calibration.samples, rules.seed))


def _calibrated(available: int, samples: int, *, judged: bool) -> int:
    """How many are calibrated on where nobody says: what is left of those that are judged, and half of few."""
    if not judged or available == 1:
        return min(CALIBRATED, available)
    usual = min(CALIBRATED, available // 2)
    return min(usual, available - samples) if 0 < samples < available else usual


def labelled_of(asked: Data, kept_out: int = 0, seed: int = 0) -> Labelled:
    """Draw the labelled samples on which accuracy shall be measured.

    Args:
        asked: The data.
        kept_out: Samples at the front of the draw that are left to calibration.
        seed: Of the draw.

    Raises:
        UsageError: There are not so many, none has a label, or the labels are not theirs.
    """
    dataset = open_data(asked.data, asked.images)
    labels = require_labels(dataset, find_labels(dataset, asked.labels, asked.images), asked.labels)
    if not 0 <= asked.samples <= len(labels.of):
        raise UsageError(
            f"{counted(len(labels.of), 'sample')} of {len(dataset):,} have a label, {asked.samples:,} were asked for",
            when=labels.described,
            now=f"ask for 1 to {len(labels.of)}, or label more",
        )
    others = set(drawn(len(dataset), kept_out, seed))
    free = sum(number not in others for number in labels.of)
    count = asked.samples or min(SAMPLES, free) or len(labels.of)
    root = "" if asked.images is None else str(asked.images)
    wanted = Labelled(asked.data, asked.labels, "", count, seed, root, kept_out, max(0, count - free))
    return replace(wanted, digest=digest_of(dataset, labels, chosen(len(dataset), labels.of, wanted)))


def chosen(available: int, labelled: Collection[int], wanted: Labelled) -> list[int]:
    """Numbers of the samples, rising: in the order of the draw those that are not calibrated on, then those that are.

    Args:
        available: Samples of the data.
        labelled: Numbers of those that have a label.
        wanted: How many, and which draw.
    """
    known = set(labelled)
    order = [int(number) for number in np.random.default_rng(wanted.seed).permutation(available)]
    turns = (*order[wanted.kept_out :], *order[: wanted.kept_out])
    return sorted([number for number in turns if number in known][: wanted.samples])


def digest_of(dataset: Dataset, labels: Labels, numbers: list[int]) -> str:
    """SHA-256 of what samples and labels hold."""
    return hashlib.sha256(f"{dataset.digest(numbers)} {labels.digest(numbers)}".encode()).hexdigest()
