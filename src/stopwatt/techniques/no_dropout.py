"""`no-dropout`: modules that hand their input on (dropout in evaluation mode, identity) taken out of the model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques.base import Applied, Exact
from stopwatt.techniques.calling import require_call
from stopwatt.techniques.removal import take_out
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch


class NoDropout(Exact):
    """PyTorch's own dropout and identity modules; classes derived from them may do more, and stay."""

    name = "no-dropout"
    summary = "dropout and identity modules taken out: they do nothing, but are called"

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Take them out.

        Raises:
            Unsupported: The model has none, or needs them for more than to call them.
        """
        del argument
        idle = [
            (parent, name, type(child).__name__)
            for parent in module.modules()
            for name, child in parent.named_children()
            if _is_idle(child)
        ]
        if not idle:
            raise Unsupported(
                "no-dropout takes dropout and identity modules out, and this model has none that it calls",
                when=setup.label,
                now="leave +no-dropout away",
            )
        for parent, name, _ in idle:
            take_out(parent, name)
        require_call(module, calibration[0], self.name, setup)
        identities = sum(kind == "Identity" for *_, kind in idle)
        return Applied(module, {"dropouts": len(idle) - identities, "identities": identities})


def _is_idle(part: "torch.nn.Module") -> bool:
    from torch import nn

    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
    watched = part._forward_hooks or part._forward_pre_hooks  # noqa: SLF001  (torch has no question for it)
    return type(part) in (*kinds, nn.Identity) and not part.training and not watched
