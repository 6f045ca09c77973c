"""What a plan would cost, without running it: rounds of the store or a short probe tell."""

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.records import Cell, Protocol, Status
from stopwatt.store import Selection, open_store
from stopwatt.store.database import Store
from stopwatt.sweeping import cache
from stopwatt.sweeping.execute import Watcher, execute
from stopwatt.sweeping.forecast import Forecast, Group, Timed, forecast, group_of, size_of, timed
from stopwatt.sweeping.plan import Plan

MOST_ROUNDS = 5_000
"""Of the store that are looked at, the latest for each workload."""
MOST_PROBED = 16
"""Cells of a probe."""
_PROBE_TRIALS = 30
_PROBE_SECONDS = 3.0
_PROBE_ENERGY: Mapping[str, Any] = {
    "settle_s": 0.0, "window_s": 0.1, "ticks": 1, "windows": 1, "idle_s": 0.0, "sentinel_s": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a plan would cost.

    Attributes:
        forecast: Of its rounds.
        known: Earlier rounds, or rounds of a probe, that say something of them.
        probed: Whether they are those of a probe.
        done: Rounds that an unfinished run of the same plan has measured already.
        references, conversions: Models whose inputs and answers, or whose form for a runtime, are to be made first.
        preparation_s: Seconds that these will take; `None` where no probe told.
    """

    forecast: Forecast
    known: int
    probed: bool
    done: int
    references: int
    conversions: int
    preparation_s: float | None = None


def foresee(plan: Plan, store: Store | None) -> Foresight:
    """What a plan would cost, from the rounds of a store (`None` where there is none yet)."""
    known = [] if store is None else list(_earlier(plan, store))
    done = set() if store is None else _done(plan, store)
    foreseen = forecast(plan, known, done)
    return Foresight(foreseen, len(known), probed=False, done=len(done), **_to_make(plan.cells))


def foresee_by_probe(plan: Plan, watcher: Watcher) -> Foresight:
    """What a plan would cost, from one short round of the smallest and of the largest cell of each kind.

    Raises:
        Interrupted: The user stopped the probe.
    """
    cells = _ends(plan)
    missing = sum(_to_make(cells).values())
    begin = time.monotonic()
    found = _probe(plan, cells, watcher)
    spare = time.monotonic() - begin - sum(one.rest_s + one.trial_s * _PROBE_TRIALS for one in found)
    to_make = _to_make(plan.cells)
    each = max(0.0, spare) / missing if missing else 0.0
    seconds = each * sum(to_make.values()) if found else None
    return Foresight(forecast(plan, found), len(found), probed=True, done=0, **to_make, preparation_s=seconds)


def _earlier(plan: Plan, store: Store) -> Iterable[Timed]:
    groups = {group_of(cell) for cell in plan.cells}
    for source in {cell.workload.source for cell in plan.cells}:
        for cell, trials, phases in store.phases(Selection(workload=source, status=Status.OK, limit=MOST_ROUNDS)):
            found = timed(cell, trials, phases)
            if found is not None and found.group in groups:
                yield found


def _done(plan: Plan, store: Store) -> set[tuple[str, int]]:
    run = store.find_unfinished(plan.digest)
    return set() if run is None else set(store.rounds_done(run))


def _to_make(cells: Iterable[Cell]) -> Mapping[str, int]:
    """Things that the cache does not hold."""
    references, conversions = set(), set()
    for cell in cells:
        references.add(cache.bundle_folder(cell))
        if isinstance(catalogue.get(cell.setup.backend), ArtifactBackend):
            conversions.add(cache.artifact_folder(cell))
    missing = {"references": references, "conversions": conversions}
    return {name: sum(not folder.exists() for folder in folders) for name, folders in missing.items()}


def _ends(plan: Plan) -> tuple[Cell, ...]:
    """The smallest and the largest cell of each kind, as long as there is room."""
    kinds: dict[Group, list[Cell]] = defaultdict(list)
    for cell in plan.cells:
        kinds[group_of(cell)].append(cell)
    ends: dict[str, Cell] = {}
    for members in list(kinds.values())[: MOST_PROBED // 2]:
        for cell in (min(members, key=size_of), max(members, key=size_of)):
            ends[cell.key] = cell
    return tuple(ends.values())


def _probe(plan: Plan, cells: Iterable[Cell], watcher: Watcher) -> list[Timed]:
    """One short round of each, in a database that is thrown away."""
    brief = tuple(replace(cell, protocol=_brief(cell.protocol)) for cell in cells)
    protocol = _brief(plan.protocol)
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "probe.db") as store:
        small = replace(plan, cells=brief, protocol=protocol)
        execute(small, store, store.begin_run("probe", small.digest, "", ""), watcher)
        found = (timed(*one) for one in store.phases(Selection(status=Status.OK)))
        return [one for one in found if one is not None]


def _brief(rules: Protocol) -> Protocol:
    """One round, and of energy only as much as shows whether there is a counter at all."""
    energy = None if rules.energy is None else replace(rules.energy, **_PROBE_ENERGY)
    return replace(rules, rounds=1, trials=_PROBE_TRIALS, trial_seconds=_PROBE_SECONDS, paced=None, energy=energy)
