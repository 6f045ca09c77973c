"""What the results of a run are: of which task, in which file, and what stands beside them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopwatt.bulk.keeping import folder as folders
from stopwatt.bulk.keeping.journal import NAME as JOURNAL
from stopwatt.bulk.keeping.writer import CLASSES, DETECTIONS, EMBEDDINGS, FAILED, RAW, SUMMARY
from stopwatt.errors import UsageError
from stopwatt.serving.contract import Task
from stopwatt.text import one_line

FILES = {Task.DETECT: DETECTIONS, Task.CLASSIFY: CLASSES, Task.EMBED: EMBEDDINGS, Task.RAW: RAW}
"""In which file a run of each task leaves its results."""
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
_LOOKED_AT = 1 << 16
"""Bytes of a JSON file that are looked at to find out what it holds."""


@dataclass(frozen=True, slots=True)
class Head:
    """Results of a run before they are read.

    Attributes:
        name: As the user wrote it.
        task: What they are.
        file: That holds them.
        failed: Images without a result, by id.
        data: Which images they are of; empty where nobody knows.
        labels: Names of the categories, by what the results call them, where they are known.
        facts: Of the run: model, backend, precision.
    """

    name: str
    task: Task
    file: Path
    failed: frozenset[int] = frozenset()
    data: str = ""
    labels: Mapping[int, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def head_of(path: Path) -> Head:
    """What the results at a path are.

    Args:
        path: Folder of results, or a file of them.

    Raises:
        UsageError: There are none.
    """
    if not path.is_dir():
        return Head(str(path), _task_of(path), path)
    found = [(task, path / name) for task, name in FILES.items() if (path / name).exists()]
    if not found:
        raise UsageError(
            f"the folder holds no {', '.join(FILES.values())}",
            when=str(path),
            now="name the --out folder of a run that is complete; the same command completes it",
        )
    task, file = found[0]
    contract = folders.contract_of(path)
    names = contract.labels if contract is not None else ()
    numbers = contract.category_ids if contract is not None else ()
    return Head(
        str(path),
        task,
        file,
        failed=frozenset(_failed(path / FAILED)),
        data=str(_first(path / JOURNAL).get("identity", {}).get("data", "")),
        labels=dict(zip(numbers or range(1, len(names) + 1), names, strict=False)),
        facts=_document(path / SUMMARY).get("facts", {}),
    )


def comparable(a: Head, b: Head) -> Task:
    """What both results are.

    Raises:
        UsageError: They are of two tasks, or of other images.
    """
    if a.task is not b.task:
        raise UsageError(
            f"results of two tasks cannot be compared: {a.task} and {b.task}",
            when=f"{a.file}, {b.file}",
            now="compare two runs of one task: stopwatt run --task says which",
        )
    if a.data and b.data and a.data != b.data:
        raise UsageError(
            "the two runs are of different images",
            when=f"{a.name}: {a.data}; {b.name}: {b.data}",
            now=f"compare runs of the same data, or their files: {a.file} {b.file}",
        )
    return a.task


def _task_of(path: Path) -> Task:
    """What a file of results holds, by how it begins; its reader says what is wrong with it."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError as error:
        raise UsageError(
            f"the results cannot be read: {error.strerror}",
            when=str(path),
            now="name the --out folder of a run, or a file of results",
        ) from error
    if start.startswith(b"PAR1"):
        return Task.EMBED if _has_vectors(path) else Task.RAW
    if not start.lstrip(_BEFORE_JSON).startswith((b"[", b"{")):
        raise UsageError(
            "the file holds no results: it is neither JSON nor Parquet",
            when=str(path),
            now="name the --out folder of a run, or a file of results",
        )
    return Task.CLASSIFY if b'"classes"' in start and b'"bbox"' not in start else Task.DETECT


def _has_vectors(path: Path) -> bool:
    from stopwatt.store.parquet import pyarrow

    pa, parquet = pyarrow()
    try:
        return "embedding" in parquet.read_schema(path).names
    except pa.ArrowException as error:
        raise UsageError(
            f"the file is no whole Parquet file: {str(error).partition(chr(10))[0]}",
            when=str(path),
            now="name the results of a run that is complete",
        ) from error


def _failed(path: Path) -> Iterator[int]:
    """Ids of the images that a list of failures names; none where it is not there.

    Raises:
        UsageError: It cannot be read.
    """
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            yield from (int(json.loads(line)["image_id"]) for line in file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"the list of images that failed cannot be read: {one_line(str(error))}",
            when=str(path),
            now="give the command of that run again: it writes its results anew",
        ) from error


def _document(path: Path) -> Mapping[str, Any]:
    """A JSON object that says more about a run; empty where it is not there or cannot be read."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _first(path: Path) -> Mapping[str, Any]:
    """The same from the first line of a file."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.readline())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
