"""AOTInductor: the module exported and compiled ahead of time into a package that needs no Python code."""

import contextlib
import ctypes
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.backends.artifact import read_facts, write_facts
from stopwatt.backends.base import Runner, Support
from stopwatt.backends.compile import compiler_support
from stopwatt.backends.eager import TORCH_ON_CPU, TORCH_ON_CUDA
from stopwatt.backends.probe import probe
from stopwatt.backends.quantize import pt2e_int8
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_index, device_kind, example_inputs, require_module, require_setup
from stopwatt.backends.torch_runner import TorchRunner, configure, dtype_of, first_call, tensors, unpacking
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

_FILE = "model.pt2"
_INT8_CALL = re.compile(r"\baoti_torch_cpu__q(?:linear|conv)\w*\(")


class Aoti:
    """Compiles for exactly the shapes, threads and kind of CPU that it sees."""

    name = "aoti"
    summary = "AOTInductor: torch.export, compiled ahead of time"
    variants: Sequence[str] = ()
    packages: Sequence[str] = ("torch", "torchao")
    calibrates = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """As eager's."""
        return TORCH_ON_CUDA if device_kind(device) == "cuda" else TORCH_ON_CPU

    def check(self, device: str) -> Support:
        """As compile's. On a GPU it is unverified: no whole run there has been seen to end well yet."""
        support = probe("torch", "torch", lambda: compiler_support(device))
        return replace(support, verified=device_kind(device) == "cpu")

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Export and compile.

        Raises:
            Unsupported: The module cannot be exported, not this precision, or no int8 kernel came of int8.
        """
        require_setup(self, setup)
        module: torch.nn.Module = require_module(built, setup)
        example = example_inputs(built, setup, calibration)
        int8 = setup.precision is Precision.INT8
        with quiet():
            configure(setup)
            facts: dict[str, Scalar] = {}
            if int8:
                module, products = pt2e_int8(module, calibration or [example], setup)
                facts = {"quantisation": "static, weights per channel (torchao PT2E)", **products.facts()}
            else:
                module = module.to(device=setup.device, dtype=dtype_of(setup.precision))
                first_call(TorchRunner(unpacking(module), setup), example)
            _compile(module, example, setup, folder / _FILE)
        if int8:
            facts["int8_kernels"] = _require_int8_calls(folder / _FILE, setup)
        write_facts(folder, facts)

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Load the package onto the setup's device."""
        require_setup(self, setup)
        with quiet():
            from torch._inductor import aoti_load_package

            configure(setup)
            share_cpp_library()
            index = device_index(setup.device) if device_kind(setup.device) == "cuda" else -1
            package = aoti_load_package(str(folder / _FILE), device_index=index)
        return TorchRunner(unpacking(package), setup, read_facts(folder))


def share_cpp_library() -> None:
    """Let packages use the C++ library that this process has already loaded, for all of its symbols.

    Python loads extensions for themselves (`RTLD_LOCAL`). A package in which the compiler left parts of the library
    then used these beside those of the process: with torch 2.11 its first regular expression ended in SIGSEGV.
    """
    with contextlib.suppress(OSError):  # another C++ library than GNU's
        ctypes.CDLL("libstdc++.so.6", ctypes.RTLD_GLOBAL)


def _compile(module: "torch.nn.Module", example: Arrays, setup: Setup, path: Path) -> None:
    import torch
    from torch._inductor import aoti_compile_and_package, config

    inputs = tensors(example, torch.device(setup.device), dtype_of(setup.precision))
    with torch.no_grad():
        try:
            exported = torch.export.export(module, inputs, strict=False)
        except Exception as error:
            text = " ".join(str(error).split())[:300]
            raise Unsupported(
                f"torch.export cannot export this module: {type(error).__name__}: {text}",
                when=setup.label,
                now="use compile, which runs what it cannot trace; https://docs.pytorch.org/docs/stable/export.html",
            ) from error
        # Only with frozen weights does Inductor fold quantised ones into int8 kernels; else it multiplies in fp32.
        with config.patch(freezing=setup.precision is Precision.INT8):
            aoti_compile_and_package(exported, package_path=str(path))


def _require_int8_calls(package: Path, setup: Setup) -> int:
    """Calls of int8 kernels in the generated code, which the package carries.

    Raises:
        Unsupported: There are none.
    """
    with zipfile.ZipFile(package) as archive:
        sources = [archive.read(name).decode(errors="replace") for name in archive.namelist() if name.endswith(".cpp")]
    calls = sum(len(_INT8_CALL.findall(source)) for source in sources)
    if not calls:
        raise Unsupported(
            "Inductor found no int8 kernel for this model and would multiply in fp32",
            when=setup.label,
            now="use int8 with eager, onnxruntime or openvino",
        )
    return calls
