"""Two results of arrays for the same images, vectors or raw outputs: how far apart are they.

Both files are read side by side, some rows at a time: memory does not grow with the number of images.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappush, heapreplace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.bulk.comparing.results import Head, comparable, head_of
from stopwatt.errors import UsageError
from stopwatt.measuring import parity
from stopwatt.measuring.parity import Deviation, Mismatch
from stopwatt.serving.contract import Task
from stopwatt.store.parquet import pyarrow

_ROWS = 256
Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class ArraySide:
    """One of the two, in figures: images with a result, without one, and without one of the other."""

    name: str
    images: int
    failed: int
    only: int
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ArrayDifference:
    """What two results say of one image.

    Attributes:
        deviation: Of B from A: largest absolute difference, the same over A's largest absolute value, and the cosine of
            the angle between both; the worst output counts. `None` where they cannot be compared.
        why: They cannot: another shape, or NaN in one of them.
    """

    image_id: int
    file_name: str
    deviation: Deviation | None
    why: str = ""

    @property
    def weight(self) -> float:
        """How much both differ; more than anything where they cannot be compared."""
        return float("inf") if self.deviation is None else self.deviation.relative


@dataclass(frozen=True, slots=True)
class ComparedArrays:
    """Two results side by side.

    Attributes:
        task: `embed` or `raw`.
        tolerance: Largest relative difference of two identical ones.
        images: That both have a result for.
        identical: Of these, within the tolerance.
        incomparable: Of these, of another shape, or with NaN in one only.
        cosine_median: Of the images that can be compared; `None` without any.
        cosine_least: The same.
        absolute: Largest absolute difference; `None` without any.
        relative: Largest relative one.
        worst: Images that differ by more than the tolerance, the worst first.
    """

    a: ArraySide
    b: ArraySide
    task: Task
    tolerance: float
    images: int
    identical: int
    incomparable: int
    cosine_median: float | None
    cosine_least: float | None
    absolute: float | None
    relative: float | None
    worst: tuple[ArrayDifference, ...]

    @property
    def share(self) -> float | None:
        """Share of the images that both have which are identical; `None` where there are none."""
        return self.identical / self.images if self.images else None


def compare_arrays(a: Path, b: Path, tolerance: float = 1e-3, most: int = 12) -> ComparedArrays:
    """Compare the vectors or raw outputs of two runs.

    Args:
        a: Folder of results, or a Parquet file of them; what the other is compared with.
        b: The other.
        tolerance: Largest relative difference of two identical ones.
        most: Worst images that are kept.

    Raises:
        UsageError: No such results are there, they are of other images, or other outputs.
    """
    heads = head_of(a), head_of(b)
    task = comparable(*heads)
    if task not in {Task.EMBED, Task.RAW}:
        raise UsageError(
            f"the results are of the task {task}, not vectors or raw outputs",
            when=str(heads[0].file),
            now="use `stopwatt run compare`, which takes every task",
        )
    if tolerance < 0:
        raise UsageError(f"a tolerance of {tolerance:g} is out of range", now="use 0 or more")
    first, second = _Table(heads[0]), _Table(heads[1])
    sums = _Sums(tolerance, most)
    for one in _differences(first, second):
        sums.add(one)
    cosines = np.array(sums.cosines)
    return ComparedArrays(
        _side(first, second),
        _side(second, first),
        task,
        tolerance,
        images=sums.images,
        identical=sums.identical,
        incomparable=sums.images - len(cosines),
        cosine_median=float(np.median(cosines)) if cosines.size else None,
        cosine_least=float(cosines.min()) if cosines.size else None,
        absolute=sums.absolute,
        relative=sums.relative,
        worst=sums.worst(),
    )


def difference(image: int, name: str, a: Arrays, b: Arrays) -> ArrayDifference:
    """How far the arrays of an image are apart."""
    try:
        deviation = parity.compare(b, a)
    except Mismatch as error:
        return ArrayDifference(image, name, None, str(error))
    if not np.isfinite(deviation.relative):
        return ArrayDifference(image, name, None, "all values of an output are 0 in A and not in B")
    return ArrayDifference(image, name, deviation)


@dataclass(slots=True)
class _Sums:
    """What is kept of all images: eight bytes of each, and the worst ones."""

    tolerance: float
    most: int
    images: int = 0
    identical: int = 0
    absolute: float | None = None
    relative: float | None = None
    cosines: "array[float]" = field(default_factory=lambda: array("d"))
    _worst: list[tuple[float, int, ArrayDifference]] = field(default_factory=list)

    def add(self, one: ArrayDifference) -> None:
        self.images += 1
        if one.deviation is not None:
            self.identical += one.deviation.relative <= self.tolerance
            self.absolute = max(one.deviation.max_abs, self.absolute or 0.0)
            self.relative = max(one.deviation.relative, self.relative or 0.0)
            self.cosines.append(one.deviation.cosine)
        if one.weight > self.tolerance:
            self._keep((one.weight, -self.images, one))

    def _keep(self, entry: tuple[float, int, ArrayDifference]) -> None:
        if len(self._worst) < self.most:
            heappush(self._worst, entry)
        elif self._worst and entry[:2] > self._worst[0][:2]:
            heapreplace(self._worst, entry)

    def worst(self) -> tuple[ArrayDifference, ...]:
        """The worst first; of equal ones the earlier."""
        return tuple(one for *_, one in sorted(self._worst, key=lambda entry: entry[:2], reverse=True))


class _Table:
    """A Parquet file of results."""

    def __init__(self, head: Head) -> None:
        pa, parquet = pyarrow()
        self.head = head
        try:
            self._file = parquet.ParquetFile(head.file)
            self.ids = self._file.read(["image_id"]).column("image_id").to_numpy()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _unreadable(head, str(error).partition("\n")[0]) from error
        names = self._file.schema_arrow.names
        outputs = [name for name in names if name.startswith("output_")]
        self.outputs = tuple(name for name in outputs if f"{name}_dtype" in names and f"{name}_shape" in names)
        self._vectors = "embedding" in names

    def rows(self, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, str, Arrays]]:
        """Id, file name and arrays of those images."""
        begin = 0
        for batch in self._file.iter_batches(batch_size=_ROWS):
            columns = {name: batch.column(name) for name in batch.schema.names}
            arrays = self._embedded(columns) if self._vectors else self._raw(columns)
            for place, found in enumerate(arrays):
                if wanted[begin + place]:
                    yield int(self.ids[begin + place]), columns["file_name"][place].as_py(), found
            begin += batch.num_rows

    def _embedded(self, columns: Mapping[str, Any]) -> Iterator[Arrays]:
        column = columns["embedding"]
        vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
        return ((vector,) for vector in vectors)

    def _raw(self, columns: Mapping[str, Any]) -> Iterator[Arrays]:
        for place in range(len(columns["image_id"])):
            yield tuple(self._array(columns, name, place) for name in self.outputs)

    def _array(self, columns: Mapping[str, Any], name: str, place: int) -> NDArray[Any]:
        data = columns[name][place].as_py()
        try:
            return np.frombuffer(data, columns[f"{name}_dtype"][place].as_py()).reshape(
                columns[f"{name}_shape"][place].as_py()
            )
        except (TypeError, ValueError) as error:
            raise _unreadable(self.head, f"{name} of row {place}: {error}") from error


def _differences(a: _Table, b: _Table) -> Iterator[ArrayDifference]:
    if not (len(a.ids) and len(b.ids)):  # without images a file does not say what its outputs are
        return
    if len(a.outputs) != len(b.outputs):
        raise UsageError(
            f"the two models have another number of outputs: {len(a.outputs)} and {len(b.outputs)}",
            when=f"{a.head.file}, {b.head.file}",
            now="compare runs of one model",
        )
    in_a, in_b = np.isin(a.ids, b.ids), np.isin(b.ids, a.ids)
    if not np.array_equal(a.ids[in_a], b.ids[in_b]):
        raise UsageError(
            "the two files have their images in another order, or one of them twice",
            when=f"{a.head.file}, {b.head.file}",
            now="sort both by image_id, each image once",
        )
    for (image, name, first), (_, _, second) in zip(a.rows(in_a), b.rows(in_b), strict=True):
        yield difference(image, name, first, second)


def _side(mine: _Table, other: _Table) -> ArraySide:
    only = int(np.count_nonzero(~np.isin(mine.ids, other.ids)))
    return ArraySide(mine.head.name, len(mine.ids), len(mine.head.failed), only, mine.head.facts)


def _unreadable(head: Head, why: str) -> UsageError:
    return UsageError(
        f"the results cannot be read: {why}", when=str(head.file), now="name a file that `stopwatt run` wrote"
    )
