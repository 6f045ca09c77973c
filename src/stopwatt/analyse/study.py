"""What an ablation found out about the way of measuring: values only; `analyse.ablation` works them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.analyse.estimate import Estimate
from stopwatt.records import Note, Setup, Trouble, Workload
from stopwatt.stats.ratios import Ratio
from stopwatt.ways import Way


@dataclass(frozen=True, slots=True)
class Effect:
    """What one way reports, against what the reference reports beside it.

    Attributes:
        ratio: Reported by the way / reported by the reference: above 1 it reports too long a time. Judged among all
            ways of the study. Its verdict is that of the way: `faster` reports too short, `slower` too long a time,
            `equivalent` within the margin of 2 %, `inconclusive` neither.
        reported_s: Average over the calls as this way reports it, geometric mean over series and rounds.
        reference_s: The same of the reference around it; `reported_s / reference_s` is the ratio's value.
        calls: Of a series, the median.
        rounds: Fresh processes in which it was measured.
        why: Why there is no number, where there is none: nobody can measure so, or not here.
        text: One plain sentence without a full stop at the end.
    """

    way: Way
    ratio: Ratio
    reported_s: float | None = None
    reference_s: float | None = None
    calls: int = 0
    rounds: int = 0
    why: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """Whether two choices together do what each does alone, one after the other.

    Attributes:
        ways: The two, each with one change.
        ratio: Ratio of both together / (ratio of the one x ratio of the other): 1 where they act independently.
        text: One plain sentence without a full stop at the end.
    """

    ways: tuple[Way, Way]
    ratio: Ratio
    text: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that ablations say about one workload in one setup.

    Attributes:
        reference: What the reference reports: the average call in seconds, with an interval over the rounds.
        effects: Of ways with one change, the largest ratio (or its inverse) first; those without a number last.
        combined: The same of ways with several changes.
        interactions: Of pairs whose parts and whole were measured, the strongest first.
        keys: Of the cells that it comes from.
        rounds_ok, rounds_failed: Over all of them.
        trouble: Of the first round that failed.
        machine: Digest of the machine's identity.
        software: Versions of the packages that it ran on.
    """

    workload: Workload
    setup: Setup
    reference: Estimate
    effects: tuple[Effect, ...] = ()
    combined: tuple[Effect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    notes: tuple[Note, ...] = ()
    keys: tuple[str, ...] = ()
    rounds_ok: int = 0
    rounds_failed: int = 0
    trouble: Trouble | None = None
    machine: str = ""
    software: Mapping[str, str] = field(default_factory=dict)
