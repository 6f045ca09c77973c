"""OpenVINO, told in which precision to compute: left alone, it takes bf16 for fp32 wherever the CPU has it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stopwatt.backends.artifact import read_facts, write_facts
from stopwatt.backends.base import Runner, Support
from stopwatt.backends.cpu_units import has_units
from stopwatt.backends.onnx_export import write_onnx
from stopwatt.backends.openvino_quantize import quantize
from stopwatt.backends.openvino_runner import OpenVinoRunner
from stopwatt.backends.probe import probe
from stopwatt.backends.quiet import quiet, without_telemetry
from stopwatt.backends.requests import device_kind, example_inputs, require_setup
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built

_FILE = "model.xml"
_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "fp16": "f16"}
"""int8 models carry their format in the graph; what is not quantised shall be fp32, not bf16."""

_TYPES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


class OpenVino:
    """Converts through ONNX to OpenVINO's own format; a round reads that."""

    name = "openvino"
    summary = "OpenVINO on the CPU"
    variants: Sequence[str] = ("latency", "throughput")
    packages: Sequence[str] = ("openvino", "nncf", "onnx", "onnxscript", "torch")
    calibrates = True
    shares_process = True

    def precisions(self, device: str) -> Sequence[Precision]:
        """On a CPU: fp32 and int8, and the half formats that the CPU has units for. No NVIDIA GPUs."""
        if device_kind(device) != "cpu":
            return ()
        halves = tuple(precision for precision in (Precision.FP16, Precision.BF16) if has_units(precision))
        return (Precision.FP32, *halves, Precision.INT8)

    def check(self, device: str) -> Support:
        """Whether OpenVINO loads and finds a CPU."""
        return probe("openvino", "stopwatt[openvino]", lambda: _look(device))

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Export to ONNX, read, quantise for int8, and save with fp32 weights.

        Raises:
            Unsupported: An operator cannot be converted, or int8 in name only.
        """
        require_setup(self, setup)
        source = folder / "source.onnx"
        example = example_inputs(built, setup, calibration)
        # A half-precision hint works on an fp32 graph: OpenVINO converts the weights when it compiles.
        graph = Precision.INT8 if setup.precision is Precision.INT8 else Precision.FP32
        write_onnx(built, setup, calibration, source, precision=graph)
        facts: dict[str, Scalar] = {}
        without_telemetry()
        with quiet():
            import openvino as ov

            model = _read(source, setup)
            model.reshape({place: list(array.shape) for place, array in enumerate(example)})
            if setup.precision is Precision.INT8:
                model, quantisation = quantize(model, calibration or [example], setup)
                facts |= quantisation
            # By default weights would be saved as float16.
            ov.save_model(model, str(folder / _FILE), compress_to_fp16=False)
        write_facts(folder, facts)
        for left in folder.glob("source.onnx*"):
            left.unlink()

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Compile for this CPU and read back what it will compute in.

        Raises:
            Unsupported: It would compute in another precision than was asked for.
        """
        require_setup(self, setup)
        hint = _HINTS[setup.precision]
        without_telemetry()
        with quiet():
            import openvino as ov

            compiled = ov.Core().compile_model(str(folder / _FILE), "CPU", _properties(setup))
        real = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        require_precision(hint, real, setup)
        facts: dict[str, Scalar] = {
            "runtime": f"openvino {ov.__version__.partition('-')[0]}",
            "device": str(compiled.get_property("EXECUTION_DEVICES")[0]).lower(),
            "precision": str(setup.precision),
            "inference_precision": real,
            "threads": int(compiled.get_property("INFERENCE_NUM_THREADS")),
            "streams": int(compiled.get_property("NUM_STREAMS")),
            "hint": str(compiled.get_property("PERFORMANCE_HINT")).lower(),
        }
        return OpenVinoRunner(compiled, facts | read_facts(folder))


def profiling_runner(folder: Path, setup: Setup) -> OpenVinoRunner:
    """A runner of a converted model that times each node: its request has `profiling_info`."""
    without_telemetry()
    with quiet():
        import openvino as ov

        properties = {**_properties(setup), "PERF_COUNT": True}
        return OpenVinoRunner(ov.Core().compile_model(str(folder / _FILE), "CPU", properties), read_facts(folder))


def _properties(setup: Setup) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _HINTS[setup.precision],
        "INFERENCE_NUM_THREADS": setup.threads,
        "PERFORMANCE_HINT": (setup.variant or "latency").upper(),
    }


def require_precision(asked: str, real: str, setup: Setup) -> None:
    """Compare the hint given with the one that the compiled model reports.

    Raises:
        Unsupported: They differ.
    """
    if real != asked:
        raise Unsupported(
            f"OpenVINO computes in {_TYPES.get(real, real)}, {_TYPES[asked]} was asked for",
            when=setup.label,
            now=f"use a CPU with {_TYPES[asked]} units, or --precision fp32",
        )


def _read(source: Path, setup: Setup) -> Any:
    import openvino as ov

    try:
        return ov.Core().read_model(str(source))
    except RuntimeError as error:
        text = " ".join(str(error).split())[-300:]
        raise Unsupported(
            f"OpenVINO cannot read the ONNX graph: {text}", when=setup.label, now="use onnxruntime"
        ) from error


def _look(device: str) -> Support:
    without_telemetry()
    import openvino as ov

    version = ov.__version__.partition("-")[0]
    if device_kind(device) != "cpu":
        return Support(False, version, why="OpenVINO does not run on NVIDIA GPUs", remedy="use --device cpu")
    if "CPU" not in ov.Core().available_devices:
        remedy = f"pip install --force-reinstall 'openvino=={version}'"
        return Support(False, version, why="OpenVINO loads no CPU plugin", remedy=remedy)
    return Support(True, version)
