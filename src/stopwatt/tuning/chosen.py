"""What a search found: the winner, its proof, and everything that is better in some other respect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stopwatt.analyse.estimate import counted
from stopwatt.analyse.front import pareto_front
from stopwatt.analyse.row import Row, paired
from stopwatt.metrics import ACCURACY
from stopwatt.records import Cell, Measurement, Status
from stopwatt.stats.intervals import geometric_mean
from stopwatt.stats.racing import Race
from stopwatt.stats.ratios import Ratio, compare_rounds, judge_family
from stopwatt.tuning.goals import Goal, cost_of, metric_of
from stopwatt.tuning.search import Search, worst_of
from stopwatt.tuning.where import Constraint, Holds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A setup and what is known of it.

    Attributes:
        row: Of its proof where there is one, else of its short rounds in the race.
        proven: Whether it is of the proof.
        holds: Whether the constraints hold, by this row.
        costs: Round number and what the round says of the goal, less is better; of the proof only.
    """

    row: Row
    proven: bool
    holds: Holds
    costs: tuple[tuple[int, float], ...] = ()

    @property
    def label(self) -> str:
        """Its setup, with the number of threads."""
        return _label(self.row.cell)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found.

    Attributes:
        winner: The best by the proof among those that keep to the constraints; `None` where none does.
        runner_up: The next one; `None` where there is none.
        default: What runs where nobody tunes.
        against_default, against_runner_up: How many times less the winner takes, over rounds of the proof side by side.
        front: Candidates that none of the others beats in everything, by the rounds that each has.
        nearest: Without a winner: the proven candidate that misses its constraints by least.
        excess: Of the nearest: constraint as written -> how many times beyond its limit.
        race: How the race ended.
        candidates, scouted: How many there were, and how many of them were tried at all, or refused like one that was.
        failed: Label of a setup -> why it gave no result.
        refused: Label of a setup -> why it cannot be run.
        spent_s, budget_s: Time of measuring.
    """

    goal: Goal
    metric: str
    constraints: tuple[Constraint, ...]
    winner: Candidate | None
    runner_up: Candidate | None
    default: Candidate | None
    against_default: Ratio
    against_runner_up: Ratio
    front: tuple[Candidate, ...]
    nearest: Candidate | None
    excess: Mapping[str, float | None]
    race: Race
    candidates: int
    scouted: int
    failed: Mapping[str, str]
    refused: Mapping[str, str] = field(default_factory=dict)
    spent_s: float = 0.0
    budget_s: float = 0.0


def conclude(search: Search, found: Sequence[Measurement]) -> Tuned:
    """The choice that measurements support.

    Args:
        search: The search.
        found: All that it measured.
    """
    scouted, proven = search.split(found)
    proofs = {key: _candidate(search, search.row(key, proven), proven[key], proven=True) for key in proven}
    scouts = {key: _candidate(search, search.row(key, scouted), scouted[key], proven=False) for key in scouted}
    ranked = sorted((one for one in proofs.values() if one.costs), key=_mean)
    kept = [one for one in ranked if one.holds is Holds.YES] or [one for one in ranked if one.holds is Holds.OPEN]
    winner = kept[0] if kept else None
    rivals = [one for one in kept if one is not winner]
    default = proofs.get(search.space.default.key) or scouts.get(search.space.default.key)
    runner_up = rivals[0] if rivals else None
    to_default, to_runner_up = judge_family([_ratio(default, winner), _ratio(runner_up, winner)])
    nearest = None if winner else min(ranked, key=lambda one: _miss(search, one), default=None)
    best_known = {**scouts, **proofs}
    failed = {one.label: _why(one.row) for one in best_known.values() if one.row.status is not Status.OK}
    untried = [cell for cell in search.space.cells if cell.key not in scouted]
    alike = {
        _label(cell): refused.trouble for cell in untried if (refused := search.refusal(cell, scouted)) is not None
    }
    return Tuned(
        goal=search.goal,
        metric=metric_of(search.goal, search.space.default.setup.device),
        constraints=search.constraints,
        winner=winner,
        runner_up=runner_up,
        default=default,
        against_default=to_default,
        against_runner_up=to_runner_up,
        front=_front(search, list(best_known.values())),
        nearest=nearest,
        excess={} if nearest is None else {one.text: one.excess(nearest.row) for one in search.constraints},
        race=search.race(scouted),
        candidates=len(search.space.cells),
        scouted=len(scouted) + len(alike),
        failed=failed | {label: trouble.what if trouble else "" for label, trouble in alike.items()},
        refused=search.space.refused,
        spent_s=search.spent_s(found),
        budget_s=search.budget_s,
    )


def _candidate(search: Search, row: Row, rounds: Sequence[Measurement], *, proven: bool) -> Candidate:
    holds = worst_of([one.judge(row) for one in search.constraints], row)
    costs = [(one.round, cost) for one in rounds if (cost := cost_of(one, search.goal)) is not None]
    return Candidate(row, proven, holds, tuple(costs) if proven and row.status is Status.OK else ())


def _label(cell: Cell) -> str:
    return f"{cell.setup.label}, {counted(cell.setup.threads, 'thread')}"


def _mean(one: Candidate) -> float:
    return geometric_mean(np.array([cost for _, cost in one.costs]))


def _ratio(base: Candidate | None, other: Candidate | None) -> Ratio:
    if base is None or other is None or not base.costs:
        return Ratio(why="there is nothing to compare with")
    if base is other:
        return Ratio(why="it is the same setup")
    return compare_rounds(*paired(base.costs, other.costs))


def _miss(search: Search, one: Candidate) -> float:
    """The largest of its excesses; unknown ones count as infinite."""
    found = [one_of.excess(one.row) for one_of in search.constraints]
    return max((float("inf") if excess is None else excess for excess in found), default=float("inf"))


def _front(search: Search, known: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """By the goal, latency, throughput, memory and deviation, as far as they were measured."""
    device = search.space.default.setup.device
    metrics = dict.fromkeys([metric_of(search.goal, device), "latency", metric_of(Goal.MEMORY, device), "deviation"])
    able = [one for one in known if one.row.status is Status.OK and one.holds is not Holds.NO]
    if able and all(one.row.answers is not None for one in able):
        metrics[ACCURACY] = None
    measured = tuple(name for name in metrics if any(one.row.estimates[name].measured is not None for one in able))
    rows = {id(one.row): one for one in able}
    return tuple(rows[id(row)] for row in pareto_front([one.row for one in able], measured))


def _why(row: Row) -> str:
    return row.trouble.what if row.trouble is not None else str(row.status)
