"""From a request to its result: plan, judge the machine, measure what is missing, conclude. All verbs go this way."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from stopwatt import __version__
from stopwatt.analyse.analysis import Analysis, analyse
from stopwatt.analyse.row import Row
from stopwatt.analyse.selftests import SelfTest, latest_selftest
from stopwatt.analyse.summary import summarise
from stopwatt.devices.fitness import judge
from stopwatt.errors import EnvironmentUnfit, UsageError
from stopwatt.records import Measurement, Note, Status
from stopwatt.reporting.foresight import DryRun
from stopwatt.reporting.result import BenchResult
from stopwatt.reporting.sweep_result import SweepResult
from stopwatt.store import Access, Run, RunStatus, Selection, open_store
from stopwatt.store.location import locate
from stopwatt.sweeping.execute import Interrupted, Watcher, execute
from stopwatt.sweeping.executors.choice import Executor, placed
from stopwatt.sweeping.foresee import foresee, foresee_by_probe
from stopwatt.sweeping.grid import Grid
from stopwatt.sweeping.gridfile import as_request
from stopwatt.sweeping.plan import Plan, Request, make_plan, plan_grid
from stopwatt.sweeping.rounds import Rounds

Conclusion = TypeVar("Conclusion")

if TYPE_CHECKING:
    from stopwatt.store.database import Store


class Silent:
    """A watcher that does nothing."""

    def begin(self, total: int, done: int) -> None:
        """Ignore."""

    def announce(self, text: str) -> None:
        """Ignore."""

    def turn(self, cell: Any, round_number: int) -> None:
        """Ignore."""

    def phase(self, name: str) -> None:
        """Ignore."""

    def saved(self, measurement: Any, done: int, failed: int, left_s: float | None) -> None:
        """Ignore."""

    def stopping(self) -> None:
        """Ignore."""

    def end(self) -> None:
        """Ignore."""


def run_request(
    asked: Request,
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
    deadlines: Sequence[float] = (),
) -> BenchResult:
    """Plan, judge the machine, measure, summarise. Goes on with an unfinished run of the same plan."""
    request = {"deadlines": list(deadlines)} if deadlines else {}
    return run_plan(make_plan(asked), request, deadlines, store=store, watcher=watcher, allow=allow)


def run_grid(
    asked: Grid,
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
    executor: Executor | None = None,
) -> SweepResult:
    """The same for a grid, which is kept with the run; here or on the machines of a cluster."""

    def conclude(measurements: Sequence[Measurement]) -> Analysis:
        return analyse(measurements, deadlines=asked.deadlines)

    with placed(plan_grid(asked), executor or Executor()) as (plan, rounds):
        done = carry_out(plan, as_request(asked), conclude, store=store, watcher=watcher, allow=allow, rounds=rounds)
    told = bool(asked.deadlines) or plan.protocol.paced is not None
    rows = tuple(replace(cell.row, worst=cell.worst if told else ()) for cell in done.conclusion.cells)
    about = (rows, done.run, done.where, plan.facts, done.notes, asked.deadlines)
    return SweepResult(*about, analysis=done.conclusion, selftest=done.selftest)


def foresee_grid(
    asked: Grid, *, store: str | None = None, watcher: Watcher | None = None, probe: bool = False
) -> DryRun:
    """What the sweep of a grid would cost, from the rounds in the store or from a probe. Nothing is stored."""
    plan = plan_grid(asked)
    if probe:
        return DryRun(asked, plan, foresee_by_probe(plan, watcher or Silent()))
    place = locate(store)
    if isinstance(place, Path) and not place.exists():
        return DryRun(asked, plan, foresee(plan, None))
    with open_store(store, access=Access.READ) as database:
        return DryRun(asked, plan, foresee(plan, database))


def run_plan(
    plan: Plan,
    request: Mapping[str, Any],
    deadlines: Sequence[float] = (),
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
    rounds: Rounds | None = None,
) -> BenchResult:
    """Judge the machine, measure what is not measured yet, summarise. What was asked for is kept with the run."""
    asked = deadlines if deadlines or plan.protocol.paced is not None else None

    def conclude(measurements: Sequence[Measurement]) -> tuple[Row, ...]:
        return tuple(summarise(measurements, deadlines=asked))

    done = carry_out(plan, request, conclude, store=store, watcher=watcher, allow=allow, rounds=rounds)
    return BenchResult(done.conclusion, done.run, done.where, plan.facts, done.notes, selftest=done.selftest)


@dataclass(frozen=True, slots=True)
class Done(Generic[Conclusion]):
    """What was measured, and what it says."""

    conclusion: Conclusion
    run: Run
    where: str
    notes: tuple[Note, ...]
    selftest: SelfTest | None


def carry_out(
    plan: Plan,
    request: Mapping[str, Any],
    conclude: Callable[[Sequence[Measurement]], Conclusion],
    *,
    store: str | None,
    watcher: Watcher | None,
    allow: bool,
    rounds: Rounds | None = None,
    then: Callable[[Sequence[Measurement]], Plan | None] = lambda _: None,
    kept: bool = False,
) -> Done[Conclusion]:
    """Measure, and draw a conclusion from the measurements, which are in the order of the plan's cells.

    Args:
        plan: What to measure. It names the run: a later start goes on with an unfinished run of an equal plan.
        request: What was asked for, kept with the run.
        conclude: Draws the conclusion.
        store: Results database.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.
        rounds: Who measures.
        then: From the measurements to the plan of what is to be measured after them in the same run, if anything; asked
            again until it says nothing, or the same once more. A later start that finds that partly measured must come
            to the same plan.
        kept: Measure nothing: conclude from the latest finished run of the same plan.

    Raises:
        UsageError: What was measured shall be shown, and there is no finished run of this plan.
    """
    if kept:
        return _of_kept(plan, conclude, store)
    watcher = watcher or Silent()
    for text in plan.announcements:
        watcher.announce(text)
    notes = _judge(plan, allow=allow)
    with open_store(store) as database:
        run = _begin(database, plan, request)
        try:
            execute(plan, database, run, watcher, rounds)
            found = _measured(database, run, plan)
            last = plan
            while (further := then(found)) is not None and further.digest != last.digest:
                execute(further, database, run, watcher, rounds)
                found, last = _measured(database, run, plan), further
        except (Interrupted, KeyboardInterrupt):
            database.finish_run(run, RunStatus.INTERRUPTED)
            raise
        conclusion = conclude(found)
        failed = any(one.status not in (Status.OK, Status.UNSUPPORTED, Status.INTERRUPTED) for one in found)
        database.finish_run(run, RunStatus.PARTLY_FAILED if failed else RunStatus.COMPLETE)
        return Done(conclusion, run, database.where, notes, latest_selftest(database, plan.cells[0].machine))


def _of_kept(
    plan: Plan, conclude: Callable[[Sequence[Measurement]], Conclusion], store: str | None
) -> Done[Conclusion]:
    """What the latest finished run of a plan says."""
    with open_store(store, access=Access.READ) as database:
        run = database.find_finished(plan.digest)
        if run is None:
            raise UsageError(
                f"{database.where} holds no finished run of this request, on this machine and with this code",
                when="--kept",
                now="leave --kept out to measure",
            )
        selftest = latest_selftest(database, plan.cells[0].machine)
        return Done(conclude(_measured(database, run, plan)), run, database.where, (), selftest)


def _measured(database: "Store", run: Run, plan: Plan) -> list[Measurement]:
    """In the order of the plan's cells; what is not of the plan comes last."""
    places = {cell.key: place for place, cell in enumerate(plan.cells)}
    measurements = database.measurements(Selection(run=run.id))
    return sorted(measurements, key=lambda one: places.get(one.cell.key, len(places)))


def _judge(plan: Plan, *, allow: bool) -> tuple[Note, ...]:
    settled = {name: value for name, value in plan.facts.items() if name != "cpu.load"}  # it remembers our last run
    most: dict[str, int] = {}
    for cell in plan.cells:
        most[cell.setup.device] = max(most.get(cell.setup.device, 1), cell.setup.threads)
    notes: dict[str, Note] = {}
    for device, threads in most.items():
        judgement = judge(settled, threads=threads, device=device, allow=allow)
        for trouble in judgement.failures:
            raise EnvironmentUnfit(
                trouble.what, when=trouble.when, now=f"{trouble.now}; or measure all the same with --allow"
            )
        notes |= {note.kind: note for note in judgement.notes}
    return tuple(notes.values())


def _begin(database: "Store", plan: Plan, request: Mapping[str, Any]) -> Run:
    command = shlex.join(["stopwatt", *sys.argv[1:]])
    unfinished = database.find_unfinished(plan.digest)
    if unfinished is not None:
        return database.continue_run(unfinished, command, request)
    return database.begin_run(command, plan.digest, plan.tag, __version__, request)
