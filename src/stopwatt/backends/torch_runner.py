"""A runner over a callable on torch tensors, and the settings of torch that decide what is computed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.backends.cpu_units import has_units
from stopwatt.backends.requests import device_kind
from stopwatt.errors import StopwattError, Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays
from stopwatt.workloads.outputs import leaves

if TYPE_CHECKING:
    import torch

_DTYPES = {Precision.FP16: "float16", Precision.BF16: "bfloat16"}


def dtype_of(precision: Precision) -> "torch.dtype":
    """Element type of weights and floating inputs. int8 models take and return float32."""
    import torch

    dtype: torch.dtype = getattr(torch, _DTYPES.get(precision, "float32"))
    return dtype


def configure(setup: Setup) -> None:
    """Set threads and the precision of float32 products explicitly: libraries and user code change both.

    Until told otherwise PyTorch lets cuDNN use tf32 for convolutions and recurrent layers, so plain "fp32" on a GPU
    would be two formats at once; and `set_float32_matmul_precision("medium")` makes oneDNN multiply in bf16 on a CPU.
    The older of PyTorch's two interfaces is used because the newer alone leaves the older unreadable, and the compiler
    reads it.
    """
    import torch

    torch.set_num_threads(setup.threads)
    tf32 = setup.precision is Precision.TF32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    for part in ("matmul", "conv", "rnn"):
        getattr(torch.backends.mkldnn, part).fp32_precision = "ieee"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many intra-operator threads, until the end of the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def uses_tf32() -> bool:
    """Whether torch says that float32 products on CUDA are computed in tf32.

    Raises:
        StopwattError: Matrix products and convolutions differ.
    """
    import torch

    matmul, cudnn = bool(torch.backends.cuda.matmul.allow_tf32), bool(torch.backends.cudnn.allow_tf32)
    if matmul != cudnn:
        raise StopwattError(
            f"float32 products are set to different formats: tf32 is {matmul} for matrices, {cudnn} for convolutions",
            now="do not change torch's precision settings in the workload's code",
        )
    return matmul


class TorchRunner:
    """Runs a callable on tensors.

    Args:
        call: Takes the staged inputs, a tuple of tensors.
        setup: Decides device and element type.
        facts: What the backend knows beyond what the setup says.
        release: Called by `close`.
    """

    def __init__(
        self,
        call: Callable[[Any], Any],
        setup: Setup,
        facts: Mapping[str, Scalar] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        import torch

        self.call = call
        self._setup = setup
        self._device = torch.device(setup.device)
        self._dtype = dtype_of(setup.precision)
        self._facts = dict(facts or {})
        self._release = release

    def stage(self, arrays: Arrays) -> "tuple[torch.Tensor, ...]":
        """Tensors on the device, floating ones in the setup's element type."""
        return tensors(arrays, self._device, self._dtype)

    def fetch(self, outputs: Any) -> Arrays:
        """Host arrays; waits for all streams of the device where there is one, since a model may use its own."""
        if self._device.type == "cuda":
            import torch

            torch.cuda.synchronize(self._device)
        return arrays_of(outputs)

    def active(self) -> AbstractContextManager[None]:
        """Inference mode, on the setup's device."""
        import torch

        return on_device(self._device, torch.inference_mode())

    def computed(self) -> dict[str, Scalar]:
        """What is really computed; tf32 or not is read back from torch."""
        import torch

        facts: dict[str, Scalar] = {
            "runtime": f"torch {torch.__version__}",
            "device": str(self._device),
            "precision": str(self._setup.precision),
            "threads": torch.get_num_threads(),
        }
        if self._device.type == "cuda" and self._setup.precision in {Precision.FP32, Precision.TF32}:
            facts["precision"] = "tf32" if uses_tf32() else "fp32"
        if self._device.type == "cpu" and self._setup.precision in _DTYPES:
            facts["native_arithmetic"] = has_units(self._setup.precision)
        return {**facts, **self._facts}

    def explain(self, error: Exception) -> Exception:
        """`Unsupported` for an error of the first call that says that an operator cannot take the format."""
        return translated(error, self.computed()) if isinstance(error, NotImplementedError | RuntimeError) else error

    def close(self) -> None:
        """Give back what the callable holds."""
        if self._release is not None:
            self._release()
        self.call = _closed


@contextmanager
def on_device(device: "torch.device", mode: AbstractContextManager[Any]) -> Iterator[None]:
    """A mode in which `cuda` without a number means this device: to a module, and to Triton, which launches there."""
    import torch

    with torch.cuda.device(device) if device.type == "cuda" else nullcontext(), mode:
        yield


def _closed(_inputs: Any) -> Any:
    raise StopwattError("this runner is closed", now="prepare the workload again")


def unpacking(module: Callable[..., Any]) -> Callable[[Any], Any]:
    """The thinnest call of a module on a staged tuple."""

    def call(inputs: Any) -> Any:
        return module(*inputs)

    return call


def tensors(arrays: Arrays, device: "torch.device", dtype: "torch.dtype") -> "tuple[torch.Tensor, ...]":
    """Host arrays as tensors on a device; floating ones get the element type, others keep theirs.

    On the CPU a tensor shares its array's memory where no conversion is needed.
    """
    import torch

    made = []
    for array in arrays:
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        made.append(tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype))
    return tuple(made)


def arrays_of(outputs: Any) -> Arrays:
    """Host arrays of all tensors in what a module returned.

    Narrow floats become float32, sparse tensors dense, complex numbers pairs (as exporters write them).
    Other values count only where there is no tensor at all (exporters drop them), and only if they are numbers.
    """
    found = tuple(leaves(outputs))
    arrays = tuple(_array(leaf) for leaf in found if hasattr(leaf, "data_ptr"))
    return arrays or tuple(array for array in map(np.asarray, found) if array.dtype.kind in "biufc")


def _array(tensor: "torch.Tensor") -> Any:
    import torch

    tensor = tensor.detach().to_dense().resolve_neg()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    narrow = tensor.is_floating_point() and tensor.element_size() < 4  # noqa: PLR2004  (float32 has 4 bytes)
    return (tensor.float() if narrow else tensor).cpu().numpy()


def first_call(runner: TorchRunner, example: Arrays) -> Any:
    """Call once, as trials will; compiles what compiles lazily, and finds operators that the precision lacks.

    Raises:
        Unsupported: An operator is not implemented for the element type or device.
    """
    try:
        with runner.active():
            return runner.call(runner.stage(example))
    except (NotImplementedError, RuntimeError) as error:
        raise runner.explain(error) from error


_HALF_NAMES = {"fp16": ("Half", "float16"), "bf16": ("BFloat16", "bfloat16")}


def translated(error: Exception, facts: Mapping[str, Scalar]) -> Exception:
    """`Unsupported` for an operator that cannot take the format; any other error as it is."""
    text = " ".join(str(error).split())
    names = _HALF_NAMES.get(str(facts["precision"]), ())
    lacks = isinstance(error, NotImplementedError) or any(name in text for name in names)
    if not lacks:
        return error
    return Unsupported(
        f"an operator of this model has no {facts['precision']} kernel on {device_kind(str(facts['device']))}:"
        f" {text[:200]}",
        now="use fp32, or another backend",
    )
