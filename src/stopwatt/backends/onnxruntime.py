"""ONNX Runtime, with the execution provider that was asked for and no other."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stopwatt.backends.artifact import read_facts, write_facts
from stopwatt.backends.base import Runner, Support
from stopwatt.backends.onnx_export import write_onnx
from stopwatt.backends.ort_quantize import quantize
from stopwatt.backends.ort_runner import OrtRunner
from stopwatt.backends.probe import probe
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_index, device_kind, example_inputs, require_setup
from stopwatt.errors import Unsupported
from stopwatt.records import PRECISIONS, Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

_FILE = "model.onnx"
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}
_WEIGHTY = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Attention", "MultiHeadAttention"}
)
_ERRORS_ONLY = 3  # severities count from 0, verbose, to 4, fatal


class OnnxRuntime:
    """Exports to ONNX once; a round loads the file."""

    name = "onnxruntime"
    summary = "ONNX Runtime"
    variants: Sequence[str] = tuple(_PROVIDERS)
    packages: Sequence[str] = ("onnxruntime", "onnx", "onnxscript", "torch")
    calibrates = True
    shares_process = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """On a CPU only what its kernels compute; the providers for GPUs take every format from the graph."""
        if device_kind(device) == "cuda":
            return PRECISIONS
        return (Precision.FP32, Precision.INT8)

    def check(self, device: str) -> Support:
        """Whether the installed package has a provider for the device. The ones for GPUs are unverified."""
        gpu = device_kind(device) == "cuda"
        support = probe("onnxruntime", "stopwatt[onnx]", lambda: _look(_PROVIDERS["cuda" if gpu else "cpu"]))
        return replace(support, verified=not gpu)

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Write the ONNX file, quantised for int8.

        Raises:
            Unsupported: No such provider on this device, an operator without ONNX mapping, or int8 in name only.
        """
        require_setup(self, setup)
        _provider(setup)
        path = folder / _FILE
        write_onnx(built, setup, calibration, path, precision=setup.precision)
        facts: dict[str, Scalar] = {}
        if setup.precision is Precision.INT8:
            sets = calibration or [example_inputs(built, setup, calibration)]
            products = quantize(path, built.input_names, sets, setup)
            facts = {"quantisation": "as the ONNX file has it"}
            if products is not None:
                facts = {"quantisation": "static QDQ, weights per channel (onnxruntime)", **products.facts()}
        write_facts(folder, facts)

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Make a session; it must use the provider that was asked for.

        Raises:
            Unsupported: The session uses another provider, or gave it products to compute.
        """
        require_setup(self, setup)
        provider = _provider(setup)
        with quiet():
            import onnxruntime as ort

            ort.disable_telemetry_events()
            if provider not in ort.get_available_providers():
                raise _mismatch(provider, ort.get_available_providers(), setup)
            session = _session(folder / _FILE, provider, setup)
        placed = _placed(session)
        _require_provider(session.get_providers(), placed, provider, setup)
        facts: dict[str, Scalar] = {
            "runtime": f"onnxruntime {ort.__version__}",
            "device": setup.device,
            "precision": str(setup.precision),
            "provider": provider,
            "threads": setup.threads,
        }
        facts |= {f"operators.{name}": sum(operators.values()) for name, operators in placed.items()}
        return OrtRunner(session, setup, facts | read_facts(folder))


def reference_runner(path: Path, setup: Setup) -> Runner:
    """An ONNX file as written, on the CPU and without graph optimisations: what other runs of it are compared with."""
    with quiet():
        import onnxruntime as ort

        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.intra_op_num_threads = setup.threads
        options.log_severity_level = _ERRORS_ONLY
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return OrtRunner(session, replace(setup, device="cpu"), {"device": "cpu", "provider": "CPUExecutionProvider"})


def profiling_runner(folder: Path, setup: Setup, prefix: Path) -> tuple[OrtRunner, Callable[[], str]]:
    """A runner of a converted model whose session times each node, and what ends that and names the file of times.

    Args:
        folder: What `convert` wrote.
        setup: As which it is run.
        prefix: Beginning of the file's path.
    """
    with quiet():
        import onnxruntime as ort

        ort.disable_telemetry_events()
        session = _session(folder / _FILE, _provider(setup), setup, profile=str(prefix))
    return OrtRunner(session, setup, read_facts(folder)), session.end_profiling


def _provider(setup: Setup) -> str:
    """The provider that variant and device name together.

    Raises:
        Unsupported: The variant belongs to another device.
    """
    kind = device_kind(setup.device)
    variant = setup.variant or kind
    if (variant == "cpu") != (kind == "cpu"):
        raise Unsupported(
            f"onnxruntime:{variant} does not run on {setup.device}",
            when=setup.label,
            now=f"use --device {'cpu' if variant == 'cpu' else 'cuda'}, or write onnxruntime alone",
        )
    return _PROVIDERS[variant]


def _session(path: Path, provider: str, setup: Setup, *, profile: str = "") -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = setup.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, profile
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = ort.InferenceSession(str(path), options, providers=_with_options(provider, setup))
    session.disable_fallback()
    return session


def _with_options(provider: str, setup: Setup) -> list[Any]:
    """Providers in order of preference. tf32 is on by default on GPUs, so it is always said explicitly."""
    index = str(device_index(setup.device))
    tf32 = setup.precision is Precision.TF32
    cuda = ("CUDAExecutionProvider", {"device_id": index, "use_tf32": "1" if tf32 else "0"})
    if provider == "CPUExecutionProvider":
        return [provider]
    if provider == "CUDAExecutionProvider":
        return [cuda]
    # TensorRT has no option for tf32 here; the libraries' own switch is read when an engine is built.
    os.environ["NVIDIA_TF32_OVERRIDE"] = "1" if tf32 else "0"
    return [(provider, {"device_id": index}), cuda]


def _placed(session: Any) -> dict[str, Counter[str]]:
    """Operators by provider, as the session assigned them."""
    placed: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        placed.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return placed


def _require_provider(used: Sequence[str], placed: dict[str, Counter[str]], provider: str, setup: Setup) -> None:
    """Check who computes. Operators on shapes may stay on the host; those with products may not.

    Raises:
        Unsupported: Another provider leads, or computes products.
    """
    if not used or used[0] != provider:
        raise _mismatch(provider, used, setup)
    if provider == "TensorrtExecutionProvider" and provider not in placed:
        raise _mismatch(provider, tuple(placed), setup)
    strays = {
        operator: name for name, operators in placed.items() if name != provider for operator in operators & _weights()
    }
    if strays:
        where = ", ".join(f"{operator} on {name}" for operator, name in sorted(strays.items()))
        raise Unsupported(
            f"{provider} was asked for, but ONNX Runtime placed {where}",
            when=setup.label,
            now="use another provider, or a model whose operators this one has",
        )


def _weights() -> Counter[str]:
    return Counter(dict.fromkeys(_WEIGHTY, 1))


def _mismatch(asked: str, used: Sequence[str], setup: Setup) -> Unsupported:
    return Unsupported(
        f"{asked} was asked for, ONNX Runtime offers {', '.join(used) or 'no provider'}",
        when=setup.label,
        now=_remedy(asked),
    )


def _remedy(provider: str) -> str:
    if provider == "CPUExecutionProvider":
        return "pip install --force-reinstall onnxruntime"
    return "pip uninstall -y onnxruntime && pip install onnxruntime-gpu, and check its CUDA libraries with ldd"


def _look(provider: str) -> Support:
    import onnxruntime as ort

    ort.disable_telemetry_events()
    offered = ort.get_available_providers()
    if provider in offered:
        return Support(True, ort.__version__)
    return Support(
        False,
        ort.__version__,
        why=f"this onnxruntime has no {provider}, only {', '.join(offered)}",
        remedy="pip uninstall -y onnxruntime && pip install onnxruntime-gpu",
    )
