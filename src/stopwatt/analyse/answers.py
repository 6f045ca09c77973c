"""What a cell answered to labelled samples, as its rounds keep it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopwatt.metrics import ANSWERS, TOP1
from stopwatt.records import Measurement
from stopwatt.text import counted


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a cell answered to labelled samples.

    Attributes:
        metric: What its accuracy is.
        samples: How many there were.
        values: 0 or 1 for each sample, or the accuracy of each resample of them.
    """

    metric: str
    samples: int
    values: NDArray[np.float64]

    @property
    def one_each(self) -> bool:
        """Whether there is one value for each sample."""
        return self.metric == TOP1

    @property
    def about(self) -> str:
        """`500 labelled samples`."""
        return counted(self.samples, "labelled sample")


def answers_of(rounds: Sequence[Measurement]) -> Answers | None:
    """What the rounds of a cell say of each labelled sample; `None` where none judged any."""
    for one in rounds:
        raw = one.samples.get(ANSWERS)
        if raw is not None and raw.values.size:
            metric, samples = one.facts.get("accuracy.metric", ""), one.facts.get("accuracy.samples", 0)
            return Answers(str(metric), int(samples), np.asarray(raw.values, np.float64))
    return None
