"""What the way of measuring does to the number, on real models: the pages `ways-cpu` and `ways-gpu`.

The rounds stay in `build/`: an interrupted run goes on from there, and a page can be written again without measuring:
`python benchmarks/ways.py ways-cpu`.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from result import RESULTS, Page, made_of
from stopwatt import units
from stopwatt.ablating import run_protocol
from stopwatt.analyse.ablation import studies
from stopwatt.analyse.ablation_document import studies_document
from stopwatt.analyse.study import Effect, Study
from stopwatt.records import Measurement, Scalar
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.reporting.ways_cross import NOTE, cross_table
from stopwatt.reporting.ways_lines import further, largest, measured, name, reference_text, verdict_text
from stopwatt.store import Access, RunStatus, Selection, open_store
from stopwatt.sweeping.design import Interactions
from stopwatt.sweeping.plan import Request
from stopwatt.sweeping.stages import RULES, Question, Stages

KEPT = Path(__file__).parent.parent / "build"


@dataclass(frozen=True)
class Asked:
    """One `stopwatt protocol`."""

    workload: str
    question: Question
    params: dict[str, Scalar] = field(default_factory=dict)
    backend: str = "eager"
    batch: int = 1

    def request(self, device: str) -> Request:
        """As the library takes it."""
        return Request(
            [self.workload],
            self.params,
            [self.backend],
            ["fp32"],
            [self.batch],
            device,
            protocol=RULES,
            baseline=False,
        )


_SINGLES = Question(interactions=Interactions.NONE, repeats=6)


def _founding(repeats: int) -> Question:
    """The table that the project began with: warm-up x synchronisation x the device's time."""
    levels = {"warmup": ["none"], "sync": ["none", "end"], "timer": ["events"]}
    return Question(levels=levels, full=True, repeats=repeats)


PAGES = {
    "ways-cpu": (
        Asked("bert", Question(repeats=6), {"size": "mini"}),
        Asked("lstm", _SINGLES),
        Asked("resnet", _SINGLES, {"depth": 18}),
    ),
    "ways-gpu": (
        Asked("resnet", _founding(4), {"depth": 50}, batch=32),
        Asked("resnet", _founding(4), {"depth": 50}, "compile", 32),
        Asked("lstm", Question(interactions=Interactions.NONE), {}, "cudagraph"),
        Asked("bert", _SINGLES, {"size": "mini"}),
    ),
}


def main(out: Path = RESULTS, *, gpu: bool = False) -> None:
    """Measure what is not measured yet, and write the page."""
    page = "ways-gpu" if gpu else "ways-cpu"
    store = KEPT / f"{page}.db"
    store.parent.mkdir(exist_ok=True)
    for asked in PAGES[page]:
        if _done(asked, page, "cuda" if gpu else "cpu"):
            continue
        with show_progress(console_for(sys.stderr)) as watcher:
            run_protocol(
                asked.request("cuda" if gpu else "cpu"), asked.question, store=str(store), watcher=watcher, allow=True
            )
    write(page, out)


def _done(asked: Asked, page: str, device: str) -> bool:
    """Whether a run of it is complete."""
    wanted = Stages.of(asked.request(device), asked.question).first().digest
    with open_store(str(KEPT / f"{page}.db")) as database:
        return any(run.plan == wanted and run.status is RunStatus.COMPLETE for run in database.runs())


def write(page: str, out: Path = RESULTS) -> None:
    """Write a page from its rounds."""
    gpu = page == "ways-gpu"
    with open_store(str(KEPT / f"{page}.db"), access=Access.READ) as database:
        rounds = list(database.measurements(Selection()))
        made = made_of(rounds, database.runs()[-1].tool_version)
    found = studies(rounds)
    where = "a GPU" if gpu else "two cores"
    document: dict[str, Any] = studies_document(found)
    Page(
        page,
        f"What the way of measuring does, on {where}",
        f"python benchmarks/run.py {page}",
        sentences=[
            "Each way of measuring beside the reference (warm to a steady state, synchronised each call, perf_counter, "
            "rotating random inputs) in the same process, each series between two of the reference; ratios are of the "
            "average call, their 95 % intervals over fresh processes. `stopwatt protocol` does this for any model.",
            _rules(rounds),
            *(line for study in found for line in _said(study)),
        ],
        tables=[table for study in found for table in _tables(study)],
        data=document,
        device="cuda" if gpu else "cpu",
        made=made,
    ).write(out)


def _rules(rounds: Sequence[Measurement]) -> str:
    """How long the series were, as the rounds themselves say."""
    ablations = [one.cell.protocol.ablation for one in rounds]
    told = dict.fromkeys((one.series, one.calls, one.seconds) for one in ablations if one is not None)
    return (
        "A round had "
        + ", or ".join(
            f"{series} series of each way, of at most {calls} calls and about {units.quantity(seconds, 's')}"
            for series, calls, seconds in told
        )
        + "."
    )


def _said(study: Study) -> list[str]:
    lines = "\n".join(f"- {line}" for line in (*largest(study), *further(study)))
    return [f"**{name(study)}**, {reference_text(study)}:\n\n{lines}"]


def _tables(study: Study) -> list[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    scale = units.scale_for([study.reference.value or 0.0], "s")
    head = ("way", f"reports, {scale.label}", "instead of", "ratio [95 %]", "verdict")
    tables = [
        (f"{name(study)}: {what}", head, [_line(one, scale) for one in measured(effects)])
        for what, effects in (("one change", study.effects), ("several changes", study.combined))
        if measured(effects)
    ]
    cross = cross_table(study)
    if cross is not None:
        heads = ("sync", "timer", *(f"warm-up {level}" for level in cross.warmups))
        rows = [(str(sync), str(timer), *texts) for sync, timer, texts in cross.rows]
        tables.append((f"{name(study)}: warm-up x synchronisation x timer, {cross.scale.label}. {NOTE}", heads, rows))
    return tables


def _line(one: Effect, scale: units.Scale) -> tuple[str, ...]:
    times = ["" if time is None else units.column_value(time, scale) for time in (one.reported_s, one.reference_s)]
    return (one.way.label, *times, ratio_text(one.ratio), verdict_text(one.ratio))


if __name__ == "__main__":
    for word in sys.argv[1:]:
        write(word)
