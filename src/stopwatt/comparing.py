"""The library's `compare`: two sets of results, or two things that are measured now, in turn."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import overload

from stopwatt.analyse.compare import compare as compare_sides
from stopwatt.analyse.detectable import Calibration, calibrate
from stopwatt.analyse.observed import COMPARED_ENERGY, Side, check_metric, observe
from stopwatt.errors import StopwattError, UsageError
from stopwatt.records import Measurement, Protocol
from stopwatt.reporting.comparison import AaResult, CompareResult
from stopwatt.running import Silent, run_plan
from stopwatt.stats.ratios import MARGIN
from stopwatt.store import Access, Run, Selection, Store, open_store
from stopwatt.store.references import find_runs, names_a_store
from stopwatt.sweeping.abba import plan_commands, plan_itself, plan_pair
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.executors.command import SOURCE, CommandRounds
from stopwatt.sweeping.grid import Grid
from stopwatt.sweeping.plan import Plan
from stopwatt.sweeping.rounds import Rounds
from stopwatt.workloads.params import short_label

REQUEST = "compare"
"""Key of a run's request under which stands what was compared in it: `{"arms": [cell key, ...]}`, one for an A/A."""
PAIRS = 10
"""Pairs of rounds of two setups, or of one with itself, unless another number is asked for."""
RUNS = 20
"""Counted runs of a command, unless another number is asked for."""
LONGEST_S = 600.0
_LATEST_AA = 20
"""A/A runs of a store that are looked at."""


@overload
def compare(
    a: str,
    b: str,
    *,
    metric: str = "latency",
    margin: float = MARGIN,
    store: str | None = None,
    force: bool = False,
) -> CompareResult: ...


@overload
def compare(
    a: str,
    b: None = None,
    *,
    metric: str = "latency",
    margin: float = MARGIN,
    store: str | None = None,
    force: bool = False,
) -> CompareResult | AaResult: ...


def compare(
    a: str,
    b: str | None = None,
    *,
    metric: str = "latency",
    margin: float = MARGIN,
    store: str | None = None,
    force: bool = False,
) -> CompareResult | AaResult:
    """Compare two sets of results, cell by cell.

    Args:
        a: What B is compared with: a results database (path or URL), a run's id or its beginning, a tag, `last`,
            `last~1` (the run before the last).
        b: The side that gets the verdicts, named in the same way. Absent for a run in which two things were measured in
            turn: what it showed is shown again.
        metric: `latency`, `throughput`, `latency_p99`, `energy_gpu`, ...
        margin: Relative difference that does not matter.
        store: Results database in which runs and tags are looked up; `$STOPWATT_STORE` or `./stopwatt.db` if absent.
        force: Compare also what is not alike (precision, boundary, arrivals, rules, machine); the result is marked.

    Returns:
        One row per cell that both have: the ratio of times B / A with its interval and a verdict. An `AaResult` for a
        single run that measured a setup against itself.

    Raises:
        UsageError: No such run, several that could be meant, nothing in common, no value, or unlike things.
        StoreError: A results database cannot be read.
    """
    check_metric(metric)
    check_margin(margin)
    if b is None:
        return _again(a, metric, margin, store)
    side_a, aa_a = _look_up(a, store, metric, margin)
    side_b, aa_b = _look_up(b, store, metric, margin)
    runs = [{one.run for one in side.rounds} for side in (side_a, side_b)]
    if runs[0] and runs[0] == runs[1]:
        raise UsageError("A and B are the same run", when=f"{a}, {b}", now="stopwatt show lists the others")
    found = compare_sides(side_a, side_b, metric, margin=margin, force=force, calibrations=[*aa_a, *aa_b])
    return CompareResult(found)


def compare_now(
    asked: Grid,
    *,
    metric: str = "latency",
    margin: float = MARGIN,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
) -> CompareResult:
    """Measure two setups in ABBA blocks and compare the second with the first.

    Args:
        asked: A grid of two cells; its rounds are the pairs.
        metric: What is compared.
        margin: Relative difference that does not matter.
        store: Results database.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.

    Raises:
        UsageError: As `sweep`, or the grid has another number of cells than two.
    """
    check_metric(metric)
    check_margin(margin)
    check_asked(metric, asked.protocol)
    found = _measure(plan_pair(asked), metric, margin, store, watcher, allow=allow)
    assert isinstance(found, CompareResult)  # noqa: S101  (a plan of two)
    return found


def compare_commands(
    a: str,
    b: str,
    *,
    rounds: int = RUNS,
    warmups: int = 1,
    margin: float = MARGIN,
    timeout_s: float = LONGEST_S,
    store: str | None = None,
    tag: str = "",
    watcher: Watcher | None = None,
    allow: bool = False,
) -> CompareResult | AaResult:
    """Run two commands in ABBA blocks and compare their wall times, each run a fresh process.

    Args:
        a: A command line; no shell reads it. Standard output goes to /dev/null.
        b: The other; the same text makes it an A/A.
        rounds: Counted runs of each.
        warmups: Runs of each before them, which are not counted.
        margin: Relative difference that does not matter.
        timeout_s: Longest run.
        store: Results database.
        tag: A name for the run.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.

    Raises:
        UsageError: A command that cannot be read or started, or a number out of range.
        WorkloadError: A command fails before anything is counted.
    """
    check_margin(margin)
    texts, runs = ([a], 2 * rounds) if a == b else ([a, b], rounds)
    plan = plan_commands(texts, runs, warmups, timeout_s, tag)
    looker = watcher or Silent()
    commands = CommandRounds(timeout_s, looker.phase)
    commands.warm_up(plan.cells, warmups)
    return _measure(plan, "latency", margin, store, looker, allow=allow, rounds=commands)


