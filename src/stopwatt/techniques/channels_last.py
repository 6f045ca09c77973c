"""`channels-last`: images as rows of pixels rather than as planes of channels (NHWC in memory, NCHW in name)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques.base import OF_PYTORCH, Applied, Exact
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch


class ChannelsLast(Exact):
    """Weights of convolutions in PyTorch's memory format `channels_last`; activations follow the first of them."""

    name = "channels-last"
    summary = "convolutions with the channels of a pixel side by side in memory"

    def require(self, setup: Setup) -> None:
        """Only PyTorch keeps a tensor's layout; a file for another runtime has none, and that runtime its own.

        Raises:
            Unsupported: Another one is to run it.
        """
        if setup.backend not in OF_PYTORCH:
            raise Unsupported(
                f"channels-last is a layout of PyTorch's tensors, and {setup.backend} lays its own out as it likes",
                when=setup.label,
                now="leave +channels-last away",
            )

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Lay the weights out anew.

        Raises:
            Unsupported: The model has no two-dimensional convolution.
        """
        import torch

        del argument, calibration
        convolutions = [one for one in module.modules() if isinstance(one, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
        if not convolutions:
            raise Unsupported(
                "channels-last concerns two-dimensional convolutions, and this model has none",
                when=setup.label,
                now="leave +channels-last away",
            )
        for one in convolutions:
            one.weight.data = one.weight.data.contiguous(memory_format=torch.channels_last)
        return Applied(module, {"convolutions": len(convolutions)})
