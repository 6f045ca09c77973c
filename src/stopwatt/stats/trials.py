"""Whether a series of trials can be summarised at all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BadTrial:
    """The first trial that cannot be a duration, a rate or a size.

    Attributes:
        index: Position in the series, from 0.
        value: As recorded.
    """

    index: int
    value: float

    def __str__(self) -> str:
        return f"trial {self.index} is {self.value:g}, not a positive finite number"


def validate_trials(values: NDArray[Any]) -> BadTrial | None:
    """The first trial that is zero, negative, infinite or not a number; `None` where all are sound.

    One such trial says that the clock or the code around it failed, so the series as a whole is not to be believed:
    dropping the trial would hide that.

    Args:
        values: One-dimensional, int64 or float64.
    """
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if bad.size == 0:
        return None
    index = int(bad[0])
    return BadTrial(index=index, value=float(values[index]))
