"""A runner over a plain Python callable: what it takes and returns are host arrays, or anything else it likes."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays
from stopwatt.workloads.outputs import leaves


class CallableRunner:
    """Calls a function on the host arrays as they are."""

    def __init__(self, function: Callable[..., Any], facts: dict[str, Scalar]) -> None:
        def call(inputs: Arrays) -> Any:
            return function(*inputs)

        self.call: Callable[[Any], Any] = call
        self._facts = facts

    def stage(self, arrays: Arrays) -> Arrays:
        """The arrays themselves."""
        return arrays

    def fetch(self, outputs: Any) -> Arrays:
        """Arrays of the numbers in whatever came back; torch tensors only if the callable itself imported torch."""
        arrays = (_host_array(output) for output in leaves(outputs))
        return tuple(array for array in arrays if array.dtype.kind in "biufc")

    def active(self) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def computed(self) -> dict[str, Scalar]:
        """Where it ran and what it is taken to compute."""
        return dict(self._facts)

    def close(self) -> None:
        """Nothing to give back."""


def _host_array(output: Any) -> Any:
    if hasattr(output, "detach"):
        output = output.detach().cpu()
        output = output.float() if output.is_floating_point() and output.element_size() < 4 else output  # noqa: PLR2004
    array = np.asarray(output)
    return array.astype(np.float32) if array.dtype == np.float16 else array
