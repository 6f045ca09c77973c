"""What an ablation measures of one setup: first the ways that are certain, then those about which the first decide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from stopwatt.errors import UsageError
from stopwatt.records import QUICK, Scalar
from stopwatt.sweeping.design import Design, Interactions, LeftOut, Levels, factorial, follow_up, parts_of, singles
from stopwatt.sweeping.levels import choose_levels, read_ways
from stopwatt.sweeping.plan import Plan, Request, check_protocol, make_plan
from stopwatt.sweeping.waycost import with_room
from stopwatt.ways import Ablation, Way

REPEATS = 5
"""Rounds of each way unless another number is asked for."""
CALLS, LEAST_CALLS = Ablation(()).calls, Ablation(()).least_calls
RULES = QUICK
"""How a round is measured, but for its ways."""
MOST_REPEATS = 100
MOST_CALLS = 10**6
MOST_ROUNDS = 1_000
"""Of a stage."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which ways of measuring to try.

    Attributes:
        factors: Names, or `all`; without any those of `levels`, or all.
        levels: Factor -> levels to try instead of the usual ones.
        ways: Exactly these instead of a design, such as `sync=none timer=time`.
        full: Every combination of all levels at once.
        interactions: Which pairs follow the single changes; `None` where nothing is said, as for `HEREDITY`.
        repeats: Rounds of each way.
        calls: Of a series, at most.
    """

    factors: Sequence[str] = ()
    levels: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    ways: Sequence[str] = ()
    full: bool = False
    interactions: Interactions | None = None
    repeats: int = REPEATS
    calls: int = CALLS

    def check(self) -> None:
        """Refuse what contradicts itself or is out of range.

        Raises:
            UsageError: What, and what to do.
        """
        designed = {
            "--factor": bool(self.factors),
            "--level": bool(self.levels),
            "--full": self.full,
            "--interactions": self.interactions is not None,
        }
        for name in (name for name, given in designed.items() if given and self.ways):
            raise UsageError(f"--way and {name} exclude each other", now="name the ways, or let a design choose them")
        if self.full and self.interactions is not None:
            what = "--full and --interactions exclude each other"
            raise UsageError(what, when="a full factorial has all interactions", now="give one of them")
        for name, value, most in (("--repeats", self.repeats, MOST_REPEATS), ("--calls", self.calls, MOST_CALLS)):
            if not 1 <= value <= most:
                raise UsageError(f"{name} {value} is out of range", now=f"use a number from 1 to {most}")

    @property
    def pairs(self) -> Interactions:
        """Which pairs follow."""
        if self.ways or self.full:
            return Interactions.NONE
        return self.interactions or Interactions.HEREDITY


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages of one ablation.

    Attributes:
        blank: Plan of the one cell, without any ways.
        levels: That are tried; empty where ways were named.
        opening: The ways of the first stage, and what was left out of them.
    """

    blank: Plan
    question: Question
    levels: Levels
    opening: Design

    @classmethod
    def of(cls, asked: Request, question: Question) -> Self:
        """The stages that a question about a workload in one setup has.

        Raises:
            UsageError: It cannot be met: an unknown name, ways that nobody can measure, several setups, too many ways.
        """
        question.check()
        blank = make_plan(asked)
        if len(blank.cells) != 1:
            setups = "; ".join(cell.label for cell in blank.cells[:3])
            raise UsageError(
                "protocol measures one workload in one setup at a time", when=setups, now="name one backend"
            )
        setup, facts = blank.cells[0].setup, blank.facts
        if question.ways:
            return cls(blank, question, {}, Design(read_ways(question.ways, setup, facts)))
        levels, impossible = choose_levels(question.factors, question.levels, setup, facts)
        found = factorial(levels, setup) if question.full else Design(singles(levels))
        return cls(blank, question, levels, Design(found.ways, (*impossible, *found.left_out)))

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Of the first stage."""
        return self.opening.left_out

    def first(self) -> Plan:
        """The plan of the first stage. What follows from it is part of what was asked for."""
        return replace(self._plan(self.opening.ways), aim=f"then {self.question.pairs}")

    def second(
        self, matter: Collection[Way], lost: Collection[Way], pairs: Interactions | None = None
    ) -> tuple[Plan | None, Design]:
        """The plan of the second stage, if there is one, and its ways: as many as there may be processes for.

        The single changes that its combinations are made of are measured again, beside them: those of the first stage
        were chosen for what they showed, and an interaction judged by them would be biased.

        Args:
            matter: Ways with one change whose effects are decided and outside the margin.
            lost: Ways with one change that turned out not to be measurable here.
            pairs: Instead of those that were asked for.
        """
        setup = self.blank.cells[0].setup
        found = follow_up(self.levels, setup, pairs or self.question.pairs, matter, lost)
        parts = dict.fromkeys(part for way in found.ways for part in parts_of(way))
        most = MOST_ROUNDS // self.question.repeats - sum(part.cold for part in parts)
        beyond = [way for way in found.ways if way.cold][most:]
        ways = (*parts, *(way for way in found.ways if way not in beyond)) if found.ways else ()
        why = f"it would take more than {MOST_ROUNDS} processes in all"
        design = Design(ways, (*found.left_out, *(LeftOut(way, why) for way in beyond)))
        return (self._plan(ways) if ways else None), design

    def bounds(self) -> tuple[Plan | None, Plan | None]:
        """The smallest and the largest second stage that the first could lead to."""
        pairs = self.question.pairs
        most = Interactions.ALL if pairs is Interactions.HEREDITY else pairs
        return self.second((), ())[0], self.second((), (), most)[0]

    def _plan(self, ways: tuple[Way, ...]) -> Plan:
        """One cell with an ablation.

        Raises:
            UsageError: It would take too many rounds.
        """
        calls = self.question.calls
        ablation = Ablation(ways, calls=calls, least_calls=min(calls, LEAST_CALLS))
        rounds = ablation.cycle * self.question.repeats
        if rounds > MOST_ROUNDS:
            raise UsageError(
                f"{ablation.cycle} ways start cold, and each takes a process of its own in each of "
                f"{self.question.repeats} rounds: {rounds} processes are too many",
                when="warmup=none and warmup=fixed with everything else",
                now=f"choose fewer factors, levels or --repeats, for {MOST_ROUNDS} processes at most",
            )
        rules = replace(self.blank.protocol, rounds=rounds, ablation=ablation)
        if rules.timeout_s == RULES.timeout_s:  # nobody asked for another time limit
            rules = with_room(rules)
        check_protocol(rules)
        (cell,) = self.blank.cells
        return replace(self.blank, cells=(replace(cell, protocol=rules),), protocol=rules)
