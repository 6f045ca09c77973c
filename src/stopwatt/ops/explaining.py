"""Explain a model: capture it, measure the operators that matter, its latency, and put both side by side.

capture    from the store, else now; or as a person edited its summary
latency    of the whole model: from the store, else measured now with the quick protocol
operators  the heaviest that have no time, turn by turn, until they account for the target or the budget is used
compare    other backends: what they run, and how long the model takes on them
"""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stopwatt.analyse.row import Row
from stopwatt.errors import StopwattError, UsageError
from stopwatt.operators.capture import Capture
from stopwatt.operators.costs import cost_of
from stopwatt.operators.expected import expected, next_ones
from stopwatt.operators.explain import Basis, Explanation, Model, explain
from stopwatt.operators.formulas import work_of
from stopwatt.operators.groups import By
from stopwatt.operators.memory import Rule
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Place, Replay, ReplayRules
from stopwatt.ops.given import EAGER, given_by, stale
from stopwatt.ops.learnt import learnt_at, learnt_times
from stopwatt.ops.measuring import measure
from stopwatt.ops.queue import Order
from stopwatt.ops.setting import caches_for, captured, place_for
from stopwatt.ops.whole import known_row, model_of, specs_of
from stopwatt.predicting.predictor import Predictor
from stopwatt.records import QUICK, Cell, Severity
from stopwatt.reporting.operators.compared import Compared, compared
from stopwatt.reporting.operators.explain import ExplainResult
from stopwatt.reporting.progress import ProgressLine
from stopwatt.running import run_request
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Plan, Request, make_plan
from stopwatt.units import percent

if TYPE_CHECKING:
    from stopwatt.store.database import Store

TARGET = 0.9
BUDGET_S = 600.0
LEAST_TURN = 12
"""Operators of a turn, where so many are left: each turn starts a process."""
_LEAST_TURN_S = 1.0
"""Of the budget that must be left for another turn."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a model.

    Attributes:
        target: Share of the time that operators with a time shall account for.
        budget_s: For measuring operators.
        rule: How memory modes are chosen.
        by: What the table shows.
        compare: Backends that stand beside each other; none for none.
        allow: Measure even on a machine that is not fit.
    """

    target: float = TARGET
    budget_s: float = BUDGET_S
    rule: Rule = Rule.AUTO
    by: By = By.OPERATOR
    compare: tuple[str, ...] = ()
    allow: bool = False


def run_explain(
    asked: Request, question: Question, *, store: str | None = None, watcher: ProgressLine | None = None
) -> ExplainResult:
    """Say where the time of one model in one setup goes.

    Args:
        asked: One workload, one precision, one batch; its backends are those that are explained, which is eager. In the
            place of the workload may stand a summary file, which says all of these itself.
        question: What is wanted.
        store: Results database.
        watcher: Looks on.

    Raises:
        UsageError: More than one model or setup, a target that cannot be, or a file that cannot be read as a summary.
        EnvironmentUnfit: The model must be measured, and the machine is not fit.
        Interrupted: The user stopped it; what was done is saved.
        StoreError: Something could not be saved.
    """
    with open_store(store) as database:
        given = given_by(database, replace(asked, backends=(EAGER,), baseline=False, protocol=QUICK))
        plan = _planned(given.asked, question)
        cell = plan.cells[0]
        session = _Session(database, given.asked, question, watcher)
        capture = given.capture or captured(database, given.asked, cell, watcher)
        row = session.row(given.asked, cell)
        model = model_of(row)
        found, turns = session.explained(given.edited or capture, cell, model)
        sides = session.compared(capture) if question.compare else ()
        notes = (*stale(capture, cell), *_warnings(row))
        return ExplainResult(found, question.by, sides, turns, where=database.where, changes=given.changes, notes=notes)


def _planned(asked: Request, question: Question) -> Plan:
    if not 0 < question.target <= 1:
        raise UsageError(f"--until {question.target:g} is out of range", now="give a share, such as 90%")
    if question.budget_s < 0:
        raise UsageError("the budget is below 0", now="give a time, such as --budget 10min")
    plan = make_plan(asked)
    if len(plan.cells) != 1:
        raise UsageError(
            f"one model in one setup is explained, and this names {len(plan.cells)}",
            now="give one workload, one precision and one batch",
        )
    return plan


