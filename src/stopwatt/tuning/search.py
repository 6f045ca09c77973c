"""What to measure next: a race among all candidates, then the proof of those that are left.

    scouts around the best one so far -> further rounds of those that are left -> the proof, side by side -> the choice

Everything follows from the measurements that there are, so that a search which is started again goes on as if it had
never stopped; time is what the rounds say that they took.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from statistics import median

from stopwatt.analyse.accuracy import with_loss
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.records import Cell, Measurement, Protocol, Setup, Status
from stopwatt.stats.quantiles import needed_trials
from stopwatt.stats.racing import Race, RaceRules, judge
from stopwatt.sweeping.plan import Plan
from stopwatt.tuning.goals import Goal, cost_of
from stopwatt.tuning.scouting import is_costly, kind_of, next_group
from stopwatt.tuning.space import Space
from stopwatt.tuning.where import ACCURACIES, Constraint, Holds

Rounds = Mapping[str, Sequence[Measurement]]
"""By the key of the candidate in the race."""

FINALISTS = 3
"""Those whose proof is measured, beside the default."""
MOST_PROOFS = 8
"""Candidates that are tried, one after another, where the proof refutes those before."""
LEAST_PROOFS = 3
"""Rounds of a proof, at least: fewer have no interval."""
RESERVE = 0.35
"""Share of the budget that is kept for the proof, at least."""
_PROOF_S = 3.5
"""What a round of a proof takes beyond one of the race."""
CLEARLY = 1.3
"""A single short round is believed where it is so many times beyond a limit."""
_TAIL = {"p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 0.999}
_TOLD_BY_FEW = frozenset({"deviation", "memory", "latency", "p50", "throughput"})
"""Names of constraints of which a few trials say nearly all."""
_OF_ANSWERS = {"deviation", *ACCURACIES}


@dataclass(frozen=True, slots=True)
class Search:
    """A search.

    Attributes:
        space: Among what.
        goal: What for.
        constraints: What must hold.
        budget_s: Seconds of measuring.
        rules: Of the race.
        proof: Protocol of the proof.
    """

    space: Space
    goal: Goal
    constraints: tuple[Constraint, ...]
    budget_s: float
    rules: RaceRules
    proof: Protocol
    _rows: dict[tuple[tuple[str, int], ...], Row] = field(default_factory=dict, repr=False, compare=False)
    """What rounds say that were looked at before, as every step looks at all of them."""

    def next(self, found: Sequence[Measurement]) -> Plan | None:
        """What is to be measured after what there is; `None` when the choice can be made."""
        scouted, proven = self.split(found)
        missing = self._unscouted(scouted, found)
        if missing:
            return self._plan(missing, replace(self.space.cells[0].protocol, rounds=1))
        race = self.race(scouted)
        arms = [self.space.cells[arm] for arm in race.left]
        needed_s = sum(_round_s(cell, scouted) for cell in arms)
        if not race.over and len(arms) > 1 and self._time_left(found, scouted, needed_s):
            return self._plan(arms, replace(arms[0].protocol, rounds=race.rounds + 1))
        return self._proof(race, scouted, proven, found)

    def split(self, found: Sequence[Measurement]) -> tuple[dict[str, list[Measurement]], dict[str, list[Measurement]]]:
        """Rounds of the race and of the proof, by the key of the candidate in the race."""
        scouts = {cell.key: cell.key for cell in self.space.cells}
        proofs = {self.proving(cell).key: cell.key for cell in self.space.cells}
        scouted: dict[str, list[Measurement]] = {}
        proven: dict[str, list[Measurement]] = {}
        for one in sorted(found, key=lambda one: (one.round, one.started_at)):
            if one.status is Status.INTERRUPTED:
                continue
            if one.cell.key in scouts:
                scouted.setdefault(one.cell.key, []).append(one)
            elif one.cell.key in proofs:
                proven.setdefault(proofs[one.cell.key], []).append(one)
        return scouted, proven

    def proving(self, cell: Cell) -> Cell:
        """A candidate under the rules of the proof."""
        return replace(cell, protocol=self.proof)

    def race(self, scouted: Mapping[str, Sequence[Measurement]]) -> Race:
        """Where the race stands; a candidate that breaks a constraint for certain takes no part."""
        return judge([self._costs(cell, scouted) for cell in self.space.cells], self.rules)

    def order(self, scouted: Mapping[str, Sequence[Measurement]]) -> list[Cell]:
        """Candidates that can still win by what the race saw of them, the best first."""
        race = self.race(scouted)
        typical = {arm: self._typical(cell, scouted) for arm, cell in enumerate(self.space.cells)}
        worth = {arm: cost for arm, cost in typical.items() if cost is not None}
        rest = sorted((arm for arm in worth if arm not in race.left), key=worth.__getitem__)
        return [self.space.cells[arm] for arm in (*race.left, *rest)]

    def spent_s(self, found: Sequence[Measurement]) -> float:
        """What the rounds took, and the conversions before them: one for all numbers of threads."""
        rounds = sum(one.phases.get("round", 0.0) for one in found)
        conversions = {
            (_on_any_threads(one.cell), one.readings["convert_time"]) for one in found if "convert_time" in one.readings
        }
        return rounds + sum(getattr(reading, "value", 0.0) for _, reading in conversions)

    def refusal(self, cell: Cell, scouted: Rounds) -> Measurement | None:
        """The round in which the same setup was refused on another number of threads, which changes nothing of it."""
        same = _on_any_threads(cell)
        alike = (scouted[one.key][0] for one in self.space.cells if one.key in scouted and _on_any_threads(one) == same)
        return next((one for one in alike if one.status is Status.UNSUPPORTED), None)

    # --- scouting ---

    def _unscouted(self, scouted: Rounds, found: Sequence[Measurement]) -> list[Cell]:
        """The next setups of which nothing is known; none once time is up."""
        if self.space.default.key not in scouted:
            return [self.space.default]
        missing = [cell for cell in self.space.cells if cell.key not in scouted and self.refusal(cell, scouted) is None]
        if not missing:
            return []
        wrong = {kind_of(cell.setup) for cell in self.space.cells if cell.key in scouted and self._wrong(cell, scouted)}
        group = next_group(missing, self._best(scouted).setup, lambda cell: kind_of(cell.setup) in wrong)
        return self._affordable(group, scouted, found)

    def _best(self, scouted: Rounds) -> Cell:
        """The best one by what the race saw; the default where none can win."""
        return next(iter(self.order(scouted)), self.space.default)

    def _affordable(self, group: Sequence[Cell], scouted: Rounds, found: Sequence[Measurement]) -> list[Cell]:
        """As many of a group as time is left for; one where nobody knows what they take."""
        expected = [self._expected_s(cell, scouted) for cell in group]
        if len(scouted) == 1:  # the default alone is no choice
            return list(group[:1])
        needed_s = list(accumulate(0.0 if one is None else one for one in expected))
        known = next((place for place, one in enumerate(expected) if one is None), len(group))
        fitting = sum(self._time_left(found, scouted, one) for one in needed_s)
        return list(group[: min(fitting, max(known, 1))])

    def _expected_s(self, cell: Cell, scouted: Rounds) -> float | None:
        """What its first round takes with its conversion, by the setups that are most like it; `None` if none is."""
        known = [one for one in self.space.cells if one.key in scouted and scouted[one.key][0].status is Status.OK]
        converted = [_round_s(one, scouted) for one in known if _on_any_threads(one) == _on_any_threads(cell)]
        if converted:
            return median(converted)
        for alike in (_runtime, _starts_slowly):
            took = [self.spent_s(scouted[one.key]) for one in known if alike(one) == alike(cell)]
            if took:
                return median(took)
        return None

    def _wrong(self, cell: Cell, scouted: Rounds) -> bool:
        """Whether its answers are wrong, or further off than a constraint allows: on other threads they are as well."""
        if scouted[cell.key][0].status is Status.INVALID:
            return True
        row = self.row(cell.key, scouted)
        return any(one.name in _OF_ANSWERS and one.judge(row) is Holds.NO for one in self.constraints)

    def _typical(self, cell: Cell, scouted: Rounds) -> float | None:
        """The mean cost of a candidate's rounds (of logarithms); `None` where it cannot win."""
        costs = self._costs(cell, scouted)
        return math.exp(sum(map(math.log, costs)) / len(costs)) if costs else None

    def _time_left(self, found: Sequence[Measurement], scouted: Rounds, needed_s: float = 0.0) -> bool:
        """Whether racing may go on for so long: a short proof of the best and the default must still be possible."""
        proven = (self._best(scouted), self.space.default)
        least_s = LEAST_PROOFS * sum(self._proof_round_s(cell, scouted) for cell in proven)
        return self.spent_s(found) + needed_s < self.budget_s - max(RESERVE * self.budget_s, least_s)

    def _proof_round_s(self, cell: Cell, scouted: Rounds) -> float:
        """What a round of its proof takes, judged by those of the race."""
        return _PROOF_S + _round_s(cell, scouted)

    def _costs(self, cell: Cell, scouted: Rounds) -> list[float]:
        rounds = scouted.get(cell.key, ())
        if not rounds or any(one.status is not Status.OK for one in rounds) or self._hopeless(cell, scouted):
            return []
        costs = [cost_of(one, self.goal) for one in rounds]
        return [] if None in costs else [cost for cost in costs if cost is not None]

    def _hopeless(self, cell: Cell, scouted: Rounds) -> bool:
        """Whether a constraint is broken by so much that short rounds tell."""
        if not self.constraints:
            return False
        row = self.row(cell.key, scouted)
        for one in self.constraints:
            if one.name in ACCURACIES and one.judge(row) is Holds.NO:  # a longer proof asks the same samples
                return True
            excess = one.excess(row)
            certain = one.name in _TOLD_BY_FEW
            typical = row.estimates["latency"].measured
            slow = one.at_most and one.name in _TAIL and typical is not None and typical > CLEARLY * one.limit
            if slow or (certain and excess is not None and excess > CLEARLY):
                return True
        return False

    # --- proof ---

    def _proof(self, race: Race, scouted: Rounds, proven: Rounds, found: Sequence[Measurement]) -> Plan | None:
        """Finalists and the default side by side; others where these break a constraint; more rounds of what stands.

        The first round of each shows whether its answers are right; those that are wrong cost no further one. Every
        step is followed by the same one if the search is cut off in it: rounds that only sharpen the proof do not count
        when it is decided how many there shall be.
        """
        order = self.order(scouted)
        wanted = _once([*self._finalists(order[: len(race.left)], scouted), self.space.default])
        if not all(cell.key in proven for cell in wanted):
            return self._plan(wanted, replace(self.proof, rounds=1))
        standing = [cell for cell in order if cell.key in proven and self._stands(cell, proven)]
        begun = [cell for cell in standing if len(proven[cell.key]) < LEAST_PROOFS]
        if begun and any(cell is not self.space.default for cell in standing):
            return self._plan(standing, replace(self.proof, rounds=LEAST_PROOFS))
        sharpening = {id(one) for rounds in proven.values() for one in rounds if one.round >= LEAST_PROOFS}
        paid = [one for one in found if id(one) not in sharpening]
        further = self._further(order, standing, (scouted, proven), paid)
        if further is not None:
            return self._plan([further], replace(self.proof, rounds=1))
        round_s = sum(self._proof_round_s(cell, scouted) for cell in standing)
        more = int((self.budget_s - self.spent_s(paid)) / round_s) if standing and not begun else 0
        rounds = min(self.proof.rounds, LEAST_PROOFS + max(0, more))
        if all(len(proven[cell.key]) >= rounds for cell in standing):
            return None
        return self._plan(standing, replace(self.proof, rounds=rounds))

    def _stands(self, cell: Cell, proven: Rounds) -> bool:
        """Whether no constraint is broken; before there is an interval, whether its answers are right."""
        rounds = proven[cell.key]
        if len(rounds) >= LEAST_PROOFS:
            return self.holds(cell, proven) is not Holds.NO
        return all(one.status is Status.OK for one in rounds) and not self._wrong(cell, proven)

    def _further(
        self, order: Sequence[Cell], standing: Sequence[Cell], known: tuple[Rounds, Rounds], paid: Sequence[Measurement]
    ) -> Cell | None:
        """The next one to be proven: while nothing stands, or while one looked better in the race than what stands is.

        The best of many short rounds looks better than it is, so that the next ones may well be better than it.
        """
        scouted, proven = known
        untried = [cell for cell in order if cell.key not in proven]
        tried = sum(cell.key in proven and cell is not self.space.default for cell in order)
        if not untried or tried >= MOST_PROOFS:
            return None
        if not standing:
            return untried[0]
        best = min(self._typical(cell, proven) or math.inf for cell in standing)
        looked = self._typical(untried[0], scouted)
        affordable = self.spent_s(paid) + LEAST_PROOFS * self._proof_round_s(untried[0], scouted) <= self.budget_s
        return untried[0] if affordable and looked is not None and looked < best else None

    def _finalists(self, best: Sequence[Cell], scouted: Rounds) -> Sequence[Cell]:
        """Those, beside the default, that what is left of the budget after the race pays for; one at least."""
        left_s = self.budget_s - self.spent_s([one for rounds in scouted.values() for one in rounds])
        default = self.space.default
        for count in range(min(FINALISTS, len(best)), 1, -1):
            cells = _once([*best[:count], default])
            if LEAST_PROOFS * sum(self._proof_round_s(cell, scouted) for cell in cells) <= left_s:
                return best[:count]
        return best[:1]

    def row(self, key: str, known: Rounds) -> Row:
        """What the rounds of a candidate say; what it loses of its accuracy is against the default."""
        row = self._row_of(known[key])
        default = known.get(self.space.default.key)
        return row if row.answers is None or not default else with_loss(row, self._row_of(default))

    def _row_of(self, rounds: Sequence[Measurement]) -> Row:
        key = tuple((one.id, one.round) for one in rounds)
        if key not in self._rows:
            (self._rows[key],) = summarise(rounds)
        return self._rows[key]

    def holds(self, cell: Cell, proven: Rounds) -> Holds:
        """Whether all constraints hold by what rounds of the proof say; the least certain answer counts."""
        row = self.row(cell.key, proven)
        return worst_of([one.judge(row) for one in self.constraints], row)

    def _plan(self, cells: Sequence[Cell], rules: Protocol) -> Plan:
        """A plan of the whole run: its name is that of the search, whatever it measures at the moment."""
        return replace(self.space.plan, cells=tuple(replace(cell, protocol=rules) for cell in cells), protocol=rules)


