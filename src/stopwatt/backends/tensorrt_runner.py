"""A runner over a TensorRT execution context; its tensors are torch's, on torch's current stream."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from stopwatt.backends.torch_runner import arrays_of
from stopwatt.errors import StopwattError
from stopwatt.records import Scalar, Setup
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch


class TensorRtRunner:
    """Every staged set has output tensors of its own.

    Args:
        engine: A `tensorrt.ICudaEngine` with static shapes.
        setup: Names the device.

    Attributes:
        facts: What is known of the engine; the backend adds to it.
    """

    def __init__(self, engine: Any, setup: Setup) -> None:
        import tensorrt as trt
        import torch

        self._engine = engine
        self._device = torch.device(setup.device)
        names = [engine.get_tensor_name(place) for place in range(engine.num_io_tensors)]
        self._inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        self._outputs = [name for name in names if name not in self._inputs]
        self.facts: dict[str, Scalar] = {"device": str(self._device), "precision": str(setup.precision)}
        self.facts |= {f"type.{name}": str(engine.get_tensor_dtype(name)) for name in names}
        self.call: Callable[[Any], Any] = _calling(engine.create_execution_context())

    def stage(self, arrays: Arrays) -> Any:
        """Tensors by name with their addresses: the inputs, and room for the outputs."""
        import torch

        tensors = {}
        for name, array in zip(self._inputs, arrays, strict=True):
            tensors[name] = torch.from_numpy(array).to(self._device, self._dtype(name)).contiguous()
        outputs = []
        for name in self._outputs:
            shape = tuple(self._engine.get_tensor_shape(name))
            tensors[name] = torch.empty(shape, dtype=self._dtype(name), device=self._device)
            outputs.append(tensors[name])
        torch.cuda.synchronize(self._device)
        return [(name, tensor.data_ptr()) for name, tensor in tensors.items()], tuple(outputs), tensors

    def fetch(self, outputs: Any) -> Arrays:
        """Host copies; waits for the device."""
        return arrays_of(outputs)

    def active(self) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def computed(self) -> dict[str, Scalar]:
        """Device, precision, and the types of the engine's inputs and outputs."""
        return dict(self.facts)

    def close(self) -> None:
        """Drop engine and context."""
        self._engine = None
        self.call = _closed

    def _dtype(self, name: str) -> "torch.dtype":
        import tensorrt as trt
        import torch

        known: dict[Any, torch.dtype] = {
            trt.DataType.FLOAT: torch.float32,
            trt.DataType.HALF: torch.float16,
            trt.DataType.BF16: torch.bfloat16,
            trt.DataType.INT64: torch.int64,
            trt.DataType.INT32: torch.int32,
            trt.DataType.BOOL: torch.bool,
            trt.DataType.UINT8: torch.uint8,
        }
        return known[self._engine.get_tensor_dtype(name)]


def _calling(context: Any) -> Callable[[Any], Any]:
    import torch

    set_address, execute, stream = context.set_tensor_address, context.execute_async_v3, torch.cuda.current_stream

    def call(staged: Any) -> Any:
        addresses, outputs, _ = staged
        for name, address in addresses:
            set_address(name, address)
        if not execute(stream().cuda_stream):
            raise StopwattError("TensorRT refused to run the engine", now="see the messages of its logger")
        return outputs

    return call


def _closed(_staged: Any) -> Any:
    raise StopwattError("this runner is closed", now="load the artifact again")
