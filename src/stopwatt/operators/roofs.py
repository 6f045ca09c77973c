"""The least time that a device's ceilings allow each operator: the roofline (Williams et al. 2009)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.operators.roofline import peak_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Work


@dataclass(frozen=True, slots=True, eq=False)
class Roofs:
    """Shape (n,) each, in seconds; NaN where no formula or no ceiling knows."""

    compute_s: NDArray[np.float64]
    memory_s: NDArray[np.float64]

    @property
    def least_s(self) -> NDArray[np.float64]:
        """The larger of both."""
        return np.fmax(self.compute_s, self.memory_s)

    def take(self, places: NDArray[np.int64]) -> "Roofs":
        """Those of the calls, from those of their operators."""
        return Roofs(self.compute_s[places], self.memory_s[places])


def roofs_of(works: Sequence[Work], specs: DeviceSpecs) -> Roofs:
    """What the ceilings say of each operator.

    Args:
        works: What the operators have to do.
        specs: The device's ceilings. A type without one has that of the next wider one (`peak_of`).
    """
    compute = [_compute_s(one, peak_of(specs, one.dtype)) for one in works]
    memory = [one.bytes / specs.bandwidth if specs.bandwidth else np.nan for one in works]
    return Roofs(np.array(compute, dtype=np.float64), np.array(memory, dtype=np.float64))


def _compute_s(work: Work, peak: float | None) -> float:
    if work.flops is None or (work.flops and not peak):
        return np.nan
    return work.flops / peak if peak else 0.0
