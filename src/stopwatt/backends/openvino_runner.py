"""A runner over one OpenVINO inference request whose tensors are exchanged before each inference."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends import bfloat16
from stopwatt.errors import StopwattError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays


class OpenVinoRunner:
    """Every staged set has output tensors of its own, so its results stay until it runs again.

    One request serves all sets, as in a deployment: a request for each would multiply the memory for activations.

    Args:
        compiled: An `openvino.CompiledModel` with static shapes.
        facts: What it really does.
    """

    def __init__(self, compiled: Any, facts: Mapping[str, Scalar]) -> None:
        self._compiled = compiled
        self._facts = dict(facts)
        self.request = compiled.create_infer_request()
        self.call: Callable[[Any], Any] = _calling(self.request)

    def stage(self, arrays: Arrays) -> Any:
        """Tensors that share the arrays' memory, and tensors for the outputs."""
        import openvino as ov

        # Kept with the tensors, which borrow their memory.
        ports = self._compiled.inputs
        hosts = [_in_type_of(port, array) for port, array in zip(ports, arrays, strict=True)]
        inputs = [
            ov.Tensor(host, port.get_shape(), port.get_element_type()) for port, host in zip(ports, hosts, strict=True)
        ]
        outputs = [ov.Tensor(port.get_element_type(), port.get_shape()) for port in self._compiled.outputs]
        return list(enumerate(inputs)), list(enumerate(outputs)), hosts

    def fetch(self, outputs: Any) -> Arrays:
        """Copies of the output tensors."""
        return tuple(_host_array(tensor) for _, tensor in outputs)

    def active(self) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def computed(self) -> dict[str, Scalar]:
        """Precision as read back, threads, streams."""
        return dict(self._facts)

    def close(self) -> None:
        """Drop the compiled model."""
        self._compiled = self.request = None
        self.call = _closed


def _calling(request: Any) -> Callable[[Any], Any]:
    set_input, set_output, infer = request.set_input_tensor, request.set_output_tensor, request.infer

    def call(staged: Any) -> Any:
        inputs, outputs, _ = staged
        for place, tensor in inputs:
            set_input(place, tensor)
        for place, tensor in outputs:
            set_output(place, tensor)
        infer(share_outputs=True)  # otherwise the binding copies every output into a new array
        return outputs

    return call


def _closed(_staged: Any) -> Any:
    raise StopwattError("this runner is closed", now="load the artifact again")


def _in_type_of(port: Any, array: NDArray[Any]) -> NDArray[Any]:
    """An input in the element type of its port."""
    if port.get_element_type().get_type_name() == "bf16":
        return bfloat16.to_bits(array)
    return np.require(array, dtype=port.get_element_type().to_dtype(), requirements=["C", "W"])


def _host_array(tensor: Any) -> NDArray[Any]:
    array = np.array(tensor.data)
    if tensor.element_type.get_type_name() == "bf16":  # OpenVINO hands its bits to numpy as if they were float16
        return bfloat16.from_bits(array)
    return array.astype(np.float32) if array.dtype == np.float16 else array
