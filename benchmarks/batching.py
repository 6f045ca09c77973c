"""How well predicted models say what a larger batch buys: from the figures of the page on predicted models."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from result import RESULTS
from stopwatt.units import percent

CLEAR = 0.8
"""A batch clearly helps where a sample takes less than this part of its time alone."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A model at its smallest and its largest batch.

    Attributes:
        measured, predicted: Time of a sample at the largest batch / at the smallest.
    """

    model: str
    batches: tuple[int, int]
    measured: float
    predicted: float


def pairs() -> list[Pair]:
    """Those models of the page that have several batches."""
    document = json.loads((RESULTS / "model-prediction.json").read_text())
    models: dict[str, dict[int, tuple[float, float]]] = {}
    for one in document["data"]["models"]:
        name, _, batch = one["label"].rpartition(" batch ")
        a_sample = one["measured_s"] / int(batch), one["intervals"]["in use"]["time_s"] / int(batch)
        models.setdefault(name, {})[int(batch)] = a_sample
    found = []
    for name, known in models.items():
        least, most = min(known), max(known)
        if least != most:
            measured, predicted = (big / small for big, small in zip(known[most], known[least], strict=True))
            found.append(Pair(name, (least, most), measured, predicted))
    return found


def sentence(found: Sequence[Pair]) -> str:
    """Where the prediction would have helped a search, and where not."""
    errors = [abs(math.expm1(math.log(one.predicted / one.measured))) for one in found]
    clear = [one for one in found if one.measured < CLEAR]
    rest = [one for one in found if one.measured >= CLEAR]
    seen = sum(one.predicted < (1 + CLEAR) / 2 for one in clear)
    right = sum((one.predicted < 1) == (one.measured < 1) for one in rest)
    return (
        "**Would a predictor help?** It knows one runtime, so it could only say at which batches a sample is cheap. "
        f"Of {len(found)} models on the page on predicted models, the time of a sample at the larger batch beside the "
        f"smaller one is predicted with an error of {percent(median(errors))} in the median, {percent(max(errors))} at "
        f"most. Where batching clearly helps (below {CLEAR:g} of the time) the prediction says so for {seen} of "
        f"{len(clear)}; of the others it has the right sign for {right} of {len(rest)}."
    )


def table(found: Sequence[Pair]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    """Each model."""
    rows = [
        (one.model, f"{one.batches[0]} -> {one.batches[1]}", f"{one.measured:.2f}", f"{one.predicted:.2f}")
        for one in sorted(found, key=lambda one: one.measured)
    ]
    return "Time of a sample at the larger batch / at the smaller", ("model", "batch", "measured", "predicted"), rows
