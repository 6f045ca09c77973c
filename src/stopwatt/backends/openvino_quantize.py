"""Static int8 of an OpenVINO model with NNCF, calibrated on the workload's inputs."""

from collections.abc import Sequence
from math import prod
from typing import Any

from stopwatt.backends.int8_share import Products, Tally, require_int8
from stopwatt.backends.probe import installed_version
from stopwatt.errors import Unsupported
from stopwatt.records import Scalar, Setup
from stopwatt.workloads.base import Arrays

_ATTENTION = frozenset({"Softmax", "ScaledDotProductAttention"})
_INT8 = frozenset({"i8", "u8"})
_WEIGHT_RANK = 3


def quantize(model: Any, calibration: Sequence[Arrays], setup: Setup) -> tuple[Any, dict[str, Scalar]]:
    """The model with its weights and activations quantised where NNCF does so, and facts on the result.

    A model that came quantised stays as it is. Which layers the CPU then runs in int8 is read from a trial compilation.

    Raises:
        Unsupported: NNCF is missing or failed, or most of the work would stay in fp32.
    """
    facts: dict[str, Scalar] = {"quantisation": "as the ONNX file has it"}
    if not any(node.get_type_name() == "FakeQuantize" for node in model.get_ops()):
        model = _quantized(model, calibration, setup)
        facts = {"quantisation": "static, weights per channel (nncf)"}
    products = _products(model)
    require_int8(
        products,
        tool="NNCF's post-training quantisation",
        when=setup.label,
        now="use int8 with eager, which quantises Linear, LSTM and GRU layers, or another precision",
    )
    return model, facts | products.facts()


def _quantized(model: Any, calibration: Sequence[Arrays], setup: Setup) -> Any:
    if not installed_version("nncf"):
        raise Unsupported("int8 with openvino needs nncf", when=setup.label, now="pip install 'stopwatt[openvino]'")
    import nncf

    operators = {node.get_type_name() for node in model.get_ops()}
    try:
        return nncf.quantize(
            model,
            nncf.Dataset(list(calibration), list),
            subset_size=len(calibration),
            # The scheme for transformers keeps the scores before the softmax at a better resolution.
            model_type=nncf.ModelType.TRANSFORMER if operators & _ATTENTION else None,
        )
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        raise Unsupported(
            f"NNCF cannot quantise this model: {type(error).__name__}: {text}",
            when=setup.label,
            now="use int8 with onnxruntime, or another precision",
        ) from error


def _products(model: Any) -> Products:
    """Multiply-adds by the precision in which the CPU plugin says that it runs each layer."""
    import openvino as ov

    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    tally = Tally()
    for node in compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        kind, precision = (_text(info, key) for key in ("layerType", "runtimePrecision"))
        work = _multiply_adds(kind, node)
        if work:
            tally.add(kind, work, int8=precision in _INT8)
    return tally.products()


def _text(info: Any, key: str) -> str:
    return str(info[key].astype(str)) if key in info else ""


def _multiply_adds(kind: str, node: Any) -> float:
    """Multiply-adds of one layer of the executed graph; 0 for layers without products."""
    shapes = [list(port.get_shape()) for port in node.inputs()]
    result = list(node.get_output_shape(0)) if node.get_output_size() else []
    if kind in {"FullyConnected", "MatMul"}:
        return float(prod(result) * shapes[0][-1])
    if kind == "Convolution":
        return float(prod(result) * prod(shapes[1]) / result[1])
    if kind == "RNNSeq":  # inputs: sequence, states, then weights of shape (directions, gates, width)
        weights = [shape for shape in shapes[1:] if len(shape) == _WEIGHT_RANK and shape[1] > 1]
        return float(prod(shapes[0][:-1]) * sum(prod(shape) for shape in weights))
    if kind == "ScaledDotProductAttention":
        return float(2 * prod(shapes[0]) * shapes[1][-2])
    return 0.0
