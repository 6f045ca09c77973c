"""What samples show, as somebody said it: the class of each, or the objects in it. By the number of the sample."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stopwatt.datasets.base import Dataset
from stopwatt.datasets.files import SUFFIXES, open_file
from stopwatt.datasets.images import Images
from stopwatt.datasets.tensors import LABEL, Tensors
from stopwatt.errors import UsageError
from stopwatt.images.labels import FOLDERS, labels_of
from stopwatt.images.source import open_source
from stopwatt.serving.coco import Annotations, read_annotations
from stopwatt.text import counted, one_line

NONE = "none"
"""Asks for no labels, though the data may hold some."""
_COCO = ".json"
_WAYS = (
    "name a CSV file of `file,label`, COCO annotations (.json) or a table with a column `label`, or write `folders` "
    "where each image lies in a folder of its class"
)


@dataclass(frozen=True, slots=True)
class Classes:
    """One class a sample.

    Attributes:
        described: Where it is said.
        of: Name of the class, or its number from 0, by the number of the sample; those without a label are left out.
        named: Whether somebody named them; else the data hold them, and they may mean something else.
    """

    described: str
    of: Mapping[int, str]
    named: bool = True

    def digest(self, numbers: Sequence[int]) -> str:
        """SHA-256 of the classes of these samples, in this order."""
        return hashlib.sha256("\0".join(self.of[number] for number in numbers).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Objects:
    """Boxes with classes.

    Attributes:
        described: Where it is said.
        of: What annotations call the image, by the number of the sample; images that they do not list are left out.
        annotations: Of all images.
        named: Whether somebody named them; else the data hold them.
    """

    described: str
    of: Mapping[int, int]
    annotations: Annotations
    named: bool = True

    def digest(self, numbers: Sequence[int]) -> str:
        """SHA-256 of the objects in these images, in this order, and of the names of all classes."""
        objects = [self.annotations.objects.get(self.of[number], ()) for number in numbers]
        return hashlib.sha256(repr((objects, sorted(self.annotations.categories.items()))).encode()).hexdigest()


Labels = Classes | Objects


def find_labels(dataset: Dataset, labels: str = "", images: Path | None = None) -> Labels | None:
    """What is said of samples; `None` where nothing is.

    Args:
        dataset: The samples.
        labels: A file, `folders`, `none`; empty for what the data hold themselves: annotations that name the images,
            an array or a column `label`, or folders, if every image lies in one and there are several.
        images: Folder that names in annotations are relative to.

    Raises:
        UsageError: The labels cannot be read, or are of none of the samples.
    """
    if labels == NONE:
        return None
    found: Labels | None = None
    if isinstance(dataset, Images):
        found = _of_images(dataset, labels, images)
    elif isinstance(dataset, Tensors):
        found = _of_rows(dataset, labels)
    return None if found is None else replace(found, named=bool(labels))


# --- of images ---


def _of_images(dataset: Images, labels: str, images: Path | None) -> Labels | None:
    if labels and Path(labels).suffix.lower() == _COCO:
        return _annotated(dataset, Path(labels).expanduser(), images)
    if labels:
        found = labels_of(labels, _names(dataset), None)
        return Classes(found.source, found.of)
    if dataset.annotations is None:
        return _by_folder(dataset)
    annotations = read_annotations(dataset.annotations)
    if not annotations.objects:
        return None
    ids = {item.number: item.image_id for item in dataset.items}
    return Objects(f"annotations {dataset.annotations}", ids, annotations)


def _names(dataset: Images) -> dict[int, str]:
    return {item.number: item.name for item in dataset.items}


def _by_folder(dataset: Images) -> Classes | None:
    if not all("/" in item.name and item.frame is None for item in dataset.items):  # a video's folder is no class
        return None
    names = _names(dataset)
    found = labels_of(FOLDERS, names, None)
    several = len(Counter(found.of.values())) > 1
    return Classes(found.source, found.of) if several and len(found.of) == len(names) else None


def _annotated(dataset: Images, file: Path, images: Path | None) -> Objects:
    """Images are told by where they lie: each file may be called otherwise here and there."""
    annotations = read_annotations(file)
    places = {os.path.realpath(item.path): item.image_id for item in open_source(str(file), images=images).items}
    paths = ((item.number, os.path.realpath(item.path)) for item in dataset.items)
    ids = {number: places[path] for number, path in paths if path in places}
    if not ids:
        raise UsageError(
            f"the annotations list none of the images; the first is {one_line(dataset.items[0].name)}",
            when=str(file),
            now="name the annotations of these images, and with --images the folder that their names are relative to",
        )
    return Objects(f"annotations {file}", ids, annotations)


# --- of rows ---


def _of_rows(dataset: Tensors, labels: str) -> Classes | None:
    if not labels:
        return _classes(dataset, LABEL, len(dataset)) if LABEL in dataset.rows else None
    path = Path(labels).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError("labels of a file of arrays are an array or a column", when=f"--labels {labels}", now=_WAYS)
    beside = open_file(path)
    name = LABEL if LABEL in beside.rows else next(iter(beside.rows), "")
    if LABEL not in beside.rows and len(beside.rows) != 1:
        raise UsageError(f"nothing in the file is called {LABEL}", when=str(path), now=f"call the labels `{LABEL}`")
    if len(beside) != len(dataset):
        raise UsageError(
            f"there are {counted(len(beside), 'label')} for {counted(len(dataset), 'sample')}",
            when=str(path),
            now="write one label for each sample, in the same order",
        )
    return _classes(beside, name, len(dataset))


def _classes(rows: Tensors, name: str, count: int) -> Classes:
    words = {number: rows.word(name, number) for number in range(count)}
    return Classes(f"{name} in {rows.described}", {number: word for number, word in words.items() if word})


def require_labels(dataset: Dataset, found: Labels | None, labels: str) -> Labels:
    """The labels.

    Raises:
        UsageError: There are none.
    """
    if found is not None and found.of:
        return found
    where = found.described if found is not None else labels or dataset.described
    raise UsageError("none of the samples has a label", when=where, now=_WAYS)
