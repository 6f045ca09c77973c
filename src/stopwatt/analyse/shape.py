"""The shape of a cell's latency: modes, outlier clusters, drift, dependence between trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Form(StrEnum):
    """What kind of distribution a cell's trials have."""

    ONE_MODE = "one mode"
    CLUSTERS = "clusters"  # several, well apart (more than 10 %)
    BODY_MODES = "body modes"  # several within 10 % of the main one
    HEAVY_TAIL = "heavy tail"
    RESOLUTION_LIMITED = "resolution-limited"
    TOO_FEW = "too few trials"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One mode of the distribution.

    Attributes:
        centre_s: Median of its trials, seconds.
        ratio: centre / centre of the main cluster.
        count: Trials in it.
        mass: count / all trials.
        mass_low, mass_high: Clopper-Pearson 95 % interval of the mass.
        bursty_p: p-value of "its trials are spread over time independently" (Ljung-Box on the indicator).
        period: Calls between its trials where they come regularly; `None` where they do not.
    """

    centre_s: float
    ratio: float
    count: int
    mass: float
    mass_low: float
    mass_high: float
    bursty_p: float = 1.0
    period: float | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """Change of the level within a round.

    Attributes:
        round: Which round.
        segments: Segments of constant level that PELT finds; 1 for none.
        trend_p: Mann-Kendall p-value of "no trend".
        change: Median of the last segment / median of the first - 1.
    """

    round: int
    segments: int
    trend_p: float
    change: float


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What the trials of a cell look like.

    Attributes:
        n: Trials of all rounds.
        form: The kind of distribution.
        clusters: By centre; the main one, which has the most trials, has ratio 1. At least one where n > 0.
        body_modes_s: Centres of the modes within the main cluster, where there are several; empty otherwise.
        outliers: Trials beyond the upper Tukey fence (third quartile + 1.5 interquartile ranges) of their round.
        drifts: One per round in which a change was found.
        independence_p: Smallest p-value of the battery over the rounds, adjusted for their number.
        labels: Round number -> index into `clusters` of each trial, int8 [n], in the order of the trials.
        why: What a reader must know where `form` is not what the eye expects, or nothing could be said.
    """

    n: int
    form: Form
    clusters: tuple[Cluster, ...] = ()
    body_modes_s: tuple[float, ...] = ()
    outliers: int = 0
    drifts: tuple[Drift, ...] = ()
    independence_p: float = 1.0
    labels: Mapping[int, NDArray[np.int8]] | None = None
    why: str = ""
