"""A model behind its own preprocessing: it takes the bytes of images and normalises them itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.records import Scalar
from stopwatt.serving.contract import Contract, Decoding, Fit, Preprocess, Task
from stopwatt.workloads.base import Arrays, Built, Family, MakeInputs, Param
from stopwatt.workloads.seeded import ready

if TYPE_CHECKING:
    import torch

PREFIX = "served:"
"""Before a source: the same model, taking bytes. What has no contract, or no module to put anything into, stays."""
INSIDE = "served"
"""Name of the model within the module that normalises for it."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of each channel over ImageNet, in shares of 255."""
_TOP = 5


def classification(image: int) -> Contract:
    """What a classifier of square images is given, and means: the centre is cut out, classes are ranked."""
    preprocess = Preprocess(image, image, Fit.CROP, MEAN, STD)
    return Contract(Task.CLASSIFY, preprocess, Decoding.LOGITS, threshold=0.0, most=_TOP)


def detection(image: int) -> Contract:
    """What a detector of the DETR family is given, and means: the whole image as a square, boxes as shares of it."""
    return Contract(Task.DETECT, Preprocess(image, image, Fit.STRETCH, MEAN, STD), Decoding.DETR)


@dataclass(frozen=True, slots=True)
class Served:
    """A family whose models take bytes, uint8 `[batch, height, width, 3]`, wherever their contract says what these are.

    Attributes:
        family: That builds the models.
        name: As it is written, with the prefix.
    """

    family: Family
    name: str

    @property
    def summary(self) -> str:
        """One line."""
        return f"{self.family.summary}; takes the bytes of images"

    @property
    def params(self) -> Sequence[Param]:
        """Those of the family."""
        return self.family.params

    @property
    def packages(self) -> Sequence[str]:
        """Those of the family."""
        return self.family.packages

    @property
    def open_params(self) -> bool:
        """As the family has it."""
        return self.family.open_params

    @property
    def runs_foreign_code(self) -> bool:
        """As the family has it."""
        return self.family.runs_foreign_code

    def code(self) -> str:
        """Digest of the family's code."""
        return self.family.code()

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Build the family's model and put its normalisation inside.

        Raises:
            WorkloadError: As the family does.
        """
        return normalising(self.family.build(params, seed))


def normalising(built: Built) -> Built:
    """A workload that takes bytes, of one that takes normalised images; as it is where it says nothing of images."""
    contract = built.contract
    if contract is None or built.module is None or contract.preprocess.inside:
        return built
    module = ready(_normalising(built.module, contract.preprocess))
    inside = replace(contract, preprocess=replace(contract.preprocess, inside=True))
    made = _bytes_of(built.make_inputs, contract.preprocess)
    return replace(built, call=module, module=module, make_inputs=made, contract=inside)


def _bytes_of(make_inputs: MakeInputs, preprocess: Preprocess) -> MakeInputs:
    """Inputs whose normalised form the workload's own inputs are, as far as bytes can be that."""
    mean, std = np.array(preprocess.mean, np.float32), np.array(preprocess.std, np.float32)

    def make(batch: int, generator: np.random.Generator) -> Arrays:
        (images,) = make_inputs(batch, generator)
        pixels = (images.transpose(0, 2, 3, 1) * std + mean) * 255
        return (np.ascontiguousarray(pixels.round().clip(0, 255).astype(np.uint8)),)

    return make


def _normalising(model: "torch.nn.Module", preprocess: Preprocess) -> "torch.nn.Module":
    import torch

    scale = torch.tensor([1 / (255 * std) for std in preprocess.std]).view(1, 3, 1, 1)
    shift = torch.tensor([-mean / std for mean, std in zip(preprocess.mean, preprocess.std, strict=True)]).view(
        1, 3, 1, 1
    )

    class Normalising(torch.nn.Module):
        """Its arithmetic is fp32 whatever the model's is: the model is given what it would be given from outside."""

        scale: torch.Tensor
        shift: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.served = model
            self.register_buffer("scale", scale, persistent=False)
            self.register_buffer("shift", shift, persistent=False)
            self.dtype = torch.float32

        def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Any:  # noqa: FBT001, FBT002  (torch's own)
            """How torch moves and converts: the normalisation moves, but is not converted."""
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
            self.scale, self.shift = scale.to(self.scale.device), shift.to(self.shift.device)
            floating = (one.dtype for one in model.parameters() if one.is_floating_point())
            self.dtype = next(floating, torch.float32)
            return self

        def forward(self, images: torch.Tensor) -> Any:
            pixels = images.permute(0, 3, 1, 2).to(torch.float32)
            return self.served((pixels * self.scale + self.shift).to(self.dtype))

    return Normalising()
