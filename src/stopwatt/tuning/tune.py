"""From what is wanted to the setup that does it best: search, prove, conclude."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from stopwatt.datasets.labelled import with_data
from stopwatt.errors import UsageError
from stopwatt.records import Measurement, Protocol, digest
from stopwatt.running import Silent, carry_out
from stopwatt.stats.racing import RaceRules
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.joined import Joined
from stopwatt.tuning.chosen import Tuned, conclude
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.result import TuneResult
from stopwatt.tuning.search import Search, proof_rules
from stopwatt.tuning.space import PROOF, SCOUT, Asked, space_of
from stopwatt.tuning.where import ACCURACIES, read

LEAST_BUDGET_S = 20.0
"""Three setups cannot be measured and proven in less: each round is a process of some seconds."""


def run_tune(
    asked: Asked,
    *,
    store: str | None = None,
    watcher: Watcher | None = None,
    allow: bool = False,
    scout: Protocol = SCOUT,
    proof: Protocol = PROOF,
    rules: RaceRules = RaceRules(),  # noqa: B008  (frozen)
    kept: bool = False,
) -> TuneResult:
    """Find the best setup of a workload. Goes on with an unfinished search of the same request.

    Args:
        asked: What is wanted.
        store: Results database; every round is kept there.
        watcher: Looks on.
        allow: Measure even on a machine that is not fit.
        scout: How a round of the race is measured.
        proof: How the finalists are.
        rules: When a setup is given up.
        kept: Measure nothing: show the latest finished search of the same request.

    Raises:
        UsageError: The request cannot be met, by itself or within its budget.
        Interrupted: The user stopped it; the same command goes on.
    """
    search = _search(asked, scout, proof, rules)
    first = search.next(())
    assert first is not None  # noqa: S101  (nothing is measured yet)
    first = replace(first, aim=digest(_identity(asked, search)))
    looker = Joined(watcher or Silent())

    def concluded(found: Sequence[Measurement]) -> Tuned:
        return conclude(search, found)

    try:
        done = carry_out(
            first, _request(asked), concluded, store=store, watcher=looker, allow=allow, then=search.next, kept=kept
        )
    finally:
        looker.close()
    return TuneResult(done.conclusion, done.run, done.where, done.notes, done.selftest)


def _search(asked: Asked, scout: Protocol, proof: Protocol, rules: RaceRules) -> Search:
    constraints = read(asked.where)
    if not asked.budget_s >= LEAST_BUDGET_S:
        raise UsageError(
            f"a budget of {asked.budget_s:g} s is too short for one round of a few setups and their proof",
            when="--budget",
            now=f"give {LEAST_BUDGET_S:g}s or more; ten minutes are usual",
        )
    names = {one.name for one in constraints}
    if asked.goal is Goal.ENERGY or "energy" in names:
        scout, proof = _with_energy(scout), _with_energy(proof)
    scout, proof = _with_data(asked, scout, proof, names)
    space = space_of(asked, scout)
    return Search(space, asked.goal, constraints, asked.budget_s, rules, asked.rules(proof_rules(proof, constraints)))


def _with_data(asked: Asked, scout: Protocol, proof: Protocol, names: Collection[str]) -> tuple[Protocol, Protocol]:
    """Both with the user's data. The race judges labelled samples only where a constraint asks for it: they take time.

    Raises:
        UsageError: There are no such data, or a constraint needs labels and there are none.
    """
    drawn = Protocol() if asked.data is None else with_data(asked.rules(proof), asked.data)
    wanted = [name for name in ACCURACIES if name in names]
    if wanted and drawn.accuracy is None:
        raise UsageError(
            f"a constraint on {wanted[0]} needs labelled data",
            when="--where",
            now="name them: --data DATA, and --labels where the data do not hold them",
        )
    scout = replace(scout, calibration=drawn.calibration, accuracy=drawn.accuracy if wanted else None)
    return scout, replace(proof, calibration=drawn.calibration, accuracy=drawn.accuracy)


def _with_energy(rules: Protocol) -> Protocol:
    from stopwatt.energy import SCREENING
    from stopwatt.sweeping.energycost import with_room

    return with_room(replace(rules, energy=SCREENING))


def _request(asked: Asked) -> dict[str, object]:
    return {"tune": {"goal": str(asked.goal), "where": list(asked.where), "budget_s": asked.budget_s}}


def _identity(asked: Asked, search: Search) -> list[object]:
    """What makes two searches the same, so that the second goes on with the first."""
    cells = sorted(cell.key for cell in search.space.cells)
    return ["tune", str(asked.goal), list(asked.where), asked.budget_s, cells, search.proving(search.space.default).key]
