"""Post-training int8 of PyTorch modules: dynamic (eager, TorchScript) and static through PT2E (the compilers)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.backends.int8_share import Products, Tally, require_int8
from stopwatt.backends.probe import installed_version
from stopwatt.backends.requests import device_kind
from stopwatt.backends.torch_runner import tensors
from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch


def _float_tensors(arrays: Arrays) -> "tuple[torch.Tensor, ...]":
    import torch

    return tensors(arrays, torch.device("cpu"), torch.float32)


def dynamic_int8(module: "torch.nn.Module", example: Arrays, setup: Setup) -> "tuple[torch.nn.Module, Products]":
    """Linear, LSTM and GRU layers with int8 weights; their inputs are quantised by their range in each call.

    Returns:
        The quantised module, and how much of one call's work it does in int8.

    Raises:
        Unsupported: Most of the work would stay in fp32 (convolutions have no dynamic int8 kernels).
    """
    import torch
    from torch.ao.quantization import quantize_dynamic

    _require_cpu(setup)
    kinds = {torch.nn.Linear, torch.nn.LSTM, torch.nn.GRU}
    quantised: torch.nn.Module = quantize_dynamic(module, kinds, dtype=torch.qint8)  # type: ignore[no-untyped-call]
    products = _dynamic_products(quantised, _float_tensors(example))
    require_int8(
        products,
        tool="dynamic quantisation (Linear, LSTM and GRU layers only)",
        when=setup.label,
        now="use int8 with compile, onnxruntime or openvino, which quantise convolutions",
    )
    return quantised, products


def _dynamic_products(module: "torch.nn.Module", inputs: "tuple[torch.Tensor, ...]") -> Products:
    """Multiply-adds in the quantised layers (by hooks) and in operators that stayed floating (by torch's counter)."""
    import torch
    from torch.ao.nn.quantized import dynamic
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    tally = Tally()

    def count(layer: Any, arguments: tuple[Any, ...], output: Any) -> None:
        if isinstance(layer, dynamic.Linear):
            work = float(output.numel()) * layer.in_features
        else:  # a recurrent layer: every step of every sample uses every weight once
            work = float(arguments[0].numel() // layer.input_size) * _recurrent_weights(layer)
        tally.add(type(layer).__name__, work, int8=True)

    def attention_flops(query: Any, key: Any, value: Any, *_arguments: Any, **_options: Any) -> int:
        return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]

    layers = [layer for layer in module.modules() if isinstance(layer, (dynamic.Linear, dynamic.LSTM, dynamic.GRU))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # noqa: SLF001  (torch's counter omits it)
    counter = FlopCounterMode(display=False, custom_mapping={attention: attention_flops})
    try:
        with torch.no_grad(), counter:
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for operator, flops in counter.get_flop_counts().get("Global", {}).items():
        tally.add(str(operator), flops / 2, int8=False)
    return tally.products()


def _recurrent_weights(layer: Any) -> float:
    gates = 4 if layer.mode == "LSTM" else 3
    directions = 2 if layer.bidirectional else 1
    widths = [layer.input_size] + [layer.hidden_size * directions] * (layer.num_layers - 1)
    return float(sum(directions * gates * layer.hidden_size * (width + layer.hidden_size) for width in widths))


def pt2e_int8(
    module: "torch.nn.Module", calibration: Sequence[Arrays], setup: Setup
) -> "tuple[torch.fx.GraphModule, Products]":
    """Static int8 for Inductor's CPU kernels: calibrated activations, weights per channel.

    Args:
        module: fp32 module on the CPU.
        calibration: Input sets whose ranges the activations get; at least one.
        setup: Named in errors.

    Returns:
        A graph with quantise and dequantise steps, which Inductor replaces by int8 kernels when it freezes weights.

    Raises:
        Unsupported: torchao is missing, or most of the work would stay in fp32.
    """
    import torch

    _require_cpu(setup)
    if not installed_version("torchao"):
        raise Unsupported(
            f"int8 with {setup.backend} needs torchao", when=setup.label, now="pip install 'stopwatt[quantize]'"
        )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    sets = [_float_tensors(arrays) for arrays in calibration]
    with torch.no_grad():
        exported = torch.export.export(module, sets[0], strict=False)
        prepared = prepare_pt2e(exported.module(), quantizer)
        for inputs in sets:
            prepared(*inputs)
        converted: torch.fx.GraphModule = convert_pt2e(prepared)
        products = _graph_products(converted, sets[0])
    require_int8(
        products,
        tool="torchao's X86InductorQuantizer",
        when=setup.label,
        now="use int8 with eager, which quantises Linear, LSTM and GRU layers, or another precision",
    )
    return converted, products


def _require_cpu(setup: Setup) -> None:
    if device_kind(setup.device) != "cpu":
        raise Unsupported(
            f"{setup.backend} runs int8 on a CPU only", when=setup.label, now="use onnxruntime or tensorrt on a GPU"
        )


def _graph_products(graph: "torch.fx.GraphModule", inputs: "tuple[torch.Tensor, ...]") -> Products:
    """Run the graph once and count multiply-adds; an operator is int8 when both its factors are just dequantised."""
    import torch

    tally = Tally()

    class Counting(torch.fx.Interpreter):
        def run_node(self, n: "torch.fx.Node") -> Any:
            result = super().run_node(n)
            if n.op == "call_function":
                name = str(n.target).removeprefix("aten.").partition(".")[0]
                arguments, _ = self.fetch_args_kwargs_from_env(n)
                work = _multiply_adds(name, arguments, result)
                if work:
                    tally.add(name, work, int8=_dequantised(n.args[0]) and _dequantised(n.args[1]))
            return result

    Counting(graph, garbage_collect_values=False).run(*inputs)
    return tally.products()


def _multiply_adds(name: str, arguments: Sequence[Any], result: Any) -> float:
    """Multiply-adds of one ATen call; 0 for operators without products."""
    if name in {"conv1d", "conv2d", "conv3d", "convolution"}:
        return float(result.numel() * arguments[1][0].numel())
    if name in {"linear", "matmul", "mm", "bmm"}:
        return float(result.numel() * arguments[0].shape[-1])
    if name == "addmm":
        return float(result.numel() * arguments[1].shape[-1])
    if name == "scaled_dot_product_attention":
        return float(2 * arguments[0].numel() * arguments[1].shape[-2])
    if name in {"lstm", "gru", "rnn_tanh", "rnn_relu"}:
        weights = next(value for value in arguments[2:] if isinstance(value, (list, tuple)))
        return float(arguments[0].shape[:-1].numel() * sum(w.numel() for w in weights if w.dim() > 1))
    return 0.0


def _dequantised(argument: Any) -> bool:
    """Whether a graph value comes from a dequantise step, through views and casts that move no work."""
    moving = (
        "view",
        "reshape",
        "permute",
        "transpose",
        "t.",
        "expand",
        "unsqueeze",
        "squeeze",
        "flatten",
        "contiguous",
    )
    while getattr(argument, "op", "") == "call_function":
        name = str(argument.target)
        if "dequantize" in name:
            return True
        if not name.removeprefix("aten.").startswith(moving):
            return False
        argument = argument.args[0]
    return False
