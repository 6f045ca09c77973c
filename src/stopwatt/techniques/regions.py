"""Which channels of a layer end in known layers, so that some of them can be taken out of the model altogether.

A region begins at a convolution or linear layer and ends at others that read all of its channels. In between stands
only what treats each channel by itself: element by element, pooling, batch normalisation, depthwise convolution.
Anything else that sees the channels (a residual sum, a softmax, the model's output) leaves them as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopwatt.techniques.flow import Flow, name_of

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

_ELEMENTWISE = frozenset({
    "relu", "gelu", "silu", "tanh", "sigmoid", "hardtanh", "relu6", "leaky_relu", "elu", "hardswish", "hardsigmoid",
    "mish", "softplus", "dropout", "add", "sub", "mul", "div", "pow", "clone", "contiguous", "to", "alias", "detach",
})  # fmt: skip
"""Also written in place (`relu_`)."""
_POOLING = frozenset(
    f"{kind}_pool{dims}d" for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for dims in (1, 2, 3)
)
_VIEWS = frozenset({"view", "reshape"})
_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
_WEIGHT = {"linear": 1, "addmm": 2, "batch_norm": 3} | dict.fromkeys(_CONVOLUTIONS, 1)
"""Which argument tells the layer."""
_INPUT = {"addmm": 1}
"""Which argument is what flows, where it is not the first."""


@dataclass(frozen=True, slots=True)
class Region:
    """Channels from their source to their end.

    Attributes:
        source: Convolution or linear layer that makes them.
        through: Layers with weights for each of them: batch normalisations, depthwise convolutions.
        ends: Layers that take them in.
    """

    source: "torch.nn.Module"
    through: "tuple[torch.nn.Module, ...]"
    ends: "tuple[torch.nn.Module, ...]"


def regions(flow: Flow) -> tuple[Region, ...]:
    """All regions of a model, in the order of its call."""
    return tuple(_regions(flow))


def _regions(flow: Flow) -> Iterator[Region]:
    for node in flow.operators():
        layer = _layer(flow, node)
        if layer is not None and _mixes(layer):
            walk = _Walk(flow, node)
            if walk.closed() and walk.ends:
                yield Region(layer, tuple(walk.through), tuple(walk.ends))


class _Walk:
    """From one layer on along everything that sees its channels.

    Args:
        flow: Of the model.
        source: The layer's call.
    """

    def __init__(self, flow: Flow, source: "Node") -> None:
        self._flow = flow
        self._inside = {source}
        self._last = name_of(source) not in _CONVOLUTIONS
        self._channels = int(source.meta["val"].shape[-1 if self._last else 1])
        self.through: list[torch.nn.Module] = []
        self.ends: list[torch.nn.Module] = []

    def closed(self) -> bool:
        """Whether all of it is understood."""
        for node in self._flow.operators():
            if any(one in self._inside for one in node.all_input_nodes) and not self._understood(node):
                return False
        return not any(user.op == "output" for node in self._inside for user in node.users)

    def _understood(self, node: "Node") -> bool:
        name = name_of(node).removesuffix("_")
        if name in _ELEMENTWISE:
            keeps = all(one in self._inside for one in node.all_input_nodes)
        elif name in _VIEWS:
            keeps = self._last and int(node.meta["val"].shape[-1]) == self._channels
        else:
            keeps = name in _POOLING and not self._last
        if keeps:
            self._inside.add(node)
            return True
        return self._takes(node, name)

    def _takes(self, node: "Node", name: str) -> bool:
        """Whether a layer with weights reads the channels, and nothing but them."""
        layer = _layer(self._flow, node)
        if layer is None or node.args[_INPUT.get(name, 0)] not in self._inside:
            return False
        if _mixes(layer) and (name not in _CONVOLUTIONS) is self._last:
            self.ends.append(layer)
            return True
        if self._each_by_itself(layer, node):
            self._inside.add(node)
            self.through.append(layer)
            return True
        return False

    def _each_by_itself(self, layer: Any, node: "Node") -> bool:
        if name_of(node) in _CONVOLUTIONS:
            return not self._last and layer.groups == layer.in_channels == layer.out_channels
        return bool(name_of(node) == "batch_norm" and (not self._last or node.meta["val"].dim() == 2))  # noqa: PLR2004


def _layer(flow: Flow, node: "Node") -> "torch.nn.Module | None":
    """The layer with weights that makes this call, if it is one whose shapes are known."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm

    place = _WEIGHT.get(name_of(node))
    layer = None if place is None or place >= len(node.args) else flow.layer(node, node.args[place])
    known = isinstance(layer, _BatchNorm) or type(layer) in {nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d}
    return layer if known or is_transposed(layer) else None


def is_transposed(layer: Any) -> bool:
    """Whether it is the linear layer of GPT-2, whose weights are `[inputs, outputs]`."""
    return type(layer).__name__ == "Conv1D" and hasattr(layer, "nf") and hasattr(layer, "nx")


def _mixes(layer: Any) -> bool:
    """Whether every output channel depends on every input channel."""
    from torch import nn

    convolves = type(layer) in {nn.Conv1d, nn.Conv2d, nn.Conv3d}
    return bool(layer.groups == 1) if convolves else type(layer) is nn.Linear or is_transposed(layer)
