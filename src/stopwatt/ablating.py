"""From a workload to what the way of measuring does to its number: measure, look again where it matters, judge."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stopwatt.analyse.ablation import studies
from stopwatt.analyse.row import Row
from stopwatt.analyse.study import Effect, Study
from stopwatt.analyse.summary import summarise
from stopwatt.records import Measurement, Status
from stopwatt.reporting.ways_foresight import ProtocolDryRun, Stage
from stopwatt.reporting.ways_result import ProtocolResult
from stopwatt.running import Silent, carry_out
from stopwatt.stats.ratios import MARGIN, Verdict
from stopwatt.store import Access, Selection, open_store
from stopwatt.store.location import locate
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.foresee import MOST_ROUNDS
from stopwatt.sweeping.joined import Joined
from stopwatt.sweeping.plan import Plan, Request
from stopwatt.sweeping.stages import Question, Stages
from stopwatt.sweeping.waycost import time_of, what_is_known
from stopwatt.ways import Way

if TYPE_CHECKING:
    from stopwatt.store.database import Store
    from stopwatt.sweeping.design import LeftOut


def run_protocol(
    asked: Request,
    question: Question,
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
) -> ProtocolResult:
    """Measure a workload in many ways beside the reference, and say what each does to the number.

    Single changes come first; pairs follow where both parts were found to matter. Both are one run: the same request
    goes on where an earlier start of it was stopped.

    Args:
        asked: One workload in one setup; its protocol has the rules.
        question: The ways.
        store: Results database.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.

    Raises:
        UsageError: Something that cannot be measured, or too much of it.
        EnvironmentUnfit: The machine is not fit to measure on.
        StoreError: The results cannot be saved.
    """
    stages = Stages.of(asked, question)
    first, (least, _) = stages.first(), stages.bounds()
    of_second: list[LeftOut] = []

    def then(measurements: Sequence[Measurement]) -> Plan | None:
        """The same however much of the second stage there is already: only rounds of the first are looked at."""
        opening = [one for one in measurements if one.cell.key == first.cells[0].key]
        if all(one.status is not Status.OK for one in opening):
            return None
        plan, design = stages.second(*_judged(studies(opening)))
        of_second[:] = design.left_out  # it is asked again after the second stage
        return plan

    def conclude(measurements: Sequence[Measurement]) -> tuple[tuple[Study, ...], tuple[Row, ...]]:
        return studies(measurements), tuple(summarise(measurements))

    looker = Joined(watcher or Silent(), 0 if least is None else least.protocol.rounds)
    try:
        done = carry_out(first, {}, conclude, store=store, watcher=looker, allow=allow, then=then)
    finally:
        looker.close()
    found, rows = done.conclusion
    about = (rows, done.run, done.where, first.facts, done.notes)
    return ProtocolResult(*about, studies=found, left_out=(*stages.left_out, *of_second), selftest=done.selftest)


def _judged(found: Iterable[Study]) -> tuple[set[Way], set[Way]]:
    """Ways with one change that matter, and those that turned out not to be measurable."""
    effects = [effect for study in found for effect in study.effects]
    lost = {effect.way for effect in effects if effect.ratio.value is None}
    return {effect.way for effect in effects if _matters(effect)}, lost


def _matters(effect: Effect) -> bool:
    """Whether the effect is decided and outside the margin."""
    ratio = effect.ratio
    decided = ratio.verdict in {Verdict.FASTER, Verdict.SLOWER}
    return decided and ratio.value is not None and abs(math.log(ratio.value)) > math.log1p(MARGIN)


def foresee_protocol(asked: Request, question: Question, *, store: str | None = None) -> ProtocolDryRun:
    """Which ways would be tried, in how many rounds, and how long they would take. Nothing is measured or stored.

    Args:
        asked: As for `run_protocol`.
        question: The same.
        store: Results database, whose rounds tell the time.

    Raises:
        UsageError: As `run_protocol`.
    """
    stages = Stages.of(asked, question)
    place = locate(store)
    if isinstance(place, Path) and not place.exists():
        return _foreseen(stages, None)
    with open_store(store, access=Access.READ) as database:
        return _foreseen(stages, database)


def _foreseen(stages: Stages, database: "Store | None") -> ProtocolDryRun:
    first = stages.first()
    bounds = [plan for plan in stages.bounds() if plan is not None]
    run = None if database is None else database.find_unfinished(first.digest)
    done = {} if database is None or run is None else database.rounds_done(run)
    source = first.cells[0].workload.source
    chosen = Selection(workload=source, status=Status.OK, limit=MOST_ROUNDS)
    earlier = [] if database is None else list(database.phases(chosen))

    def stage(plan: Plan) -> Stage:
        (cell,) = plan.cells
        left = sum((cell.key, number) not in done for number in range(plan.protocol.rounds))
        known = what_is_known(cell, earlier)
        return Stage(plan, left, time_of(cell, left, known), len(known))

    return ProtocolDryRun(stage(first), tuple(map(stage, bounds)), stages.left_out, stages.question.pairs, len(done))
