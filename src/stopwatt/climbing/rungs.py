"""What a ladder shows: of each step its own gain, the gain so far, and its share of the whole."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stopwatt.analyse.accuracy import with_loss
from stopwatt.analyse.row import Row, paired_medians
from stopwatt.climbing.climb import Climb, Known, Rung, Steps, known_of
from stopwatt.climbing.steps import RUNTIME, Step, setup_of, why_not
from stopwatt.operators.changes import Changes
from stopwatt.records import Measurement, Status
from stopwatt.stats.attribution import Share, shares
from stopwatt.stats.ratios import Ratio, Verdict, compare_rounds, judge_family


@dataclass(frozen=True, slots=True)
class Graph:
    """What a step did to the model's graph.

    Attributes:
        changes: From the steps before it to those with it; `None` where one of the two graphs cannot be seen.
        why: Why it cannot; empty where it can.
    """

    changes: Changes | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Marginal:
    """What a step buys on top of some others.

    Attributes:
        on: Those, in the ladder's order.
        ratio: How many times faster they are with it.
    """

    on: Steps
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class Gain:
    """A step and what it buys.

    Attributes:
        kept: Whether it is part of the end of the ladder; a step that another one took the place of is not.
        why_not: Why it is not; empty where it is.
        alone: How many times faster the base is with this step only.
        on_top: How many times faster it is than what was kept before it.
        so_far: How many times faster than the base all steps up to this one are together.
        row: With the steps up to this one; `None` where nothing was measured.
        share: What it contributes to the whole over several orders, on a logarithm; `None` where it is not kept.
        least, most: Where its gain was least and most among the orders; `None` where it is not kept.
        graph: What it did to the graph; `None` where nobody looked.
    """

    step: Step
    kept: bool
    why_not: str
    alone: Ratio
    on_top: Ratio
    so_far: Ratio
    row: Row | None
    share: Share[Step] | None = None
    least: Marginal | None = None
    most: Marginal | None = None
    graph: Graph | None = None

    @property
    def overlaps(self) -> bool:
        """Whether its gain is shown to depend on what was done before it: two intervals apart from each other."""
        if self.least is None or self.most is None:
            return False
        high, low = self.least.ratio.high, self.most.ratio.low
        return high is not None and low is not None and high < low


@dataclass(frozen=True, slots=True)
class Rival:
    """A setup that is not the end of the ladder and is shown to be faster than it.

    A ladder drops what does not help on top of the steps before it. With steps that come after it, it may.

    Attributes:
        row: What was measured of it.
        whole: How many times faster than the base it is.
        ahead: How many times faster than the end it is.
    """

    row: Row
    whole: Ratio
    ahead: Ratio


@dataclass(frozen=True, slots=True)
class Ladder:
    """What a ladder shows.

    Attributes:
        base: The setup that it begins with.
        gains: One for each step, in the order in which they were climbed.
        end: With all steps that were kept.
        whole: How many times faster the end is than the base.
        orders: In how many orders the gains were attributed.
        rival: The fastest of the setups that are shown to be faster than the end; `None` where none is.
    """

    base: Row | None
    gains: tuple[Gain, ...]
    end: Row | None
    whole: Ratio
    orders: int
    rival: Rival | None = None


def conclude(climb: Climb, found: Sequence[Measurement]) -> Ladder:
    """What measurements show.

    Args:
        climb: The ladder.
        found: All that was measured of it.
    """
    known = known_of(found, climb.plan.protocol.rounds)
    known = {setup: with_loss(row, known.get(climb.base)) for setup, row in known.items()}
    rungs = climb.rungs(known)
    end: Steps = rungs[-1].after if rungs else ()
    orders = climb.orders_of(end)
    of_step = {one.step: one for one in shares(orders, lambda chosen: _log_gain(climb, chosen, known))}
    gains = [_with_share(_gain(climb, rung, end, known), climb, of_step.get(rung.step), known) for rung in rungs]
    together = judge_family([one.on_top for one in gains])
    gains = [replace(one, on_top=ratio) for one, ratio in zip(gains, together, strict=True)]
    whole, rival = climb.ratio((), end, known), _rival(climb, climb.row(end, known), known)
    return Ladder(known.get(climb.base), tuple(gains), climb.row(end, known), whole, len(orders), rival)


def _rival(climb: Climb, end: Row | None, known: Known) -> Rival | None:
    """The fastest of all setups that were measured on the way and are shown to be faster than the end."""
    base = known.get(climb.base)
    if base is None or end is None or base.status is not Status.OK or end.status is not Status.OK:
        return None
    others = [row for row in known.values() if row.status is Status.OK and row is not base and row is not end]
    ratios = judge_family([compare_rounds(*paired_medians(end, row)) for row in others])
    ahead = [
        (row, ratio)
        for row, ratio in zip(others, ratios, strict=True)
        if ratio.verdict is Verdict.FASTER and not climb.less_accurate(row, known)
    ]
    if not ahead:
        return None
    row, ratio = max(ahead, key=lambda one: one[1].value or 0.0)
    return Rival(row, compare_rounds(*paired_medians(base, row)), ratio)


def _gain(climb: Climb, rung: Rung, end: Steps, known: Known) -> Gain:
    kept = rung.step in end
    replaced = "" if kept or rung.why_not else f"{_heir(rung, end).name} took its place"
    return Gain(
        rung.step,
        kept,
        rung.why_not or replaced,
        _alone(climb, rung.step, known),
        climb.ratio(rung.before, rung.chosen, known) if rung.chosen != rung.before else Ratio(why=rung.why_not),
        climb.ratio((), rung.after, known),
        climb.row(rung.chosen, known) if rung.chosen != rung.before else None,
    )


def _with_share(gain: Gain, climb: Climb, share: Share[Step] | None, known: Known) -> Gain:
    if share is None:
        return gain
    least, most = (_marginal(climb, gain.step, on, known) for on in (share.least_on, share.most_on))
    return replace(gain, share=share, least=least, most=most)


def _marginal(climb: Climb, step: Step, on: frozenset[Step], known: Known) -> Marginal:
    before, after = climb.in_order(on), climb.in_order({*on, step})
    return Marginal(before, climb.ratio(before, after, known))


def _heir(rung: Rung, end: Steps) -> Step:
    """The step that a kept one gave way to: of its slot, or the runtime that lacks its precision."""
    rivals = {one.slot: one for one in end if one.slot}
    return rivals.get(rung.step.slot) or rivals.get(RUNTIME) or rung.step


def _alone(climb: Climb, step: Step, known: Known) -> Ratio:
    refused = why_not(climb.base, (step,))
    if refused:
        return Ratio(why=refused)
    row = known.get(setup_of(climb.base, (step,)))
    if row is not None and row.status is not Status.OK:
        return Ratio(why=row.trouble.what if row.trouble else str(row.status))
    return climb.ratio((), (step,), known)


def _log_gain(climb: Climb, chosen: frozenset[Step], known: Known) -> float | None:
    """Logarithm of how many times faster the base is with a set of steps."""
    if not chosen:
        return 0.0
    value = climb.ratio((), climb.in_order(chosen), known).value
    return None if value is None else math.log(value)
