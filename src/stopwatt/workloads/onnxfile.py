"""An ONNX file. The runtimes load it as it is; it is only read here, and its external data stay in its folder."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import WorkloadError
from stopwatt.records import Scalar
from stopwatt.workloads import inputs
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import size
from stopwatt.workloads.onnxcheck import checked_external_files
from stopwatt.workloads.source import digest_of_files

_VOCABULARY = 1000
_RANK_OF_IMAGES, _CHANNELS = 4, 3


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the graph: numbers, names of dimensions left open, or nothing known."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class OnnxFile:
    """A family with one model: that of the file."""

    name: str
    path: Path
    open_params = False
    runs_foreign_code = False

    @property
    def summary(self) -> str:
        """One line."""
        return f"the ONNX model {self.path}"

    @property
    def packages(self) -> Sequence[str]:
        """The file is the model: no package changes it."""
        return ()

    @property
    def params(self) -> Sequence[Param]:
        """The dimensions that the file leaves open, besides the batch."""
        names = dict.fromkeys(dim for one in self._inputs for dim in one.shape[1:] if isinstance(dim, str))
        sizes = [size(name, 128, "a dimension that the file leaves open") for name in names]
        if any(one.dtype.kind in "iu" for one in self._inputs):
            sizes.append(size("vocabulary", self._vocabulary, "integer inputs are drawn below this"))
        return tuple(sizes)

    def code(self) -> str:
        """Digest of the file and its external data."""
        return digest_of_files([self.path, *checked_external_files(self._model, self.path)])

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:  # noqa: ARG002  (the weights are given)
        """Check the file and describe its inputs.

        Raises:
            WorkloadError: It is not an ONNX model, or is damaged.
            UnsafeFile: It reaches for data outside its folder.
        """
        checked_external_files(self._model, self.path)
        graph = self._inputs
        vocabulary = int(params.get("vocabulary", self._vocabulary))

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return tuple(_random(one, _sized(one.shape, batch, params), vocabulary, generator) for one in graph)

        fixed = {one.shape[0] for one in graph if one.shape and isinstance(one.shape[0], int)}
        return Built(
            _not_callable,
            make_inputs,
            tuple(one.name for one in graph),
            onnx=self.path.resolve(),
            fixed_batch=int(min(fixed)) if fixed else None,
        )

    @cached_property
    def _model(self) -> Any:
        return _read(self.path)

    @cached_property
    def _inputs(self) -> tuple[Input, ...]:
        weights = {tensor.name for tensor in self._model.graph.initializer}
        return tuple(_input(value) for value in self._model.graph.input if value.name not in weights)

    @cached_property
    def _vocabulary(self) -> int:
        """Rows of the smallest table in which a drawn integer input is looked up: a larger number has no row there."""
        graph = self._model.graph
        drawn = {one.name for one in self._inputs if _is_drawn(one)}
        rows = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
        lookups = [node.input for node in graph.node if node.op_type == "Gather" and _axis(node) == 0]
        tables = [rows[data] for data, indices in lookups if indices in drawn and data in rows]
        return min(tables, default=_VOCABULARY)


def _is_drawn(one: Input) -> bool:
    return one.dtype.kind in "iu" and not any(word in one.name.lower() for word in ("mask", "type"))


def _axis(node: Any) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "axis"), 0)


def _not_callable(*_: Any) -> Any:
    raise WorkloadError("an ONNX file has no PyTorch module", now="use the backend onnxruntime, openvino or tensorrt")


def _read(path: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise WorkloadError("reading ONNX files needs the onnx package", now="pip install 'stopwatt[onnx]'") from error
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise _damaged(path, str(error)) from error
    if not model.ir_version or not model.graph.node or not model.opset_import:
        raise _damaged(path, "it holds no graph")
    return model


def _damaged(path: Path, why: str) -> WorkloadError:
    return WorkloadError(
        f"{path} is not a whole ONNX model: {why}",
        when=f"{path.stat().st_size} bytes were read",
        now="export or fetch the file again",
    )


def _input(value: Any) -> Input:
    import onnx

    tensor = value.type.tensor_type
    if not tensor.elem_type:
        raise WorkloadError(f"the input {value.name!r} is not a tensor", now="export the model with tensor inputs only")
    shape = tuple(
        int(dim.dim_value) if dim.HasField("dim_value") else _dimension(dim.dim_param, value.name, place)
        for place, dim in enumerate(tensor.shape.dim)
    )
    return Input(value.name, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape)


def _dimension(name: str, of: str, place: int) -> str:
    return re.sub(r"\W+", "_", name or f"{of}_{place}").strip("_") or f"dim_{place}"


def _sized(shape: tuple[int | str, ...], batch: int, params: Mapping[str, Scalar]) -> tuple[int, ...]:
    first = tuple(batch if isinstance(dim, str) else dim for dim in shape[:1])
    return first + tuple(int(params[dim]) if isinstance(dim, str) else dim for dim in shape[1:])


def _random(one: Input, shape: tuple[int, ...], vocabulary: int, generator: np.random.Generator) -> NDArray[Any]:
    if one.dtype.kind == "b" or "mask" in one.name.lower():
        return np.ones(shape, one.dtype)
    if one.dtype.kind in "iu":
        if "type" in one.name.lower():
            return np.zeros(shape, one.dtype)  # one sentence: what real token types are
        rows = (int(np.prod(shape[:-1])), shape[-1]) if shape else (1, 1)
        return inputs.tokens(rows, 0, vocabulary, generator).reshape(shape).astype(one.dtype)
    if len(shape) == _RANK_OF_IMAGES and shape[1] == _CHANNELS:
        return inputs.images(shape[0], shape[2], shape[3], generator).astype(one.dtype)
    return generator.standard_normal(shape, dtype=np.float32).astype(one.dtype)