@dataclass(frozen=True, slots=True)
class _Session:
    store: "Store"
    asked: Request
    question: Question
    watcher: ProgressLine | None

    def row(self, asked: Request, cell: Cell) -> Row:
        """The whole model, with its latency; measured now if the store has none."""
        known = known_row(self.store, cell)
        if known is not None:
            return known
        return run_request(asked, store=self.store.where, watcher=self.watcher, allow=self.question.allow).rows[0]

    def explained(self, capture: Capture, cell: Cell, model: Model) -> tuple[Explanation, tuple[float, ...]]:
        """Measure what is missing, turn by turn; the explanation, and the coverage before the first and after each."""
        place = place_for(cell)
        works = [work_of(one) for one in capture.operators]
        specs = specs_of(self.store, cell, place.hardware)
        basis = Basis(
            works,
            caches_for(cell.setup.device, cell.setup.threads),
            self.question.rule,
            specs,
            target=self.question.target,
        )
        learnt = self._learnt(place)
        until = time.monotonic() + self.question.budget_s
        turns: list[float] = []
        before: list[Operator] = []
        while True:
            replays = self._replays(capture, place)
            known = _known(capture, replays)
            rough = expected(capture, works, known, specs)
            better = learnt_times(capture, known, basis, place, learnt)
            found = explain(capture, replays, model, replace(basis, expected_s={**rough, **better}))
            waiting, left_s = self._waiting(capture, place), until - time.monotonic()
            if turns and self.watcher is not None:
                self.watcher.announce(f"measured operators account for {percent(found.coverage)} of the time")
            turns.append(found.coverage)
            if found.coverage >= self.question.target or left_s < _LEAST_TURN_S or waiting in ([], before):
                return found, tuple(turns)
            before = waiting
            chosen = next_ones(capture, waiting, works, specs, self.question.target, least=LEAST_TURN)
            measure(self.store, chosen, place, self._rules(), left_s, self.watcher, order=Order.GIVEN)

    def _learnt(self, place: Place) -> Predictor:
        try:
            return learnt_at(self.store, place)
        except StopwattError as error:  # only rough times are lost
            if self.watcher is not None:
                self.watcher.announce(f"{error.what}: {error.now}")
            return Predictor({})

    def compared(self, eager: Capture) -> tuple[Compared, ...]:
        """Each backend that was asked for, or why it gave nothing."""
        return tuple(self._side(name, eager) for name in self.question.compare)

    def _side(self, name: str, eager: Capture) -> Compared:
        asked = replace(self.asked, backends=(name,))
        try:
            cell = make_plan(asked).cells[0]
            capture = eager if name == EAGER else captured(self.store, asked, cell, self.watcher)
            model = model_of(self.row(asked, cell))
        except UsageError:
            raise
        except StopwattError as error:
            return Compared(name, 0, None, error.what, ())
        return compared(capture, model.latency, model.no_latency if model.latency is None else "", eager)

    def _replays(self, capture: Capture, place: Place) -> dict[str, list[Replay]]:
        found: dict[str, list[Replay]] = {}
        for kept in self.store.operators.replays(place=place, operators={one.key for one in capture.operators}):
            found.setdefault(kept.replay.operator, []).append(kept.replay)
        return found

    def _waiting(self, capture: Capture, place: Place) -> list[Operator]:
        """Operators that could be measured and were not tried in every mode that is wanted."""
        tried = self.store.operators.measured(place)
        modes = self._rules().modes
        return [one for one in capture.operators if not one.obstacle and any((one.key, m) not in tried for m in modes)]

    def _rules(self) -> ReplayRules:
        """All modes where they are chosen, or only the one that counts."""
        rule = self.question.rule
        return ReplayRules() if rule is Rule.AUTO else ReplayRules(modes=(Mode(rule.value),))


def _warnings(row: Row) -> tuple[str, ...]:
    found = [one.note for one in row.notes if one.note.severity is Severity.WARNING]
    return tuple(f"the measured latency: {one.text}" for one in found)


def _known(capture: Capture, replays: dict[str, list[Replay]]) -> dict[str, float]:
    """Seconds of a call of each operator with a time, in its fastest mode, by key."""
    known: dict[str, float] = {}
    for one in capture.operators:
        times = cost_of(one, replays.get(one.key, ()), "").time_s
        if times:
            known[one.key] = min(times.values())
    return known
