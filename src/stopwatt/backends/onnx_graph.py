"""What an ONNX graph says about itself: its number format, its shapes, and who computes its products."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

from stopwatt.backends.int8_share import Products, Tally
from stopwatt.records import Precision

_QUANTISED = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearConv",
     "QLinearMatMul", "MatMulNBits"}
)  # fmt: skip


def precision_of(model: Any) -> Precision:
    """Format in which a graph as written multiplies: that of its operators' weights and inputs."""
    import onnx

    if any(node.op_type in _QUANTISED for node in model.graph.node):
        return Precision.INT8
    kinds = [tensor.data_type for tensor in model.graph.initializer]
    kinds += [value.type.tensor_type.elem_type for value in model.graph.input]
    if onnx.TensorProto.BFLOAT16 in kinds:
        return Precision.BF16
    return Precision.FP16 if onnx.TensorProto.FLOAT16 in kinds else Precision.FP32


def fix_shapes(model: Any, shapes: Mapping[str, Sequence[int]]) -> Any:
    """Replace free dimensions by the sizes that the inputs have, everywhere; the model is changed and returned."""
    sizes: dict[str, int] = {}
    for value in model.graph.input:
        if value.name not in shapes:
            continue
        for dimension, size in zip(value.type.tensor_type.shape.dim, shapes[value.name], strict=True):
            if dimension.dim_param:
                sizes[dimension.dim_param] = size
            dimension.dim_value = size
    for value in (*model.graph.output, *model.graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param in sizes:
                dimension.dim_value = sizes[dimension.dim_param]
    return model


def products_of(model: Any) -> Products:
    """Multiply-adds of one call, and which of them have both factors dequantised from 8 bits (the QDQ notation).

    A runtime with int8 kernels fuses such a pair of steps with the operator between them.
    """
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = _shapes(graph)
    producers = {output: node for node in graph.node for output in node.output}
    tally = Tally()
    for node in graph.node:
        work = _multiply_adds(node, shapes)
        if work:
            tally.add(node.op_type, work, int8=all(_dequantised(name, producers) for name in node.input[:2]))
    return tally.products()


def _shapes(graph: Any) -> dict[str, tuple[int, ...]]:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        shapes[value.name] = tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
    return shapes


def _multiply_adds(node: Any, shapes: Mapping[str, tuple[int, ...]]) -> float:
    """Multiply-adds of one node; 0 for operators without products and for shapes that are not known."""
    factors = [shapes.get(name, ()) for name in node.input]
    result = shapes.get(node.output[0], ())
    if node.op_type == "MatMul" and result and factors[0]:
        return float(prod(result)) * factors[0][-1]
    if node.op_type == "Gemm" and result and factors[0]:
        return float(prod(result)) * factors[0][0 if _attribute(node, "transA") else 1]
    if node.op_type == "Conv" and result:
        return float(prod(result)) * prod(factors[1][1:])
    if node.op_type == "ConvTranspose" and factors[0]:
        return float(prod(factors[0])) * prod(factors[1][1:])
    if node.op_type in {"LSTM", "GRU", "RNN"} and factors[0]:
        steps, batch = factors[0][:2]
        return float(steps * batch) * (prod(factors[1]) + prod(factors[2]))
    return 0.0


def _attribute(node: Any, name: str) -> int:
    found: Iterable[int] = (attribute.i for attribute in node.attribute if attribute.name == name)
    return next(iter(found), 0)


def _dequantised(name: str, producers: Mapping[str, Any]) -> bool:
    node = producers.get(name)
    while node is not None and node.op_type in {"Transpose", "Reshape"}:
        node = producers.get(node.input[0])
    return node is not None and node.op_type == "DequantizeLinear"
