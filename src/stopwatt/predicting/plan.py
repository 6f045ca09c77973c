"""What to measure next, in which order."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.operators.operator import Operator
from stopwatt.operators.work import Work
from stopwatt.predicting.candidates import Why
from stopwatt.records import Precision


@dataclass(frozen=True, slots=True)
class Planned:
    """One operator of a plan.

    Attributes:
        operator: It.
        work: What it has to do.
        why: Why it is there.
        of: Label of the operator that it lies beside; empty for none.
        error: How wrong the prediction of that one was, as a logarithm; 0 for none.
        time_s: Expected, the median over the memory modes; NaN where nothing is known.
        gain: Share of the captured models' time times the doubt about it that the operator settles, with all before it
            known.
        until_s: Expected end of measuring it, from the beginning of the plan.
    """

    operator: Operator
    work: Work
    why: Why
    of: str
    error: float
    time_s: float
    gain: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for one device.

    Attributes:
        hardware: As the database names it.
        device: `cpu`, `cuda`.
        here: Whether the device is in this machine.
        threads: Of the host; 0 for any.
        precision: `TF32` where float32 products are computed in it.
        budget_s: That it was made for.
        planned: In order.
        models: Captured models that it is for.
        candidates: How many there were, by why.
        measured: Operators that have a time at the device already.
        learnt: Whether a predictor said what is doubtful; else shares of time and distances decide.
        series_s: What one operator in one memory mode takes, so that times of the plan follow.
        paced: Whether that is from the database; else a usual one.
        notes: What a reader must know.
    """

    hardware: str
    device: str
    here: bool
    threads: int
    precision: Precision
    budget_s: float
    planned: tuple[Planned, ...]
    models: tuple[str, ...]
    candidates: Mapping[Why, int] = field(default_factory=dict)
    measured: int = 0
    learnt: bool = False
    series_s: float = 0.0
    paced: bool = False
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Expected, for all of it."""
        return self.planned[-1].until_s if self.planned else 0.0
