"""The ladders of BERT, ResNet and LSTM: what each optimisation buys, and what became of the claims of others."""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kept import rounds_of
from result import RESULTS, Page, made_of
from stopwatt.analyse.findings.words import listed
from stopwatt.analyse.row import Row, paired_medians
from stopwatt.analyse.summary import summarise
from stopwatt.climbing.document import ladder_document
from stopwatt.climbing.ladder import Asked, run_ladder
from stopwatt.climbing.result import LadderResult
from stopwatt.climbing.rungs import Gain
from stopwatt.climbing.table import sentences
from stopwatt.errors import StopwattError
from stopwatt.records import QUICK, Measurement, Precision, Process, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.operators.changes import changes_line
from stopwatt.reporting.progress import show_progress
from stopwatt.stats.ratios import Ratio, compare_rounds
from stopwatt.store import Access, RunStatus, Selection, open_store
from stopwatt.sweeping.execute import Interrupted
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.units import percent
from texts import estimate_text, ratio_text

if TYPE_CHECKING:
    from stopwatt.store.database import Store
    from stopwatt.sweeping.execute import Watcher

BUILD = Path(__file__).parent.parent / "build"
RULES = replace(
    QUICK,
    trials=200,
    trial_seconds=1.0,
    throughput_windows=2,
    process=Process.SHARED,
    warmup=replace(QUICK.warmup, window_cap_seconds=0.5, cap_seconds=4.0),
    timeout_s=1200.0,
)
"""Three rounds of a second of trials: setups of one runtime share a process in each of them."""
ON_CPU = replace(RULES, trial_seconds=0.6, warmup=replace(RULES.warmup, window_cap_seconds=0.3, cap_seconds=2.5))
"""A CPU has no clocks to wait for: shorter rounds."""
_UNFUSED = "eager:grad+attention:unfused"
_CPU = ("threads:2", "bf16", "compile", "onnxruntime", "openvino", "int8")
_GPU = ("tf32", "bf16", "compile", "cudagraph")
CPU = (
    Asked("bert", {"size": "mini", "seq": 128}, ("inference-mode", "attention:fused", "fold-constants", *_CPU),
          base=_UNFUSED, orders=2, protocol=ON_CPU),
    Asked("resnet", {"depth": 18}, ("inference-mode", "fold-batchnorm", "channels-last", *_CPU), orders=2,
          protocol=ON_CPU),
    Asked("lstm", {}, ("inference-mode", *_CPU), orders=2, protocol=ON_CPU),
)  # fmt: skip
GPU = (
    Asked("bert", {"size": "base", "seq": 128}, ("inference-mode", "attention:fused", *_GPU), 8, "cuda",
          base=_UNFUSED, orders=2, protocol=RULES),
    Asked("resnet", {"depth": 50}, ("inference-mode", "fold-batchnorm", "channels-last", *_GPU), 8, "cuda", orders=2,
          protocol=RULES),
    Asked("lstm", {}, ("inference-mode", *_GPU), 1, "cuda", orders=2, protocol=RULES),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody reported of BERT: so many times faster than PyTorch in fp32.

    Attributes:
        backend: That it is about.
        least, most: Of the speed-up that was reported.
        best_at: Batch at which it was largest; 0 where none was named.
    """

    text: str
    backend: str
    least: float
    most: float
    best_at: int = 0


CLAIMS = (
    Claim("PyTorch in fp16: 1.5 x", "eager", 1.5, 1.5),
    Claim("ONNX in fp16: 2 to 3 x", "onnxruntime", 2.0, 3.0),
    Claim("TensorRT: 5 to 8 x, best at batch 256", "tensorrt", 5.0, 8.0, 256),
    Claim("TorchDynamo: 2 to 3 x, best at batch 1", "compile", 2.0, 3.0, 1),
)
PRECISIONS = ("fp16", "fp32")
"""In which each claim is tried; eager in fp32 is what all are compared with."""
NAMES = {"bert": "BERT", "resnet": "ResNet", "lstm": "LSTM"}
NEAR = 1.1
"""A claim holds where our whole interval lies within it, widened by so much on both sides."""
BATCHES = {"cpu": (1, 8), "cuda": (1, 8, 64, 256)}


def main(out: Path = RESULTS, *, gpu: bool = False) -> None:
    """Climb the ladders, measure the claims, write the page. Rounds are kept in `build/`, and not measured again.

    Ctrl-C writes the page of the ladders that are finished, which names what is not.
    """
    name = "ladder-gpu" if gpu else "ladder-cpu"
    store = BUILD / f"{name}.db"
    store.parent.mkdir(exist_ok=True)
    asked = GPU if gpu else CPU
    climbed: list[tuple[Asked, LadderResult]] = []
    try:
        with show_progress(console_for(sys.stderr)) as watcher:
            for one in asked:
                climbed.append((one, _climbed(one, store, watcher)))  # noqa: PERF401  (what is done stays)
            claimed = rounds_of(make_plan(_claims(asked[0])), str(store), watcher)
    except Interrupted:
        if climbed:
            write(name, climbed, None, store, out)
        raise
    write(name, climbed, claimed, store, out)


def _climbed(asked: Asked, store: Path, watcher: "Watcher") -> LadderResult:
    """The ladder as it was climbed before, or climbed now."""
    with suppress(StopwattError):
        return run_ladder(asked, store=str(store), kept=True)
    return run_ladder(asked, store=str(store), watcher=watcher, allow=True)


def _claims(bert: Asked) -> Request:
    """Everything that is claimed, at every batch, beside eager in fp32."""
    return Request(
        workloads=["bert"],
        params=bert.params,
        backends=list(dict.fromkeys(["eager", *(one.backend for one in CLAIMS)])),
        precisions=list(PRECISIONS),
        batches=BATCHES[bert.device],
        device=bert.device,
        protocol=bert.protocol,
    )


def write(
    name: str,
    climbed: Sequence[tuple[Asked, LadderResult]],
    claims: Sequence[Measurement] | None,
    store: Path,
    out: Path,
) -> None:
    """Write the page of ladders that were climbed, and of the run that measured the claims, if there is one."""
    device = climbed[0][0].device
    waiting = (GPU if device != "cpu" else CPU)[len(climbed) :]
    with open_store(str(store), access=Access.READ) as database:
        rounds = [list(database.measurements(Selection(run=found.run.id))) for _, found in climbed]
        cut_off = [(one, _cut_off(one, database)) for one in waiting]
        made = made_of(
            [*chain(*rounds, *(found for _, found in cut_off)), *(claims or ())], database.runs()[-1].tool_version
        )
    page = Page(
        name,
        f"What each optimisation buys: {listed([NAMES[one.workload] for one, _ in climbed])} on "
        f"{'a GPU' if device != 'cpu' else 'a CPU'}",
        f"python benchmarks/run.py {name}",
        device=device,
        made=made,
    )
    page.sentences = [
        "Each ladder begins with a careless script (gradients recorded, fp32, one thread; for BERT attention as its "
        "products one by one) and takes one step after another; a step that is refused, fails or is slower on top of "
        "the others is left out. Ratios are times without / times with the step; intervals are 95 % over 3 processes. "
        "Shares are means over 2 orders of the kept steps, on a logarithm. Random weights.",
    ]
    missing = [*map(_title, waiting), *(["what others report of BERT"] if claims is None else [])]
    if missing:
        page.sentences.append(f"Not measured to the end: {'; '.join(missing)}.")
    if claims is not None:
        page.sentences.append(
            f"A claim holds where our whole interval lies within it, widened by {percent(NEAR - 1)} on both sides."
        )
    claimed = [] if claims is None else list(_judged(list(summarise(claims)), device))
    page.tables = [_table(one, found) for one, found in climbed]
    page.tables += [_cut_off_table(one, found) for one, found in cut_off if found]
    page.tables += [_claims_table(claimed)] if claimed else []
    for (one, found), of_it in zip(climbed, rounds, strict=True):
        page.sentences.append(f"{_title(one)}: {'; '.join(sentences(found.ladder))}. {_conditions(of_it)}")
    page.data = {
        "ladders": [{"workload": _title(one)} | ladder_document(found.ladder)
                    for one, found in climbed],
        "claims": [_claim_data(one) for one in claimed],
        "missing": missing,
    }  # fmt: skip
    page.write(out)


def _cut_off(asked: Asked, database: "Store") -> list[Measurement]:
    """The rounds of its latest climb that was cut off; none where there is no such climb."""
    for run in reversed(database.runs()):
        rounds = list(database.measurements(Selection(run=run.id, workload=asked.workload, status=Status.OK)))
        if rounds and "ladder" in run.request and run.status is not RunStatus.COMPLETE:
            return rounds
    return []


def _cut_off_table(asked: Asked, rounds: Sequence[Measurement]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    """What is known of a ladder that was cut off: each setup by itself, in the order in which they were begun."""
    rows = summarise(rounds)
    bases = [row for row in rows if row.cell.setup.backend_label == asked.base]
    base = next((row for row in bases if row.cell.setup.precision is Precision.FP32), None)
    lines = []
    for row in rows:
        setup, latency = row.cell.setup, row.estimates["latency"]
        times = "-" if base is None or base is row else ratio_text(compare_rounds(*paired_medians(base, row)))
        lines.append((f"{setup.backend_label} {setup.precision}", str(row.rounds_ok), estimate_text(latency), times))
    return f"{_title(asked)}: cut off, no step was judged", ("setup", "processes", "latency", "x the base"), lines


def _conditions(rounds: Sequence[Measurement]) -> str:
    """On how many GPUs its rounds were measured, and how many of them began before the device was steady."""
    done = [one for one in rounds if one.status is Status.OK]
    unsteady = sum(not one.facts.get("steady_state", True) for one in done)
    boards = {one.facts["gpu.uuid"] for one in done if "gpu.uuid" in one.facts}
    cap_s = max(one.cell.protocol.warmup.cap_seconds for one in done)
    told = f"{unsteady} of {len(done)} rounds found no steady state within {cap_s:g} s of warm-up"
    return f"{told}; a ratio may pair rounds of {len(boards)} GPUs of this kind." if len(boards) > 1 else f"{told}."


def _title(asked: Asked) -> str:
    params = ", ".join(f"{name}={value}" for name, value in asked.params.items())
    return f"{asked.workload}{f' ({params})' if params else ''}, batch {asked.batch}"


def _table(asked: Asked, found: LadderResult) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    whole = found.ladder.whole.value
    rows = [_line(one, whole) for one in found.ladder.gains]
    head = ("step", "alone x", "on top x", "so far x", "share", "deviation", "kept", "what it does to the graph")
    return _title(asked), head, rows


def _line(one: Gain, whole: float | None) -> tuple[str, ...]:
    share = "-" if one.share is None or not whole or whole == 1 else percent(one.share.mean / math.log(whole))
    deviation = None if one.row is None else one.row.estimates["deviation"].value
    graph = (
        "-" if one.graph is None else one.graph.why or (changes_line(one.graph.changes) if one.graph.changes else "")
    )
    return (
        one.step.name,
        ratio_text(one.alone),
        ratio_text(one.on_top),
        ratio_text(one.so_far) if one.kept else "-",
        share,
        "-" if deviation is None else f"{deviation:.1e}",
        "yes" if one.kept else one.why_not,
        graph,
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim and what is seen of it here.

    Attributes:
        claim: What was reported.
        precision: In which it was tried.
        ratios: Batch -> times beside eager in fp32.
        verdict: What becomes of it.
    """

    claim: Claim
    precision: str
    ratios: dict[int, Ratio]
    verdict: str


def _judged(rows: Sequence[Row], device: str) -> Iterator[Judged]:
    known = {(row.cell.setup.backend, str(row.cell.setup.precision), row.cell.setup.batch): row for row in rows}
    for claim, precision in product(CLAIMS, PRECISIONS):
        if (claim.backend, precision) == ("eager", "fp32"):
            continue
        ratios: dict[int, Ratio] = {}
        why = ""
        for batch in BATCHES[device]:
            base, other = known.get(("eager", "fp32", batch)), known.get((claim.backend, precision, batch))
            if base is not None and other is not None and base.status is other.status is Status.OK:
                ratios[batch] = compare_rounds(*paired_medians(base, other))
            else:
                why = other.trouble.what if other is not None and other.trouble else "not measured"
        yield Judged(claim, precision, ratios, _verdict(claim, ratios, why))


def _verdict(claim: Claim, ratios: dict[int, Ratio], why: str) -> str:
    """Batch by batch, and whether the batch of the largest speed-up is the one that was named."""
    if not ratios:
        return f"not tested here: {why}"
    at: dict[str, list[str]] = {}
    for batch, one in ratios.items():
        at.setdefault(_against(one, claim), []).append(str(batch))
    told = "; ".join(f"{word} at batch {', '.join(batches)}" for word, batches in at.items())
    values = {batch: one.value for batch, one in ratios.items() if one.value is not None}
    if not claim.best_at or not values:
        return told
    return f"{told}; largest at {max(values, key=values.__getitem__)}, claimed at {claim.best_at}"


def _against(one: Ratio, claim: Claim) -> str:
    """Whether our interval lies within what was claimed, above, below, or does not decide it."""
    if one.low is None or one.high is None:
        return "not decided"
    if one.low > claim.most * NEAR:
        return "more"
    if one.high < claim.least / NEAR:
        return "less"
    inside = one.low >= claim.least / NEAR and one.high <= claim.most * NEAR
    return "holds" if inside else "not decided"


def _claims_table(found: Sequence[Judged]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    rows = [
        (
            one.claim.text,
            one.precision,
            "; ".join(f"batch {batch}: {ratio_text(ratio)}" for batch, ratio in one.ratios.items()) or "-",
            one.verdict,
        )
        for one in found
    ]
    return "What others report of BERT, and what is seen here (times beside eager in fp32)", (
        "claim", "here in", "x eager fp32", "verdict",
    ), rows  # fmt: skip


def _claim_data(one: Judged) -> dict[str, Any]:
    ratios = {str(batch): {"ratio": it.value, "low": it.low, "high": it.high} for batch, it in one.ratios.items()}
    return {"claim": one.claim.text, "precision": one.precision, "by_batch": ratios, "verdict": one.verdict}
