"""TorchScript: the module traced, frozen and saved; loaded without its Python code."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.backends.artifact import read_facts, write_facts
from stopwatt.backends.base import Runner, Support
from stopwatt.backends.eager import TORCH_ON_CPU, TORCH_ON_CUDA
from stopwatt.backends.probe import probe, torch_support
from stopwatt.backends.quantize import dynamic_int8
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind, example_inputs, require_module, require_setup
from stopwatt.backends.torch_runner import (
    TorchRunner,
    configure,
    dtype_of,
    first_call,
    tensors,
    unpacking,
)
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

_FILE = "model.pt"


class TorchScript:
    """Traces with one set of inputs: control flow that depends on values is fixed to what these inputs take."""

    name = "torchscript"
    summary = "TorchScript: traced, frozen, optimised for inference"
    variants: Sequence[str] = ()
    packages: Sequence[str] = ("torch",)
    shares_process = True
    adjusts_threads = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """As eager's."""
        return TORCH_ON_CUDA if device_kind(device) == "cuda" else TORCH_ON_CPU

    def check(self, device: str) -> Support:
        """Whether torch is there and sees the device."""
        return probe("torch", "torch", lambda: torch_support(device))

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Trace, freeze and save.

        Raises:
            Unsupported: Tracing failed, or not this precision.
        """
        require_setup(self, setup)
        module = require_module(built, setup)
        example = example_inputs(built, setup, calibration)
        with quiet():
            configure(setup)
            facts: dict[str, Scalar] = {}
            if setup.precision is Precision.INT8:
                module, products = dynamic_int8(module, example, setup)
                facts = {"quantisation": "dynamic, per tensor (torch.ao)", **products.facts()}
            module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
            _save_traced(module, example, setup, folder / _FILE)
        write_facts(folder, facts)

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Load and apply the optimisations that cannot be saved (weights packed for oneDNN)."""
        require_setup(self, setup)
        with quiet():
            configure(setup)
            module, facts = _optimised(folder / _FILE, setup.device)
        return TorchRunner(unpacking(module), setup, facts | read_facts(folder))


def _optimised(path: Path, device: str) -> "tuple[torch.jit.ScriptModule, dict[str, Scalar]]":
    """The program, optimised where torch's own passes manage that (on some graphs they fail), and which it is."""
    import torch

    loaded = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]
    try:
        with torch.no_grad():
            return torch.jit.optimize_for_inference(loaded), {}
    except RuntimeError as error:
        again = torch.jit.load(str(path), map_location=device)  # type: ignore[no-untyped-call]  # the first is half done
        reason = str(error).strip().partition("\n")[0]
        return again, {"optimised": f"no: optimize_for_inference fails: {reason[:200]}"}


def _save_traced(module: "torch.nn.Module", example: Arrays, setup: Setup, path: Path) -> None:
    import torch

    first_call(TorchRunner(unpacking(module), setup), example)
    inputs = tensors(example, torch.device(setup.device), dtype_of(setup.precision))
    try:
        with torch.no_grad():
            # Comparing two traces is left to the correctness gate, which compares with eager itself.
            traced = torch.jit.trace(module, inputs, check_trace=False)  # type: ignore[no-untyped-call]
            frozen = torch.jit.freeze(traced.eval())
    except (RuntimeError, TypeError) as error:
        text = " ".join(str(error).split())[:300]
        raise Unsupported(
            f"TorchScript cannot trace this module: {text}",
            when=setup.label,
            now="let its forward take and return tensors only, or use compile",
        ) from error
    torch.jit.save(frozen, str(path))
