"""What tune finds in a quarter of the time that measuring everything takes: six models, ten seeds each.

Every candidate is measured in full, as somebody does who tries everything, and in short rounds as well. From these
rounds the search is played with ten seeds: it asks for rounds, gets measured ones in another order each time, and pays
for each what it took. What it chose is then measured once more, side by side with the best of all.
"""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import batching
from kept import rounds_of
from result import RESULTS, Page, made_here
from stopwatt.analyse.row import paired_medians
from stopwatt.analyse.summary import summarise
from stopwatt.records import Measurement, Precision, Protocol, Setup, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.stats.racing import RaceRules
from stopwatt.stats.ratios import Ratio, compare_rounds
from stopwatt.tuning.chosen import Tuned, conclude
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.search import Search, proof_rules
from stopwatt.tuning.space import PROOF, SCOUT, Asked, space_of
from stopwatt.tuning.where import Holds, read
from stopwatt.units import percent

if TYPE_CHECKING:
    from stopwatt.sweeping.execute import Watcher

BUILD = Path(__file__).parent.parent / "build"
SEEDS = 10
SHARE = 0.25
"""Of the time that everything takes: the budget of each search."""
NEAR = 1.03
SCOUTS = 5
"""Short rounds of each candidate, as many as a search asks for at most; each gets them in an order of its own."""
WHERE = ("deviation<5e-2",)
_BACKENDS = ("eager", "compile", "onnxruntime", "openvino")
_PRECISIONS = ("fp32", "bf16", "int8")
WORKLOADS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("bert", {"size": "mini", "seq": 128}),
    ("resnet", {"depth": 18, "image": 128}),
    ("lstm", {"seq": 100}),
    ("vit", {"size": "tiny", "image": 128}),
    ("detector", {"size": "r18", "image": 160}),
    ("mobilenet", {"image": 128}),
)
_NOT_TRIED: Mapping[str, Collection[Precision]] = {
    "resnet": (Precision.INT8,),
    "lstm": (Precision.INT8,),
    "vit": (Precision.INT8,),
    "detector": tuple(Precision),
    "mobilenet": (Precision.INT8,),
}
"""Of compile, whose rounds take up to half a minute, most of it before the first call."""


@dataclass(frozen=True, slots=True)
class Played:
    """One search, played with measured rounds.

    Attributes:
        winner: Its setup; `None` where it found none.
        spent_s: Time of all rounds and conversions that it asked for.
    """

    winner: Setup | None
    spent_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one model.

    Attributes:
        every_s: Time of measuring every candidate as the proof does.
        best: Setup that is best by all its rounds, among those that keep to the constraints.
        again: Setup -> how many times slower than the best it was when both were measured once more.
        broken: Setups that were chosen, and broke a constraint when they were measured once more.
    """

    workload: str
    candidates: int
    every_s: float
    best: Setup
    played: tuple[Played, ...]
    again: Mapping[Setup, Ratio]
    broken: tuple[Setup, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures candidates, and keeps their rounds.

    Attributes:
        store: Results database; rounds of a run that is complete are not measured again.
        watcher: Looks on.
    """

    store: str
    watcher: "Watcher"

    def rounds(self, search: Search, setups: Collection[Setup], rules: Protocol, tag: str) -> list[Measurement]:
        """All rounds of some candidates under some rules."""
        cells = tuple(replace(cell, protocol=rules) for cell in search.space.cells if cell.setup in setups)
        return rounds_of(replace(search.space.plan, cells=cells, protocol=rules, tag=tag), self.store, self.watcher)


def main(out: Path = RESULTS) -> None:
    """Measure all candidates, play the searches, measure what they chose again; a page after each model."""
    BUILD.mkdir(exist_ok=True)
    with show_progress(console_for(sys.stderr)) as watcher:
        bench = Bench(str(BUILD / "tuning.db"), watcher)
        asked = [
            Asked(name, params, backends=_BACKENDS, precisions=_PRECISIONS, where=WHERE) for name, params in WORKLOADS
        ]
        found: list[Found] = []
        for one in asked:
            found.append(_study(one, bench))
            _page(found, missing=[other.workload for other in asked[len(found) :]]).write(out)


def _study(asked: Asked, bench: Bench) -> Found:
    search = _tried(search_of(asked))
    every = [cell.setup for cell in search.space.cells]
    scouts = bench.rounds(search, every, replace(SCOUT, rounds=SCOUTS), "short")
    proofs = bench.rounds(search, every, search.proof, "everything")
    every_s = search.spent_s(proofs)
    whole = conclude(search, [*scouts, *proofs])
    if whole.winner is None:
        raise SystemExit(f"{asked.workload}: no candidate keeps to {', '.join(WHERE)}")
    limited = replace(search, budget_s=SHARE * every_s)
    played = tuple(play(limited, scouts, proofs, seed) for seed in range(SEEDS))
    best = whole.winner.row.cell.setup
    chosen = [setup for setup in dict.fromkeys(one.winner for one in played) if setup is not None]
    rounds = bench.rounds(search, {best, *chosen}, search.proof, "once more")
    again, broken = _once_more(search, best, chosen, rounds)
    return Found(asked.workload, len(every), every_s, best, played, again, broken)


def search_of(asked: Asked) -> Search:
    """The search that `stopwatt tune` makes of a request, with as much time as it likes."""
    constraints = read(asked.where)
    rules = asked.rules(proof_rules(PROOF, constraints))
    return Search(space_of(asked), Goal(asked.goal), constraints, np.inf, RaceRules(), rules)


