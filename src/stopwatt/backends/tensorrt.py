"""TensorRT through its own API: a strongly typed network parsed from ONNX, built into an engine for this GPU.

Written to the documentation of TensorRT 10 and 11 and not yet run by its authors; `check` says so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stopwatt.backends.artifact import read_facts, write_facts
from stopwatt.backends.base import Runner, Support
from stopwatt.backends.onnx_export import write_onnx
from stopwatt.backends.ort_quantize import quantize
from stopwatt.backends.probe import installed_version, probe, torch_support
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind, example_inputs, require_setup
from stopwatt.backends.tensorrt_runner import TensorRtRunner
from stopwatt.errors import Unsupported
from stopwatt.records import PRECISIONS, Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

_SOURCE = "model.onnx"
_ENGINE = "model.engine"


class TensorRt:
    """Builds the engine once; a round deserialises it. An engine is code: only our own is ever loaded."""

    name = "tensorrt"
    summary = "TensorRT, native API"
    variants: Sequence[str] = ()
    packages: Sequence[str] = ("tensorrt", "onnx", "onnxscript", "onnxruntime", "torch")
    calibrates = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """All, on a GPU."""
        return PRECISIONS if device_kind(device) == "cuda" else ()

    def check(self, device: str) -> Support:
        """Whether TensorRT loads and there is a GPU."""
        if device_kind(device) != "cuda":
            return Support(
                False,
                installed_version("tensorrt"),
                why="TensorRT needs an NVIDIA GPU",
                remedy="use --device cuda",
                verified=False,
            )
        found = probe("tensorrt", "stopwatt[tensorrt]", lambda: _look(device))
        return Support(found.usable, found.version, found.why, found.remedy, verified=False)

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Export to ONNX in the setup's format, parse and build.

        Raises:
            Unsupported: An operator that ONNX or TensorRT cannot take, named as the tool names it.
        """
        require_setup(self, setup)
        source = folder / _SOURCE
        write_onnx(built, setup, calibration, source, precision=setup.precision)
        facts: dict[str, Scalar] = {}
        if setup.precision is Precision.INT8:
            sets = calibration or [example_inputs(built, setup, calibration)]
            products = quantize(source, built.input_names, sets, setup)
            facts = {"quantisation": "static QDQ, weights per channel (onnxruntime)"}
            facts |= products.facts() if products is not None else {}
        with quiet():
            plan = _build(source, setup)
        (folder / _ENGINE).write_bytes(plan)
        write_facts(folder, facts)

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Deserialise the engine.

        Raises:
            Unsupported: It does not fit this GPU or this version of TensorRT.
        """
        require_setup(self, setup)
        with quiet():
            import tensorrt as trt
            import torch

            torch.cuda.set_device(setup.device)
            engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine((folder / _ENGINE).read_bytes())
            if engine is None:
                raise Unsupported(
                    f"TensorRT {trt.__version__} cannot load this engine",
                    when=setup.label,
                    now="convert it again on this machine: an engine fits one GPU model and one TensorRT version",
                )
            runner = TensorRtRunner(engine, setup)
        runner.facts |= {"runtime": f"tensorrt {trt.__version__}", **read_facts(folder)}
        return runner


def _build(source: Path, setup: Setup) -> bytes:
    """The serialised engine. A strongly typed network computes in the types that its graph has, and in no others."""
    import tensorrt as trt

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    # Version 11 knows no other kind of network; version 10 has to be told.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(source)):
        raise _parser_refusal(parser, setup)
    config = builder.create_builder_config()
    if setup.precision is Precision.TF32:
        config.set_flag(trt.BuilderFlag.TF32)
    else:
        config.clear_flag(trt.BuilderFlag.TF32)  # on by default
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Unsupported(
            "TensorRT found no implementation for this network",
            when=setup.label,
            now="see the builder's log with `trtexec --onnx=model.onnx --verbose`, or use onnxruntime",
        )
    return bytes(plan)


def _parser_refusal(parser: Any, setup: Setup) -> Unsupported:
    reasons = [str(parser.get_error(place).desc()) for place in range(parser.num_errors)]
    return Unsupported(
        f"TensorRT's parser refuses the graph: {'; '.join(reasons)[:300]}",
        when=setup.label,
        now="use onnxruntime, which runs such operators on its CUDA provider",
    )


def _look(device: str) -> Support:
    import tensorrt as trt

    support = torch_support(device)
    return Support(support.usable, str(trt.__version__), support.why, support.remedy)
