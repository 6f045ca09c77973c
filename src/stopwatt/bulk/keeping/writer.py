"""The files that people read, made of the journal when a run is complete: each is there whole or not at all.

Everything is written in the order of the images and in bounded memory, so equal runs have equal files, byte by byte.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from stopwatt.bulk.keeping.journal import Journal
from stopwatt.bulk.keeping.lines import outcome
from stopwatt.bulk.records import Outcome
from stopwatt.errors import StoreError
from stopwatt.images.items import Items
from stopwatt.serving.coco import as_results
from stopwatt.serving.contract import Contract, Found, Task
from stopwatt.store.atomic import replacing
from stopwatt.store.parquet import pyarrow

DETECTIONS, CLASSES, EMBEDDINGS, RAW = "detections.json", "classes.json", "embeddings.parquet", "raw.parquet"
FAILED, SUMMARY, TICKS = "failed.jsonl", "summary.json", "ticks.jsonl"
PER_IMAGE = "per-image"
"""Folder of the files for single images."""
_DRAFT = ".draft.json"
"""No image's file begins with a dot."""
_ROWS = 512
_LONGEST = 120
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
_DIGESTED = re.compile(r"-[0-9a-f]{12}\Z")


def write_results(folder: Path, journal: Journal, items: Items, contract: Contract, *, per_image: bool) -> list[Path]:
    """Write all results of a complete run.

    Args:
        folder: Of the results.
        journal: With every outcome.
        items: The images.
        contract: Says what the results are.
        per_image: Whether each image gets a file as well.

    Returns:
        What was written.

    Raises:
        StoreError: The disk is full, or refuses; the journal is untouched, and what was written before is whole.
        UsageError: Parquet is needed, and its package is not there.
    """

    def outcomes(*, failed: bool | None = None) -> Iterator[Outcome]:
        return (outcome(entry, items[number]) for number, entry in journal.entries(failed=failed))

    written = [_WRITERS[contract.task](folder, outcomes(failed=False), contract)]
    failed = _write(folder / FAILED, (_line(_failure(one)) for one in outcomes(failed=True)))
    written.append(failed)
    if per_image:
        written.append(_write_each(folder / PER_IMAGE, outcomes(), contract))
    return written


