"""Static int8 of an ONNX file with ONNX Runtime's own tool: QDQ notation, weights per channel, calibrated inputs."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stopwatt.backends.cpu_units import has_units
from stopwatt.backends.int8_share import Products, require_int8
from stopwatt.backends.onnx_graph import precision_of, products_of
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Arrays

_OPERATORS = ("Conv", "Gemm", "MatMul")
"""Where the work is. The rest stays in fp32: a mask of -3e38 in a quantised Add would wipe out all scores."""

_INT8_KERNELS = frozenset(
    {"QGemm", "QLinearConv", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "ConvInteger", "QAttention"}
)


def quantize(path: Path, names: Sequence[str], calibration: Sequence[Arrays], setup: Setup) -> Products | None:
    """Replace an fp32 ONNX file by its int8 form; a file that is quantised already stays as it is.

    Args:
        path: The file, with static shapes.
        names: Names of the inputs, in the order of a calibration set.
        calibration: Input sets whose ranges the activations get; at least one.
        setup: Named in errors; its device decides the kind of activations.

    Returns:
        How much of one call's work is int8; `None` for a file that came quantised.

    Raises:
        Unsupported: The tool failed, or most of the work would stay in fp32.
    """
    import onnx

    with quiet():
        if precision_of(onnx.load(str(path), load_external_data=False)) is Precision.INT8:
            return None
        feeds = [dict(zip(names, arrays, strict=True)) for arrays in calibration]
        try:
            _quantize_file(path, feeds, setup)
        except Exception as error:
            text = " ".join(str(error).split())[:300]
            raise Unsupported(
                f"ONNX Runtime's quantiser failed: {type(error).__name__}: {text}",
                when=setup.label,
                now="use openvino for int8, or another precision",
            ) from error
        products = products_of(onnx.load(str(path), load_external_data=False))
        kernels = _int8_kernels(path, setup)
    require_int8(
        products,
        tool=f"ONNX Runtime's static quantisation ({', '.join(_OPERATORS)} only)",
        when=setup.label,
        now="use int8 with eager, which quantises Linear, LSTM and GRU layers, or another precision",
    )
    if not kernels:
        raise Unsupported(
            "ONNX Runtime fused no int8 kernel and would compute in fp32",
            when=setup.label,
            now="use int8 with openvino, or another precision",
        )
    return products


def _int8_kernels(path: Path, setup: Setup) -> int:
    """int8 operators in the graph as the CPU provider optimises it; on a GPU the provider fuses on its own."""
    import onnx
    import onnxruntime as ort

    if device_kind(setup.device) != "cpu":
        return 1
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        optimised = Path(folder) / "optimised.onnx"
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.optimized_model_filepath = str(optimised)
        ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        nodes = onnx.load(str(optimised), load_external_data=False).graph.node
    return sum(node.op_type in _INT8_KERNELS for node in nodes)


def _quantize_file(path: Path, feeds: Sequence[Mapping[str, Any]], setup: Setup) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Feeds(CalibrationDataReader):  # type: ignore[misc]  # the runtime has no type information
        def __init__(self) -> None:
            self._left = iter(feeds)

        def get_next(self) -> Mapping[str, Any] | None:
            return next(self._left, None)

    # Unsigned activations are what x86 multiplies fastest; GPUs and TensorRT take signed symmetric ones only.
    on_cpu = device_kind(setup.device) == "cpu"
    large = path.with_name(f"{path.name}.data").exists()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(prepared), save_as_external_data=large)
        quantize_static(
            str(prepared),
            str(path),
            Feeds(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_OPERATORS),
            per_channel=True,
            # Without VNNI, sums of two products of 8 bits saturate at 16 bits; 7-bit weights do not.
            reduce_range=on_cpu and not has_units(Precision.INT8),
            activation_type=QuantType.QUInt8 if on_cpu else QuantType.QInt8,
            weight_type=QuantType.QInt8,
            use_external_data_format=large,
            extra_options={"ActivationSymmetric": not on_cpu},
        )
