"""A runner over an ONNX Runtime session: inputs and outputs are bound once per staged set, a call is one run."""

import ctypes
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends import bfloat16
from stopwatt.backends.requests import device_index, device_kind
from stopwatt.errors import StopwattError
from stopwatt.records import Scalar, Setup
from stopwatt.workloads.base import Arrays

_BFLOAT16 = 16
"""Element type bfloat16 in ONNX's `TensorProto.DataType`."""

_NUMPY = {"tensor(float16)": np.float16, "tensor(float)": np.float32, "tensor(double)": np.float64}


class OrtRunner:
    """Runs bindings. Every staged set has a binding of its own, so its outputs stay until it runs again.

    Args:
        session: An `onnxruntime.InferenceSession`.
        facts: What the session really does.
    """

    def __init__(self, session: Any, setup: Setup, facts: Mapping[str, Scalar]) -> None:
        self._session = session
        self._device = (device_kind(setup.device), device_index(setup.device))
        self._inputs = [(value.name, value.type) for value in session.get_inputs()]
        self._outputs = [value.name for value in session.get_outputs()]
        self._facts = dict(facts)
        self.call: Callable[[Any], Any] = _calling(session)

    def stage(self, arrays: Arrays) -> Any:
        """A binding with the inputs on the device, floating ones in the graph's type, and room for the outputs."""
        binding = self._session.io_binding()
        # Kept with the binding, which borrows their memory.
        values = [self._value(array, kind) for (_, kind), array in zip(self._inputs, arrays, strict=True)]
        for (name, _), value in zip(self._inputs, values, strict=True):
            binding.bind_ortvalue_input(name, value)
        for name in self._outputs:
            binding.bind_output(name, *self._device)
        return binding, values

    def fetch(self, outputs: Any) -> Arrays:
        """Host copies of a binding's outputs."""
        return tuple(_host_array(value) for value in outputs.get_outputs())

    def active(self) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def computed(self) -> dict[str, Scalar]:
        """Provider, precision and the operators that each provider was given."""
        return dict(self._facts)

    def close(self) -> None:
        """Drop the session."""
        self._session = None
        self.call = _closed

    def _value(self, array: NDArray[Any], kind: str) -> Any:
        import onnxruntime as ort

        if kind == "tensor(bfloat16)":
            bits = bfloat16.to_bits(array)
            host = ort.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, _BFLOAT16)
            if self._device[0] == "cpu":
                return host
            value = ort.OrtValue.ortvalue_from_shape_and_type(list(array.shape), _BFLOAT16, *self._device)
            value.update_inplace(host)
            return value
        wanted = _NUMPY.get(kind, array.dtype) if array.dtype.kind == "f" else array.dtype
        return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array, dtype=wanted), *self._device)


def _calling(session: Any) -> Callable[[Any], Any]:
    run = session.run_with_iobinding

    def call(staged: Any) -> Any:
        binding = staged[0]
        run(binding)
        return binding

    return call


def _closed(_staged: Any) -> Any:
    raise StopwattError("this runner is closed", now="load the artifact again")


def _host_array(value: Any) -> NDArray[Any]:
    if value.data_type() == "tensor(bfloat16)":
        return bfloat16.from_bits(_host_bits(value))
    array = np.array(value.numpy())
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _host_bits(value: Any) -> NDArray[np.uint16]:
    """The bits of a bfloat16 tensor, which the runtime does not hand to numpy."""
    import onnxruntime as ort

    host = ort.OrtValue.ortvalue_from_shape_and_type(value.shape(), _BFLOAT16, "cpu", 0)
    host.update_inplace(value)
    raw = ctypes.string_at(host.data_ptr(), host.tensor_size_in_bytes())
    return np.frombuffer(raw, dtype=np.uint16).reshape(value.shape())
