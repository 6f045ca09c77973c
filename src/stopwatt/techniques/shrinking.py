"""Layers with some of their channels taken out, and how much each channel weighs."""

from typing import TYPE_CHECKING, Any

from stopwatt.techniques.regions import Region, is_transposed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


def norms(region: Region) -> "torch.Tensor":
    """Length of all the numbers that would go with each channel: those that make it, scale it, and read it.

    The L2 norm over a group of coupled parameters (Fang et al. 2023, "DepGraph"); with a single layer that of Li et al.
    (2017), who rank filters by their own weights.

    Returns:
        Shape (channels,).
    """
    squares = _per_channel(region.source, outputs=True)
    for layer in region.through:
        squares = squares + _per_channel(layer, outputs=True)
    for layer in region.ends:
        squares = squares + _per_channel(layer, outputs=False)
    return squares.sqrt()


def silence(region: Region, kept: "torch.Tensor") -> None:
    """Let the layers at the end ignore all channels but those that are kept: what taking them out must not change."""
    import torch

    for layer in region.ends:
        weight: torch.Tensor = layer.get_parameter("weight")
        dimension = _dimension(layer, outputs=False)
        mask = torch.zeros(weight.shape[dimension])
        mask[kept] = 1.0
        shape = [1] * weight.dim()
        shape[dimension] = -1
        weight.data.mul_(mask.view(shape))


def shrink(region: Region, kept: "torch.Tensor") -> None:
    """Take all channels out but those that are kept."""
    for layer in (region.source, *region.through):
        _cut(layer, kept, outputs=True)
    for layer in region.ends:
        _cut(layer, kept, outputs=False)


def narrow(module: "torch.nn.Module", weights: "Mapping[str, torch.Tensor]") -> None:
    """Make layers as narrow as saved weights are, so that those of a pruned model can be loaded.

    A model is written with its whole widths; what was pruned, trained on and saved has fewer. `load_state_dict` then
    takes it. Layers of the right size stay as they are, and what differs in more than channels it refuses as ever.

    Args:
        module: The whole model; changed in place.
        weights: As `state_dict` gave them.
    """
    import torch

    for name, layer in module.named_modules():
        saved, own = weights.get(f"{name}.weight".removeprefix(".")), getattr(layer, "weight", None)
        if saved is None or own is None or saved.dim() != own.dim():
            continue
        for outputs in (True, False):
            dimension = _dimension(layer, outputs=outputs)
            if dimension < saved.dim() and saved.shape[dimension] < own.shape[dimension]:
                _cut(layer, torch.arange(saved.shape[dimension]), outputs=outputs)


def _per_channel(layer: Any, *, outputs: bool) -> "torch.Tensor":
    """Sum of squares of a layer's weights for each channel."""
    import torch

    weight = layer.weight
    if weight is None:
        return torch.zeros(layer.num_features, dtype=torch.float64)
    dimension = _dimension(layer, outputs=outputs)
    others = [one for one in range(weight.dim()) if one != dimension]
    squares: torch.Tensor = weight.detach().double().square()
    return squares.sum(others) if others else squares


def _dimension(layer: Any, *, outputs: bool) -> int:
    """Which dimension of a layer's weights its outputs, or its inputs, are."""
    return int(outputs) if is_transposed(layer) else int(not outputs)


def _cut(layer: Any, kept: "torch.Tensor", *, outputs: bool) -> None:
    import torch

    dimension = _dimension(layer, outputs=outputs)
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = getattr(layer, name, None)
        if tensor is None or (not outputs and name == "bias"):
            continue
        shorter = _selected(tensor.detach(), dimension if tensor.dim() > 1 else 0, kept)
        parameter = isinstance(tensor, torch.nn.Parameter)
        setattr(layer, name, torch.nn.Parameter(shorter, requires_grad=False) if parameter else shorter)
    _say(layer, len(kept), outputs=outputs)


def _selected(tensor: "torch.Tensor", dimension: int, kept: "torch.Tensor") -> "torch.Tensor":
    """The kept ones, laid out in memory as before."""
    import torch

    shorter = tensor.index_select(dimension, kept)
    last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)  # noqa: PLR2004
    return shorter.contiguous(memory_format=torch.channels_last) if last else shorter.contiguous()


def _say(layer: Any, channels: int, *, outputs: bool) -> None:
    """Let the layer's attributes tell its new size; some forwards read them."""
    grouped = getattr(layer, "groups", 1) > 1
    if grouped:
        layer.groups = channels
    names = ("out_channels", "out_features", "nf") if outputs else ("in_channels", "in_features", "nx")
    for name in (*names, "num_features", *(("in_channels",) if grouped else ())):
        if hasattr(layer, name):
            setattr(layer, name, channels)
