"""From a workload to its ladder: plan, measure stage by stage, conclude."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from stopwatt.climbing.climb import Climb, known_of
from stopwatt.climbing.graphs import Take, with_graphs
from stopwatt.climbing.result import LadderResult
from stopwatt.climbing.rungs import Ladder, conclude
from stopwatt.climbing.steps import CARELESS, Step, base_of, named, steps_for
from stopwatt.devices.facts import read_facts
from stopwatt.devices.fitness import usable_threads
from stopwatt.errors import UsageError
from stopwatt.operators.capture import Capture
from stopwatt.ops.setting import captured
from stopwatt.records import QUICK, Measurement, Protocol, Scalar, Setup, digest
from stopwatt.running import Silent, carry_out
from stopwatt.store import open_store
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.joined import Joined
from stopwatt.sweeping.plan import Plan, Request, make_plan

if TYPE_CHECKING:
    from stopwatt.store.database import Store

MOST_ORDERS = 24


@dataclass(frozen=True, slots=True)
class Asked:
    """What to climb, as a user says it.

    Attributes:
        workload: Source.
        params: Of the workload.
        steps: By name, in this order; none for all that the device has.
        batch: Samples of a call.
        device: Where it runs.
        threads: 0 for as many as the process may use cores.
        orders: In how many orders gains are attributed; 1 for the given one only.
        protocol: The rules.
        tag: A name for the run.
        graphs: Whether to look at what each step did to the graph.
        base: Label of the backend that it begins with.
        lose: Accuracy on labelled data, from 0 to 1, by which a step may be below the base.
    """

    workload: str
    params: Mapping[str, Scalar] = field(default_factory=dict)
    steps: Sequence[str] = ()
    batch: int = 1
    device: str = "cpu"
    threads: int = 0
    orders: int = 4
    protocol: Protocol = QUICK
    tag: str = ""
    graphs: bool = True
    base: str = CARELESS
    lose: float = 0.01


def run_ladder(
    asked: Asked,
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
    kept: bool = False,
) -> LadderResult:
    """Climb the ladder of a workload. Goes on with an unfinished climb of the same request.

    Args:
        asked: What to climb.
        store: Results database.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.
        kept: Measure nothing: show the latest finished climb of the same request.

    Raises:
        UsageError: The request cannot be met.
        Interrupted: The user stopped it; the same command goes on.
    """
    climb = _climb(asked)
    first = climb.next(())
    assert first is not None  # noqa: S101  (nothing is measured yet)
    first = replace(first, aim=digest(["ladder", [step.name for step in climb.steps], asked.orders, asked.lose]))
    looker = Joined(watcher or Silent())

    def concluded(found: Sequence[Measurement]) -> Ladder:
        ladder = conclude(climb, found)
        if not asked.graphs:
            return ladder
        with open_store(store) as database:
            take = _taker(asked, climb, database, looker)
            return with_graphs(ladder, climb, known_of(found, asked.protocol.rounds), take)

    request = {"ladder": {"steps": [step.name for step in climb.steps], "orders": asked.orders}}
    try:
        done = carry_out(
            first, request, concluded, store=store, watcher=looker, allow=allow, then=climb.next, kept=kept
        )
    finally:
        looker.close()
    return LadderResult(done.conclusion, done.run, done.where, done.notes, done.selftest)


def _climb(asked: Asked) -> Climb:
    if not 1 <= asked.orders <= MOST_ORDERS:
        raise UsageError(f"--orders {asked.orders} is out of range", now=f"use a number from 1 to {MOST_ORDERS}")
    cores = usable_threads(read_facts(asked.device).values)
    base = base_of(asked.batch, asked.device, asked.base)
    offered = steps_for(base, asked.threads or cores, labelled=asked.protocol.accuracy is not None)
    steps = named(asked.steps, offered) if asked.steps else offered
    _refuse_twice(steps)
    cell = cache(lambda setup: _plan_of(asked, setup).cells[0])
    return Climb(_plan_of(asked, base), cell, steps, asked.orders, asked.protocol.seed, asked.lose)


def _taker(asked: Asked, climb: Climb, database: "Store", watcher: Watcher) -> Take:
    """Takes one call of the model in a setup apart, if the store has no capture of it."""
    watcher.announce("looking at what each step did to the graph")

    def take(setup: Setup) -> Capture:
        return captured(database, _request_of(asked, setup), climb.cell(setup))

    return take


def _plan_of(asked: Asked, setup: Setup) -> Plan:
    """The plan of one setup."""
    return make_plan(_request_of(asked, setup))


def _request_of(asked: Asked, setup: Setup) -> Request:
    return Request(
        workloads=(asked.workload,),
        params=asked.params,
        backends=(setup.backend_label,),
        precisions=(str(setup.precision),),
        batches=(setup.batch,),
        device=setup.device,
        threads=setup.threads,
        protocol=asked.protocol,
        baseline=False,
        tag=asked.tag,
    )


def _refuse_twice(steps: Sequence[Step]) -> None:
    names = [step.name for step in steps]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"step {twice!r} is given twice", now="give each step once")
