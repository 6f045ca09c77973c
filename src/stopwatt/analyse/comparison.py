"""What a comparison found, as values: what `table`, JSON and Markdown show."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.analyse.detectable import Detectable
from stopwatt.analyse.likeness import Differences
from stopwatt.analyse.matching import Member
from stopwatt.analyse.observed import COMPARED_ENERGY
from stopwatt.records import Note
from stopwatt.stats.quantiles import Interval
from stopwatt.stats.ratios import Ratio, Verdict

_OTHER_WORDS = {Verdict.FASTER: "less", Verdict.SLOWER: "more"}
ORDER = (Verdict.SLOWER, Verdict.INCONCLUSIVE, Verdict.FASTER, Verdict.EQUIVALENT)
"""Verdicts by what a reader has to act on."""


def verdict_word(verdict: Verdict, metric: str) -> str:
    """What a verdict is called: `faster` or `slower` by a time, `less` or `more` by what is no time."""
    return str(verdict) if metric not in COMPARED_ENERGY else _OTHER_WORDS.get(verdict, str(verdict))


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a compared cell.

    Attributes:
        value: Geometric mean of the rounds, in the metric's unit.
        interval: 95 %, across rounds; `None` where there is none.
    """

    member: Member
    value: float
    interval: Interval | None

    @property
    def rounds(self) -> int:
        """Rounds with a value."""
        return len(self.member.rounds)


@dataclass(frozen=True, slots=True)
class Compared:
    """One cell on both sides.

    Attributes:
        label: What tells it from the others.
        ratio: Time of B / time of A; above 1 is slower. The verdict is that of B, among all of the comparison.
        method: How the interval came about.
        unlike: In what the two are not alike; empty but for a forced comparison.
    """

    label: str
    a: Half
    b: Half
    ratio: Ratio
    method: str
    unlike: Differences = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A cell that is not compared.

    Attributes:
        side: `A` or `B`: where it is, or where it has no value; `both` where neither has one.
        why: Why not.
        failed: Whether it is on both sides, but without a value on this one.
    """

    label: str
    side: str
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """How the two sides are called.

    Attributes:
        a, b: As the user wrote them.
        where_a, where_b: Their results databases.
        runs_a, runs_b: Ids of the runs that were compared.
    """

    a: str
    b: str
    where_a: str = ""
    where_b: str = ""
    runs_a: tuple[str, ...] = ()
    runs_b: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides, compared.

    Attributes:
        cells: In the order of the first side.
        overall: The geometric mean of all cells, counted by rounds; `None` for fewer than two cells, or where no three
            rounds of either side have all of them.
        unmatched: Cells that only one side has, or that gave no value.
        changes: What differs between the sides although they are alike: what is compared.
        unlike: What is compared although it is not alike (forced), for all cells together.
        notes: What a reader must know.
        detectable: How small a difference can be found.
    """

    metric: str
    margin: float
    named: Named
    cells: tuple[Compared, ...]
    overall: Ratio | None
    unmatched: tuple[Unmatched, ...]
    changes: Differences
    unlike: Differences
    notes: tuple[Note, ...]
    detectable: Detectable | None = None

    @property
    def verdicts(self) -> Mapping[Verdict, int]:
        """Cells of each verdict, in the order in which a reader has to act on them."""
        counts = Counter(cell.ratio.verdict for cell in self.cells)
        return {verdict: counts[verdict] for verdict in ORDER}

    @property
    def imported(self) -> bool:
        """Whether somebody else measured some of it: nothing of it is then about the machine at hand."""
        return any(one.imported for cell in self.cells for half in (cell.a, cell.b) for one in half.member.rounds)

    def worst_first(self) -> list[Compared]:
        """Cells by verdict, then by ratio."""
        return sorted(self.cells, key=_urgency)


def _urgency(cell: Compared) -> tuple[int, float]:
    verdict, value = cell.ratio.verdict, cell.ratio.value
    return (ORDER.index(verdict) if verdict else len(ORDER), -(value or 0.0))
