"""torch.compile: the module traced by Dynamo and compiled by Inductor, in its own modes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stopwatt.backends.base import Runner, Support
from stopwatt.backends.eager import TORCH_ON_CPU, TORCH_ON_CUDA
from stopwatt.backends.probe import probe, torch_support
from stopwatt.backends.quantize import pt2e_int8
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind, example_inputs, require_module, require_setup
from stopwatt.backends.torch_runner import TorchRunner, configure, dtype_of, first_call, unpacking
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built


class Compile:
    """Compiles at the first call, which `prepare` makes."""

    name = "compile"
    summary = "torch.compile with Inductor, static shapes"
    variants: Sequence[str] = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
    packages: Sequence[str] = ("torch", "torchao")
    calibrates = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """As eager's."""
        return TORCH_ON_CUDA if device_kind(device) == "cuda" else TORCH_ON_CPU

    def check(self, device: str) -> Support:
        """Whether torch sees the device and its compiler finds the tools it needs (a C++ compiler on a CPU)."""
        return probe("torch", "torch", lambda: compiler_support(device))

    def prepare(self, built: Built, setup: Setup, calibration: Sequence[Arrays]) -> Runner:
        """Compile by calling once, in the mode that the variant names.

        Raises:
            Unsupported: Not this precision, or int8 would leave most of the model in fp32.
        """
        require_setup(self, setup)
        module = require_module(built, setup)
        example = example_inputs(built, setup, calibration)
        with quiet():
            import torch
            from torch import _dynamo as dynamo
            from torch._inductor import config as inductor

            dynamo.reset()
            configure(setup)
            # By default Dynamo gives up a function that calls nn.LSTM or nn.GRU: the "compiled" module runs eagerly.
            dynamo.config.allow_rnn = True
            # At its limit of recompilations Dynamo would call the module eagerly from then on, and only log it.
            dynamo.config.fail_on_recompile_limit_hit = True
            facts: dict[str, Scalar] = {}
            if setup.precision is Precision.INT8:
                module, products = pt2e_int8(module, calibration or [example], setup)
                facts = {"quantisation": "static, weights per channel (torchao PT2E)", **products.facts()}
            else:
                module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
            # A global setting, not a context: a recompilation in mid-run must not fall back to unfrozen fp32 code.
            inductor.freezing = setup.precision is Precision.INT8
            compiled = torch.compile(module, mode=setup.variant or "default", dynamic=False)
            runner = CompiledRunner(unpacking(compiled), setup, facts, dynamo.reset)
            runner.compile(example)
        return runner


class CompiledRunner(TorchRunner):
    """Counts what Dynamo and Inductor do from its making on."""

    def __init__(
        self, call: Callable[[Any], Any], setup: Setup, facts: Mapping[str, Scalar], release: Callable[[], None]
    ) -> None:
        super().__init__(call, setup, facts, release)
        self._mode = setup.variant or "default"
        self._begin = self._first = _counters()

    def compile(self, example: Arrays) -> None:
        """Make the first call; what is compiled later is a recompilation.

        Raises:
            Unsupported: An operator lacks a kernel, Dynamo compiled nothing, or (int8) Inductor used no int8 kernel.
        """
        first_call(self, example)
        self._first = _counters()
        if not self.computed()["graphs"]:
            raise Unsupported(
                "Dynamo compiled no part of this module: it would be eager by another name",
                when=self._setup.label,
                now="see TORCH_LOGS=graph_breaks for the reason, or use aoti or torchscript",
            )
        if self._setup.precision is Precision.INT8 and not self.computed()["int8_kernels"]:
            raise Unsupported(
                "Inductor found no int8 kernel for this model and would multiply in fp32",
                when=self._setup.label,
                now="use int8 with eager, onnxruntime or openvino",
            )

    def computed(self) -> dict[str, Scalar]:
        """Also: graphs, graph breaks and recompilations up to now, and the int8 kernels of an int8 setup."""
        now = _counters()
        facts = {**super().computed(), "mode": self._mode}
        facts["graphs"] = now["graphs"] - self._begin["graphs"]
        facts["graph_breaks"] = now["graph_breaks"] - self._begin["graph_breaks"]
        facts["recompilations"] = now["frames"] - self._first["frames"]
        # Anything compiled from nothing makes this a first start; later starts find it in Inductor's cache.
        facts["compile_cache"] = "miss" if now["cache_misses"] > self._begin["cache_misses"] else "hit"
        if self._setup.precision is Precision.INT8:
            facts["int8_kernels"] = now["int8_kernels"] - self._begin["int8_kernels"]
        return facts


def _counters() -> dict[str, int]:
    from torch._dynamo.utils import counters

    inductor: Mapping[str, int] = counters["inductor"]
    lowered = [
        n for name, n in inductor.items() if name.startswith(("qlinear", "qconv")) and name.endswith("lower_count")
    ]
    return {
        "frames": counters["frames"]["ok"],
        "graphs": counters["stats"]["unique_graphs"],
        "graph_breaks": sum(counters["graph_break"].values()),
        "int8_kernels": sum(lowered),
        "cache_misses": inductor.get("fxgraph_cache_miss", 0) + inductor.get("fxgraph_cache_bypass", 0),
    }


def compiler_support(device: str) -> Support:
    """Whether torch sees the device and Inductor finds a C++ compiler, which it needs on a CPU."""
    support = torch_support(device)
    if not support.usable or device_kind(device) != "cpu":
        return support
    from torch._inductor import cpp_builder

    try:
        cpp_builder.get_cpp_compiler()
    except Exception as error:  # noqa: BLE001  (its error types are private)
        why = f"Inductor finds no C++ compiler: {' '.join(str(error).split())[:120]}"
        return Support(False, support.version, why=why, remedy="apt-get install g++")
    return support
