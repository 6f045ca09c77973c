"""`fold-batchnorm`: a batch normalisation after a convolution or linear layer becomes part of the layer's weights.

With fixed statistics it multiplies each channel by a number and adds another one (Ioffe and Szegedy 2015, section 3.1),
which the layer before can do itself.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques.base import Applied, Exact
from stopwatt.techniques.calling import require_call
from stopwatt.techniques.flow import Flow, follow, name_of
from stopwatt.techniques.removal import take_out_everywhere
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch
    from torch.fx import Node

_NORMALISATION = "batch_norm"
_RUNNING_MEAN, _IN_TRAINING = 3, 5
"""Places among the arguments of `aten.batch_norm`."""


class FoldBatchNorm(Exact):
    """Pairs of which torch.export proves that nothing else sees what lies between them."""

    name = "fold-batchnorm"
    summary = "batch normalisation folded into the weights of the convolution or linear layer before it"

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Fold what can be folded.

        Raises:
            Unsupported: No batch normalisation follows a layer that could take it in, or the model cannot be followed.
        """
        del argument
        flow = follow(module, self.name, setup, calibration)
        normalised = [node for node in flow.operators() if name_of(node) == _NORMALISATION]
        pairs = [pair for node in normalised if (pair := _pair(flow, node)) is not None]
        if not pairs:
            what = "in which none follows such a layer alone" if normalised else "which has none"
            raise Unsupported(
                "fold-batchnorm folds batch normalisations into the convolution or linear layer before them: this is"
                f" a model {what}",
                when=setup.label,
                now="leave +fold-batchnorm away",
            )
        for layer, normalisation in pairs:
            _fold(layer, normalisation)
            take_out_everywhere(module, normalisation)
        require_call(module, calibration[0], self.name, setup)
        return Applied(module, {"folded": len(pairs), "left": len(normalised) - len(pairs)})


def _pair(flow: Flow, node: "Node") -> tuple[Any, Any] | None:
    """The layer and the normalisation of its output, if they are modules that do just that."""
    from torch.nn.modules.batchnorm import _BatchNorm

    before: Any = node.args[0]
    if node.args[_IN_TRAINING] or not name_of(before) or len(before.users) != 1:
        return None
    normalisation = flow.layer(node, node.args[_RUNNING_MEAN])
    layer = flow.layer(before, before.args[1]) if len(before.args) > 1 else None
    if not isinstance(normalisation, _BatchNorm) or layer is None or not _takes_it_in(layer, before):
        return None
    return layer, normalisation


def _takes_it_in(layer: "torch.nn.Module", call: "Node") -> bool:
    """Whether the layer is one of PyTorch's own, with channels where the normalisation looks for them."""
    from torch import nn

    if type(layer) is nn.Linear:
        return int(call.meta["val"].dim()) == 2  # noqa: PLR2004  (of three dimensions the second would be normalised)
    if type(layer) in {nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d}:
        return bool(layer.groups == 1)
    return type(layer) in {nn.Conv1d, nn.Conv2d, nn.Conv3d}


def _fold(layer: Any, normalisation: Any) -> None:
    import torch
    from torch.nn.utils import fusion

    mean = normalisation.running_mean
    scale = torch.ones_like(mean) if normalisation.weight is None else normalisation.weight
    shift = torch.zeros_like(mean) if normalisation.bias is None else normalisation.bias
    known = (layer.weight, layer.bias, mean, normalisation.running_var, normalisation.eps, scale, shift)
    with torch.no_grad():
        if isinstance(layer, torch.nn.Linear):
            layer.weight, layer.bias = fusion.fuse_linear_bn_weights(*known)
        else:
            transposed = bool(layer.transposed)
            layer.weight, layer.bias = fusion.fuse_conv_bn_weights(*known, transpose=transposed)
    layer.requires_grad_(requires_grad=False)
