"""What a data set is: samples by number, and what a model wants each of them to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from stopwatt.serving.contract import Contract
from stopwatt.workloads.base import Arrays


@dataclass(frozen=True, slots=True)
class Takes:
    """What a model takes.

    Attributes:
        names: Of its inputs, in order.
        dtypes: Of each, as numpy names it.
        shapes: Of one sample of each, without the batch.
        contract: What its images are; `None` for a model of tensors.
    """

    names: tuple[str, ...]
    dtypes: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    contract: Contract | None = None

    @classmethod
    def of(cls, names: Sequence[str], inputs: Arrays, contract: Contract | None) -> "Takes":
        """What a model takes that was called with these inputs, the batch in the first dimension of each."""
        shapes = tuple(array.shape[1:] for array in inputs)
        return cls(tuple(names), tuple(str(array.dtype) for array in inputs), shapes, contract)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A sample that gave nothing, and why."""

    name: str
    why: str


Sample = tuple[NDArray[Any], ...]
"""One array an input, without the batch."""


class Dataset(Protocol):
    """Samples in an order of their own. None is read before it is asked for.

    Attributes:
        described: What it is, for people: `folder left`.
    """

    @property
    def described(self) -> str:
        """What it is, for people: `folder left`."""
        ...

    def __len__(self) -> int: ...

    def digest(self, numbers: Sequence[int]) -> str:
        """SHA-256 of what these samples hold, in this order, whatever a model makes of them."""
        ...

    def sample(self, number: int, takes: Takes) -> Sample | Unreadable:
        """A sample as a model takes it.

        Raises:
            UsageError: The data are not what the model takes.
        """
        ...