def measure_itself(
    asked: Grid,
    *,
    metric: str = "latency",
    margin: float = MARGIN,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
) -> AaResult:
    """Measure one setup against itself: how small a difference can be found on this machine?

    Later comparisons of results of this machine read it.

    Args:
        asked: A grid of one cell; its rounds are the pairs.
        metric: What is compared.
        margin: The difference that is asked about.
        store: Results database.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.

    Raises:
        UsageError: As `sweep`, or the grid has another number of cells than one.
    """
    check_metric(metric)
    check_margin(margin)
    check_asked(metric, asked.protocol)
    found = _measure(plan_itself(asked), metric, margin, store, watcher, allow=allow)
    assert isinstance(found, AaResult)  # noqa: S101  (a plan of one)
    return found


def check_margin(margin: float) -> None:
    """Refuse a margin that decides nothing, or everything.

    Raises:
        UsageError: Not between 0 and 1.
    """
    if not 0 < margin < 1:
        raise UsageError(f"the margin {margin:g} is out of range", now="use a share above 0 and below 1, such as 2%")


def check_asked(metric: str, protocol: Protocol) -> None:
    """Refuse to measure for a metric that the rules leave out.

    Raises:
        UsageError: Energy is to be compared, and nobody asked for it.
    """
    if metric in COMPARED_ENERGY and protocol.energy is None:
        raise UsageError(f"{metric} would not be measured", now="add --energy")


def _measure(
    plan: Plan,
    metric: str,
    margin: float,
    store: str | None,
    watcher: Watcher | None,
    *,
    allow: bool,
    rounds: Rounds | None = None,
) -> CompareResult | AaResult:
    """Run a plan of one or two cells, and read what it showed from the store, as every later look at it does."""
    request = {REQUEST: {"arms": [cell.key for cell in plan.cells]}}
    run = run_plan(plan, request, store=store, watcher=watcher, allow=allow, rounds=rounds).run
    with open_store(store, access=Access.READ) as database:
        return _shown(database, database.run(run.id), metric, margin)


def _again(word: str, metric: str, margin: float, store: str | None) -> CompareResult | AaResult:
    """A run that compared, once more."""
    if not names_a_store(word):
        with open_store(store, access=Access.READ) as database:
            run = find_runs(database, word)[-1]
            if REQUEST in run.request:
                return _shown(database, run, metric, margin)
    raise UsageError(
        "there is only one side, and nothing was measured in turn in it",
        when=word,
        now="name two: stopwatt compare A B",
    )


def _shown(database: Store, run: Run, metric: str, margin: float) -> CompareResult | AaResult:
    side = observe(run.id[:8], database.where, _of_runs(database, [run]), metric)
    arms = list(run.request[REQUEST]["arms"])
    if len(arms) == 1:
        found = calibrate(side, metric, margin)
        if found is None:
            raise _no_pair(side)
        return AaResult(found, metric, margin)
    a, b = (_arm(side, key) for key in arms)
    return CompareResult(compare_sides(a, b, metric, margin=margin, paired=True), run.id)


def _arm(side: Side, key: str) -> Side:
    """The rounds of one cell, named after it."""
    rounds = tuple(one for one in side.rounds if one.cell.key == key)
    if not rounds:
        return replace(side, rounds=())
    cell = rounds[0].cell
    is_command = cell.workload.source == SOURCE
    word = cell.workload.params[SOURCE] if is_command else f"{short_label(cell.workload)}, {cell.setup.label}"
    return replace(side, word=str(word), rounds=rounds)


def _no_pair(side: Side) -> StopwattError:
    why = next((one.why for one in side.rounds if one.why), "no two rounds follow each other")
    return UsageError("no pair of rounds has a value", when=why, now="stopwatt show lists the rounds")


def _look_up(word: str, store: str | None, metric: str, margin: float) -> tuple[Side, list[Calibration]]:
    """One side as the user names it, and the A/A runs of its results database."""
    whole = names_a_store(word)
    with open_store(word if whole else store, access=Access.READ) as database:
        runs = None if whole else find_runs(database, word)
        return observe(word, database.where, _of_runs(database, runs), metric), _calibrations(database, metric, margin)


def _of_runs(database: Store, runs: Iterable[Run] | None) -> Iterator[tuple[str, Measurement]]:
    """Measurements with the ids of their runs, oldest first; of all runs for `None`."""
    if runs is None:
        yield from database.with_runs()
        return
    for run in runs:
        yield from database.with_runs(Selection(run=run.id))


def _calibrations(database: Store, metric: str, margin: float) -> list[Calibration]:
    """What the latest A/A runs of setups say; those of commands are about whole processes."""
    runs = [run for run in database.runs() if run.rounds and len(run.request.get(REQUEST, {}).get("arms", ())) == 1]
    sides = (observe(run.id[:8], database.where, _of_runs(database, [run]), metric) for run in runs[-_LATEST_AA:])
    found = (calibrate(side, metric, margin) for side in sides)
    return [one for one in found if one is not None and one.cell.workload.source != SOURCE]
