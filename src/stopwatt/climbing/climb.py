"""What to measure next on a ladder.

    the base, each step alone, and each on top of those before it, side by side -> once more without those that did not
    help -> what is left in the end, in some other orders

A step that is refused, fails, does not make it faster on top of the others, or costs too much of the accuracy is not
kept, and what comes after it is measured without it. A step takes the place of another one in its slot: one runtime at
a time. Everything follows from the setups of which all rounds are measured, so that a climb which is started again goes
on where it stopped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stopwatt.analyse.accuracy import with_loss
from stopwatt.analyse.row import Row, paired_medians
from stopwatt.analyse.summary import summarise
from stopwatt.climbing.steps import RUNTIME, Step, setup_of, why_not
from stopwatt.metrics import ACCURACY_LOSS
from stopwatt.records import Cell, Measurement, Setup, Status
from stopwatt.stats.attribution import orders_of, prefixes
from stopwatt.stats.ratios import MARGIN, Ratio, Verdict, compare_rounds
from stopwatt.sweeping.plan import Plan

Steps = tuple[Step, ...]
Known = Mapping[Setup, Row]


@dataclass(frozen=True, slots=True)
class Rung:
    """A step on top of those that were kept before it.

    Attributes:
        before: Steps that it is tried on.
        chosen: Those and the step, without what it takes the place of; as `before` where no backend offers it.
        why_not: Why it is not kept; empty where it is, or where nobody knows yet.
    """

    step: Step
    before: Steps
    chosen: Steps
    why_not: str = ""

    @property
    def after(self) -> Steps:
        """Steps that the next one is tried on."""
        return self.before if self.why_not else self.chosen


@dataclass(frozen=True, slots=True)
class Climb:
    """A ladder.

    Attributes:
        plan: Of the base cell, for its protocol and the facts of the machine.
        cell: The cell of a setup, under the same protocol.
        steps: In the order in which they are climbed.
        orders: In how many orders the gains of the kept steps are attributed.
        seed: Draws the orders.
        lose: Accuracy on labelled data, from 0 to 1, by which a step may be below the base.
    """

    plan: Plan
    cell: Callable[[Setup], Cell]
    steps: Steps
    orders: int = 4
    seed: int = 0
    lose: float = 0.01

    @property
    def base(self) -> Setup:
        """Where it begins."""
        return self.plan.cells[0].setup

    def next(self, found: Sequence[Measurement]) -> Plan | None:
        """What is to be measured after what there is; `None` when all is known."""
        known = known_of(found, self.plan.protocol.rounds)
        rungs = self.rungs(known)
        wanted = [(), *((step,) for step in self.steps), *(rung.chosen for rung in rungs)]
        plan = self._plan(wanted, known)
        if plan is not None or not rungs:
            return plan
        return self._plan([*wanted, *self.sets_of(rungs[-1].after)], known)

    def rungs(self, known: Known) -> list[Rung]:
        """The ladder as far as it is known; a step of which nobody knows is taken as one that helps."""
        rungs: list[Rung] = []
        for step in self.steps:
            before = rungs[-1].after if rungs else ()
            rungs.append(self._rung(before, step, known))
        return rungs

    def _rung(self, before: Steps, step: Step, known: Known) -> Rung:
        chosen = (*(one for one in before if not step.slot or one.slot != step.slot), step)
        refused = why_not(self.base, chosen)
        if refused and step.slot == RUNTIME:  # one that lacks a precision or a technique may be better all the same
            chosen = tuple(one for one in chosen if not why_not(self.base, (one, step)))
            refused = why_not(self.base, chosen) and refused
        if refused:
            return Rung(step, before, before, refused)
        row = known.get(setup_of(self.base, chosen))
        if row is None:
            return Rung(step, before, chosen)
        if row.status is not Status.OK:
            return Rung(step, before, chosen, row.trouble.what if row.trouble else str(row.status))
        return Rung(step, before, chosen, self._slower(before, chosen, known) or self.less_accurate(row, known))

    def _slower(self, before: Steps, chosen: Steps, known: Known) -> str:
        ratio = self.ratio(before, chosen, known)
        if ratio.verdict is Verdict.SLOWER:
            return "slower than without it"
        seems = ratio.verdict is Verdict.INCONCLUSIVE and ratio.value is not None and ratio.value < 1 - MARGIN
        return "seems slower than without it, which is not shown" if seems else ""

    def less_accurate(self, row: Row, known: Known) -> str:
        """Why a setup costs too much of the accuracy of the base; empty where it does not, or nobody knows."""
        lost = with_loss(row, known.get(self.base)).estimates[ACCURACY_LOSS].value if row.answers is not None else None
        return f"accuracy falls by {lost:.3g}" if lost is not None and lost > self.lose else ""

    def ratio(self, before: Steps, after: Steps, known: Known) -> Ratio:
        """How many times faster a set of steps is than another one."""
        base, other = (self.row(chosen, known) for chosen in (before, after))
        if base is None or other is None or base.status is not Status.OK or other.status is not Status.OK:
            return Ratio(why="not measured")
        return compare_rounds(*paired_medians(base, other))

    def row(self, chosen: Steps, known: Known) -> Row | None:
        """What is known of a set of steps; `None` where nothing was measured, or no backend offers it."""
        return None if why_not(self.base, chosen) else known.get(setup_of(self.base, chosen))

    def orders_of(self, kept: Steps) -> list[Steps]:
        """Orders in which the kept steps are climbed for attribution."""
        return orders_of(kept, self.orders, self.seed) if kept else []

    def sets_of(self, kept: Steps) -> list[Steps]:
        """The sets of steps that those orders pass through."""
        return [self.in_order(chosen) for chosen in prefixes(self.orders_of(kept))]

    def in_order(self, chosen: Iterable[Step]) -> Steps:
        """Steps in the ladder's own order."""
        return tuple(step for step in self.steps if step in set(chosen))

    def _plan(self, wanted: Iterable[Steps], known: Known) -> Plan | None:
        """The sets that some backend offers, side by side; `None` where all were measured."""
        setups = dict.fromkeys(
            setup_of(self.base, self.in_order(chosen)) for chosen in wanted if not why_not(self.base, chosen)
        )
        if all(setup in known for setup in setups):
            return None
        return replace(self.plan, cells=tuple(map(self.cell, setups)))


def known_of(found: Sequence[Measurement], rounds: int) -> dict[Setup, Row]:
    """What is known of each setup that gave no result, or all its rounds: a row of these."""
    of_setup: dict[Setup, list[Measurement]] = {}
    for one in found:
        if one.status is not Status.INTERRUPTED:
            of_setup.setdefault(one.cell.setup, []).append(one)
    done = [one for of_one in of_setup.values() if _is_done(of_one, rounds) for one in of_one]
    return {row.cell.setup: row for row in summarise(done)}


def _is_done(found: Sequence[Measurement], rounds: int) -> bool:
    return len(found) >= rounds or any(one.status is not Status.OK for one in found)