def worst_of(answers: Sequence[Holds], row: Row) -> Holds:
    """No before open or unknown before yes; a row that is not OK keeps to nothing."""
    if row.status is not Status.OK or Holds.NO in answers:
        return Holds.NO
    return next((one for one in (Holds.UNKNOWN, Holds.OPEN) if one in answers), Holds.YES)


def proof_rules(base: Protocol, constraints: Sequence[Constraint]) -> Protocol:
    """The proof's protocol with as many trials as the quantiles that are asked about need."""
    tails = [_TAIL[one.name] for one in constraints if one.name in _TAIL]
    if not tails:
        return base
    trials = max(base.trials, needed_trials(max(tails)))
    return replace(base, trials=trials, min_trials=trials)


def _runtime(cell: Cell) -> str:
    return cell.setup.backend


def _starts_slowly(cell: Cell) -> bool:
    return is_costly(cell.setup)


def _round_s(cell: Cell, scouted: Rounds) -> float:
    """What a round of the race takes; the first ones may read files that nobody had read."""
    return min((one.phases["round"] for one in scouted.get(cell.key, ()) if "round" in one.phases), default=0.0)


def _on_any_threads(cell: Cell) -> Setup:
    return replace(cell.setup, threads=1)


def _once(cells: Sequence[Cell]) -> list[Cell]:
    return list({cell.key: cell for cell in cells}.values())
