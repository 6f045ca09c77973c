"""PyTorch as it comes: the module is called, operator by operator."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from stopwatt.backends.base import Runner, Support
from stopwatt.backends.callable_runner import CallableRunner
from stopwatt.backends.probe import probe, torch_support
from stopwatt.backends.quantize import dynamic_int8
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind, example_inputs, require_module, require_setup
from stopwatt.backends.torch_runner import TorchRunner, configure, dtype_of, on_device, unpacking
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

TORCH_ON_CPU = (Precision.FP32, Precision.FP16, Precision.BF16, Precision.INT8)
TORCH_ON_CUDA = (Precision.FP32, Precision.TF32, Precision.FP16, Precision.BF16)
_GRAD, _NO_GRAD = "grad", "no-grad"


class Eager:
    """Calls the module itself; the reference of all others.

    By itself in inference mode. `grad` records what a backward pass would need, as a script does that forgets to say
    that none comes; `no-grad` does not, but keeps the tensors' version counters.
    """

    name = "eager"
    summary = "PyTorch, operator by operator"
    variants: Sequence[str] = (_GRAD, _NO_GRAD)
    packages: Sequence[str] = ("torch",)
    shares_process = True
    adjusts_threads = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """All on a CPU but tf32, all on a GPU but int8."""
        return TORCH_ON_CUDA if device_kind(device) == "cuda" else TORCH_ON_CPU

    def check(self, device: str) -> Support:
        """Whether torch is there and sees the device."""
        return probe("torch", "torch", lambda: torch_support(device))

    def prepare(self, built: Built, setup: Setup, calibration: Sequence[Arrays]) -> Runner:
        """Put the module into the setup's format on its device. The first call is left to whoever measures it.

        Raises:
            Unsupported: Not this precision, or (a plain callable) not this precision and device.
        """
        require_setup(self, setup)
        if built.module is None and built.onnx is None:
            return _plain(built, setup)
        module = require_module(built, setup)
        example = example_inputs(built, setup, calibration)
        with quiet():
            configure(setup)
            facts: dict[str, Scalar] = {}
            if setup.precision is Precision.INT8:
                module, products = dynamic_int8(module, example, setup)
                facts = {"quantisation": "dynamic, per tensor (torch.ao)", **products.facts()}
            module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
            return _runner(module, setup, facts)


def _runner(module: "torch.nn.Module", setup: Setup, facts: Mapping[str, Scalar]) -> TorchRunner:
    if not setup.variant:
        return TorchRunner(unpacking(module), setup, facts)
    if setup.variant == _GRAD:
        if setup.precision is Precision.INT8:
            raise Unsupported(
                f"eager:{_GRAD} records gradients, and layers in int8 have none", when=setup.label, now="write eager"
            )
        module.requires_grad_(requires_grad=True)
    return _OtherMode(unpacking(module), setup, {**facts, "autograd": setup.variant})


class _OtherMode(TorchRunner):
    """Calls are made in another mode of autograd than inference mode."""

    def active(self) -> AbstractContextManager[None]:
        """Gradients are recorded, or not."""
        import torch

        return on_device(self._device, torch.enable_grad() if self._setup.variant == _GRAD else torch.no_grad())


def _plain(built: Built, setup: Setup) -> Runner:
    if setup.variant:
        raise Unsupported(
            f"{setup.backend_label} concerns PyTorch modules, and a plain callable is called as it is",
            when=setup.label,
            now=f"write {setup.backend}, or let the function return a torch.nn.Module",
        )
    if setup.precision is not Precision.FP32 or device_kind(setup.device) != "cpu":
        raise Unsupported(
            f"a plain callable cannot be moved to {setup.precision} on {setup.device}: it is called as it is",
            when=setup.label,
            now="use fp32 on the cpu, or let the function return a torch.nn.Module",
        )
    return CallableRunner(built.call, {"device": "cpu", "precision": "fp32", "runtime": "python"})