def _tried(search: Search) -> Search:
    """The search without what takes too long to measure in full."""
    cells = tuple(
        cell
        for cell in search.space.cells
        if cell.setup.backend != "compile" or cell.setup.precision not in _NOT_TRIED.get(cell.workload.source, ())
    )
    return replace(search, space=replace(search.space, cells=cells))


def play(search: Search, scouts: Sequence[Measurement], proofs: Sequence[Measurement], seed: int) -> Played:
    """One search that gets measured rounds, in an order of its own, for those that it asks for."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Measurement]] = {}
    for one in (*scouts, *proofs):
        drawn.setdefault(one.cell.key, []).append(one)
    for rounds in drawn.values():
        rng.shuffle(rounds)
    found: list[Measurement] = []
    while (plan := search.next(found)) is not None:
        known = {(one.cell.key, one.round) for one in found}
        found += [
            replace(drawn[cell.key][number % len(drawn[cell.key])], round=number)
            for number in range(plan.protocol.rounds)
            for cell in plan.cells
            if (cell.key, number) not in known
        ]
    tuned: Tuned = conclude(search, found)
    return Played(None if tuned.winner is None else tuned.winner.row.cell.setup, search.spent_s(found))


def _once_more(
    search: Search, best: Setup, chosen: Sequence[Setup], rounds: Sequence[Measurement]
) -> tuple[dict[Setup, Ratio], tuple[Setup, ...]]:
    """What was chosen beside the best, in fresh rounds: how many times slower, and which of them break a constraint."""
    rows = {row.cell.setup: row for row in summarise(rounds)}
    slower = {one: compare_rounds(*paired_medians(rows[one], rows[best])) for one in chosen if one != best}
    holding = {one: [constraint.judge(rows[one]) for constraint in search.constraints] for one in chosen}
    broken = [one for one in chosen if rows[one].status is not Status.OK or Holds.NO in holding[one]]
    return slower, tuple(broken)


def _page(found: Sequence[Found], missing: Sequence[str]) -> Page:
    page = Page(
        "tuning", "What tune finds in a quarter of the time", "python benchmarks/run.py tuning", made=made_here()
    )
    near = [_is_near(one, search.winner) for one in found for search in one.played]
    spent = [search.spent_s / one.every_s for one in found for search in one.played]
    said = ", ".join(_BACKENDS), ", ".join(_PRECISIONS)
    page.sentences = [
        f"Goal: least latency at batch 1, {WHERE[0]}; candidates: {said[0]} in {said[1]}, on one and on two threads "
        "(compile takes long to start: in int8 of BERT only, of the detector not at all). "
        f"Everything: each candidate as in the proof (five fresh processes). A search may take {percent(SHARE)} of "
        f"that time; it is played {SEEDS} times with measured rounds, drawn in another order each time.",
        f"Of {len(near)} searches {sum(near)} chose a setup that is the best, or within {percent(NEAR - 1)} of it when "
        f"both were measured once more, side by side. They took {percent(median(spent))} of the time of everything in "
        f"the median, {percent(max(spent))} at most.",
        "Chosen setups that broke a constraint when they were measured once more: "
        f"{sum(len(one.broken) for one in found)}.",
    ]
    head = (
        "model",
        "candidates",
        "everything",
        "best of all",
        "chosen (searches): times slower, once more",
        "time, most",
    )
    if missing:
        page.sentences.append(f"Not measured yet: {', '.join(missing)}.")
    pairs = batching.pairs()
    page.sentences.append(batching.sentence(pairs))
    page.tables = [("Each model", head, [_line(one) for one in found]), batching.table(pairs)]
    page.data = {"models": [_data(one) for one in found], "near": sum(near), "searches": len(near)}
    return page


def _is_near(one: Found, winner: Setup | None) -> bool:
    if winner is None:
        return False
    value = 1.0 if winner == one.best else one.again[winner].value
    return value is not None and value <= NEAR


def _name(setup: Setup) -> str:
    return f"{setup.backend_label} {setup.precision}, {setup.threads} thr."


def _line(one: Found) -> tuple[str, ...]:
    counts = Counter(search.winner for search in one.played)
    chosen = [
        f"{'none' if winner is None else _name(winner)} ({count}): {_slower(one, winner)}"
        for winner, count in counts.most_common()
    ]
    most = max(search.spent_s for search in one.played) / one.every_s
    return one.workload, str(one.candidates), f"{one.every_s:.0f} s", _name(one.best), "; ".join(chosen), percent(most)


def _slower(one: Found, winner: Setup | None) -> str:
    if winner is None:
        return "-"
    if winner == one.best:
        return "the best"
    ratio = one.again[winner]
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return ratio.why
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def _data(one: Found) -> dict[str, Any]:
    return {
        "workload": one.workload,
        "candidates": one.candidates,
        "every_s": one.every_s,
        "best": _name(one.best),
        "searches": [
            {"winner": None if played.winner is None else _name(played.winner), "spent_s": played.spent_s}
            for played in one.played
        ],
        "again": {
            _name(setup): {"times_slower": ratio.value, "low": ratio.low, "high": ratio.high}
            for setup, ratio in one.again.items()
        },
        "broken": [_name(setup) for setup in one.broken],
    }
