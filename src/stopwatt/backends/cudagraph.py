"""A CUDA graph of the eager module: all kernels of a call launched as one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.backends.base import Runner, Support
from stopwatt.backends.eager import TORCH_ON_CUDA
from stopwatt.backends.probe import installed_version, probe, torch_support
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind, example_inputs, require_module, require_setup
from stopwatt.backends.torch_runner import TorchRunner, configure, dtype_of, first_call, unpacking
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

_WARMUP_CALLS = 3
"""Calls on a side stream before the capture, so that libraries allocate their workspaces outside the graph."""


class CudaGraph:
    """Replays a captured graph; inputs are copied into the captured ones inside the call, as a deployment must."""

    name = "cudagraph"
    summary = "eager PyTorch captured into a CUDA graph"
    variants: Sequence[str] = ()
    packages: Sequence[str] = ("torch",)
    shares_process = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """As eager's on a GPU; none on a CPU."""
        return TORCH_ON_CUDA if device_kind(device) == "cuda" else ()

    def check(self, device: str) -> Support:
        """Whether there is a GPU."""
        if device_kind(device) != "cuda":
            return Support(
                False, installed_version("torch"), why="CUDA graphs need a CUDA device", remedy="use --device cuda"
            )
        return probe("torch", "torch", lambda: torch_support(device))

    def prepare(self, built: Built, setup: Setup, calibration: Sequence[Arrays]) -> Runner:
        """Capture one call.

        Raises:
            Unsupported: Not a GPU, not this precision, or the module does something that cannot be captured.
        """
        require_setup(self, setup)
        module = require_module(built, setup)
        example = example_inputs(built, setup, calibration)
        with quiet():
            configure(setup)
            module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
            runner = GraphRunner(module, setup)
            first_call(runner, example)
            with runner.active():
                runner.call = _captured(module, runner.stage(example), setup)
        return runner


class GraphRunner(TorchRunner):
    """Keeps the module: a graph knows its weights by address only, and would read whatever comes to lie there."""

    def __init__(self, module: "torch.nn.Module", setup: Setup) -> None:
        super().__init__(unpacking(module), setup)
        self._module: torch.nn.Module | None = module

    def close(self) -> None:
        """Give back graph and module."""
        super().close()
        self._module = None


def _captured(module: "torch.nn.Module", inputs: "tuple[torch.Tensor, ...]", setup: Setup) -> Callable[[Any], Any]:
    import torch

    graph = torch.cuda.CUDAGraph()
    fixed = tuple(tensor.clone() for tensor in inputs)
    with torch.cuda.device(setup.device):
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARMUP_CALLS):
                module(*fixed)
        torch.cuda.current_stream().wait_stream(side)
        try:
            with torch.cuda.graph(graph):
                outputs = module(*fixed)
        except RuntimeError as error:
            raise Unsupported(
                f"the module cannot be captured into a CUDA graph: {' '.join(str(error).split())[:300]}",
                when=setup.label,
                now="remove what waits for the device from its forward (.item(), .cpu(), shapes that depend on values)",
            ) from error

    def call(staged: Any) -> Any:
        for target, source in zip(fixed, staged, strict=True):
            target.copy_(source)
        graph.replay()
        return outputs

    return call