def write_summary(folder: Path, document: Mapping[str, Any]) -> Path:
    """Write `summary.json`."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    return _write(folder / SUMMARY, [f"{text}\n".encode()])


Outcomes = Iterator[Outcome]
"""Of images with a result, in their order."""


def _detections(folder: Path, outcomes: Outcomes, _: Contract) -> Path:
    results = (result for one in outcomes for result in as_results(_found(one), one.item.image_id))
    return _write(folder / DETECTIONS, _as_list(results))


def _classes(folder: Path, outcomes: Outcomes, contract: Contract) -> Path:
    return _write(folder / CLASSES, _as_list(_classified(one, contract) for one in outcomes))


def _embeddings(folder: Path, outcomes: Outcomes, _: Contract) -> Path:
    pa, _parquet = pyarrow()

    def columns(rows: Sequence[Outcome]) -> dict[str, Any]:
        vectors = [np.frombuffer(data, dtype) for dtype, _, data in (_found(one).arrays[0] for one in rows)]
        flat = pa.array(np.concatenate(vectors))
        return _named(rows) | {"embedding": pa.FixedSizeListArray.from_arrays(flat, len(vectors[0]))}

    return _write_parquet(folder / EMBEDDINGS, outcomes, columns)


def _raw(folder: Path, outcomes: Outcomes, _: Contract) -> Path:
    pa, _parquet = pyarrow()

    def columns(rows: Sequence[Outcome]) -> dict[str, Any]:
        made = _named(rows)
        for place in range(len(_found(rows[0]).arrays)):
            arrays = [_found(one).arrays[place] for one in rows]
            made |= {
                f"output_{place}": pa.array([data for _, _, data in arrays], pa.large_binary()),
                f"output_{place}_dtype": pa.array([dtype for dtype, _, _ in arrays]),
                f"output_{place}_shape": pa.array([list(shape) for _, shape, _ in arrays], pa.list_(pa.int64())),
            }
        return made

    return _write_parquet(folder / RAW, outcomes, columns)


_WRITERS = {Task.DETECT: _detections, Task.CLASSIFY: _classes, Task.EMBED: _embeddings, Task.RAW: _raw}


def _found(one: Outcome) -> Found:
    assert one.found is not None  # noqa: S101  (only such are asked for)
    return one.found


def _named(rows: Sequence[Outcome]) -> dict[str, Any]:
    return {"image_id": [one.item.image_id for one in rows], "file_name": [one.item.name for one in rows]}


def _classified(one: Outcome, contract: Contract) -> dict[str, Any]:
    """Scores with six digits, as those of detections."""
    rows = []
    for number, score in _found(one).classes:
        category = contract.category_ids[number] if contract.category_ids else number + 1
        label = {"label": contract.labels[number]} if contract.labels else {}
        rows.append({"category_id": category, **label, "score": round(score, 6)})
    return {"image_id": one.item.image_id, "file_name": one.item.name, "classes": rows}


def _failure(one: Outcome) -> dict[str, Any]:
    assert one.failed is not None  # noqa: S101  (only such are asked for)
    said = {"trouble": str(one.failed.trouble), "why": one.failed.why}
    return {"image_id": one.item.image_id, "file_name": one.item.name, **said}


def _write_each(folder: Path, outcomes: Iterator[Outcome], contract: Contract) -> Path:
    """A file for each image, those without a result as well."""
    draft = folder / _DRAFT
    try:
        folder.mkdir(exist_ok=True)
        for one in outcomes:  # a sync for each would take longer than the run
            draft.write_bytes(_line(_of_one(one, contract)))
            draft.replace(folder / safe_name(one.item.name))
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise StoreError(
            f"the files of single images cannot be written: {error.strerror}", when=str(error.filename2 or folder)
        ) from error
    return folder


def _of_one(one: Outcome, contract: Contract) -> dict[str, Any]:
    """An image's own file."""
    document: dict[str, Any] = {"image_id": one.item.image_id, "file_name": one.item.name}
    if one.placement is not None:
        document |= {"width": one.placement.width, "height": one.placement.height}
    if one.failed is not None:
        document["failed"] = {"trouble": str(one.failed.trouble), "why": one.failed.why}
    elif contract.task is Task.DETECT:
        document["detections"] = as_results(_found(one), one.item.image_id)
    elif contract.task is Task.CLASSIFY:
        document["classes"] = _classified(one, contract)["classes"]
    else:
        document["outputs"] = [_listed(*array) for array in _found(one).arrays]
    return document


def _listed(dtype: str, shape: tuple[int, ...], data: bytes) -> Any:
    """An array as lists; JSON has no NaN and no infinity, so they are null."""
    array = np.frombuffer(data, dtype).reshape(shape)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    numbers = array.astype(object)
    numbers[~np.isfinite(array)] = None
    return numbers.tolist()


def safe_name(name: str) -> str:
    """A file name for an image's results: no folders, no strange characters, not too long, and never that of another.

    `left/0001.jpg` and `right/0001.jpg` stay apart, and so do `a/b.jpg` and `a_b.jpg`: where characters were replaced
    or cut off, a digest of the whole name is added.
    """
    plain = _UNSAFE.sub("_", name)
    if plain == name and len(name) <= _LONGEST and not name.startswith(".") and not _DIGESTED.search(name):
        return f"{name}.json"
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{plain.lstrip('.')[-_LONGEST:]}-{digest}.json"


def _as_list(rows: Iterator[Any]) -> Iterator[bytes]:
    """A JSON list, an element a line."""
    before = b"[\n"
    for row in rows:
        yield before + json.dumps(row, separators=(",", ":"), allow_nan=False).encode()
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _write(path: Path, parts: "Iterator[bytes] | Sequence[bytes]") -> Path:
    with replacing(path, overwrite=True) as file:
        for part in parts:
            file.write(part)
    return path


def _write_parquet(path: Path, outcomes: Iterator[Outcome], columns: Callable[[Sequence[Outcome]], Any]) -> Path:
    pa, parquet = pyarrow()

    def pour(file: BinaryIO) -> None:
        writer = None
        for rows in _chunks(outcomes):
            table = pa.table(columns(rows))
            writer = writer or parquet.ParquetWriter(file, table.schema)
            writer.write_table(table)
        if writer is None:
            parquet.write_table(
                pa.table({"image_id": pa.array([], pa.int64()), "file_name": pa.array([], pa.string())}), file
            )
        else:
            writer.close()

    with replacing(path, overwrite=True) as file:
        pour(file)
    return path


def _chunks(outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    chunk: list[Outcome] = []
    for one in outcomes:
        chunk.append(one)
        if len(chunk) == _ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
