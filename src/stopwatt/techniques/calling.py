"""One call of a module that is being changed, in fp32 on the host."""

from typing import TYPE_CHECKING

from stopwatt.backends.torch_runner import arrays_of, tensors
from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch

_MOST = 200
"""Characters of a foreign error's text that are kept."""


def answers(module: "torch.nn.Module", inputs: Arrays) -> Arrays:
    """Outputs of a call; the inputs stay as they are, whatever the module does to its own."""
    import torch

    with torch.no_grad():
        copies = tuple(array.copy() for array in inputs)
        return arrays_of(module(*tensors(copies, torch.device("cpu"), torch.float32)))


def require_call(module: "torch.nn.Module", inputs: Arrays, technique: str, setup: Setup) -> None:
    """See that a module can still be called after parts of it were taken out.

    Raises:
        Unsupported: Its forward asks a part for more than a call (`self.dropout.p`), and the part is gone.
    """
    try:
        answers(module, inputs)
    except Exception as error:
        what = f"{technique} takes parts out that this model's forward needs: {brief(error)}"
        raise Unsupported(what, when=setup.label, now=f"leave +{technique} away") from error


def brief(error: Exception) -> str:
    """A foreign error in one line."""
    return " ".join(str(error).split())[:_MOST]
