"""The page of `bulk_gpu`: what its runs came to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bulk_gpu_arms import BESIDE
from bulk_gpu_rows import (
    HEAD,
    HEAD_COMPARED,
    HEAD_OF_SEVERAL,
    Runs,
    alike,
    best_first,
    busy,
    compared_rows,
    joules_each,
    rate_of,
    rounded,
    row,
    row_of_several,
    setup,
)
from result import Made, Page
from stopwatt.text import counted
from stopwatt.units import percent, ratio

BUSY = 95.0
"""Percent of the time in which a kernel runs on a GPU that nothing holds back."""
SETUPS = (
    ("eager", "tf32"), ("eager", "fp16"), ("eager", "bf16"), ("eager+channels-last", "bf16"), ("compile", "bf16"),
    ("compile+channels-last", "bf16"), ("cudagraph", "bf16"), ("torchscript", "bf16"), ("aoti", "bf16"),
)  # fmt: skip
"""Whose detections are compared with those of eager fp32."""


def write(results: Runs, compared: Mapping[str, dict[str, Any]], mades: Mapping[int, Made], out: Path) -> None:
    """Write the page.

    Args:
        results: Of each run, by its key.
        compared: Of each pair of runs, what `stopwatt run compare` says.
        mades: Number of GPUs -> when and on what.
        out: Folder.
    """
    good = {key: run for key, run in results.items() if run["images_per_s"] is not None}
    alone = {key: run for key, run in good.items() if run["arm"]["devices"] == 1}
    shared = {key: run for key, run in good.items() if run["arm"]["devices"] > 1}
    base = dict(sorted(alone.items(), key=lambda one: one[1]["arm"]["turn"] != BESIDE))
    page = Page(
        "bulk-gpu", "stopwatt run on GPUs: a detector on a ResNet-50 at 1920x1080", "python benchmarks/run.py bulk-gpu"
    )
    page.sentences = [*_setting(alone or shared), *_findings(alone), *_of_several(base, shared), *_equal(good)]
    if alone:
        page.tables.append(("One GPU", HEAD, [row(run, alone) for run in best_first(alone)]))
    if shared:
        rows = [row_of_several(run, base, shared) for run in best_first(shared)]
        page.tables.append(("Several GPUs", HEAD_OF_SEVERAL, rows))
    if compared:
        beside = compared_rows(compared, results)
        page.tables.append(("Detections beside those of eager fp32 on the same GPU", HEAD_COMPARED, beside))
    wrong = [(setup(run["arm"]), _said(run["error"])) for run in results.values() if run["images_per_s"] is None]
    if wrong:
        page.tables.append(("What did not run", ("setup", "what it said"), wrong))
    page.data = {"runs": dict(results), "compared": dict(compared)}
    page.made = next(iter(mades.values()), None)
    page.sentences += [f"Measured on {_where(count, one)}." for count, one in mades.items()]
    page.write(out)


def _setting(runs: Runs) -> Iterator[str]:
    images = sorted(run["images"] for run in runs.values() if "images" in run)
    if images:
        yield (
            "A feature pyramid and the head of FCOS on a ResNet-50 (`benchmarks/resnet50_detector.py`), at 1920x1080, "
            "bytes in, 100 boxes out. Its weights are drawn, not trained: it costs what a trained one costs, and what "
            f"it finds means nothing. {images[0]:,} to {images[-1]:,} JPEG files a run, links to 400 different ones of "
            "`stopwatt data shapes`, all of them in the page cache. Each run is one `stopwatt run` (by hand: one for "
            "each GPU at the same time), its ceilings measured just before by its own processes; it was done once "
            "unless two rows say the same. *Plain* is eager bf16, batch 8, one process, with a queue. *GPU busy* is "
            "the mean of what NVML says each second; that is up to a second old, so it is low where a run takes a few "
            "seconds only."
        )


def _findings(alone: Runs) -> Iterator[str]:
    if not alone:
        return
    best = best_first(alone)[0]
    yield f"Most on one GPU: {rounded(best['images_per_s'])} images/s by {setup(best['arm'])}."
    yield _kept_busy(alone)
    again = [run for run in alone.values() if alike(run["arm"], {})]
    if len(again) > 1:
        rates, joules = [run["images_per_s"] for run in again], [one for run in again if (one := joules_each(run))]
        spent = f", joules of an image by {percent(max(joules) / min(joules) - 1)}" if joules else ""
        yield (
            f"{counted(len(again), 'equal run')} of eager bf16 differ by {percent(max(rates) / min(rates) - 1)}{spent}"
            ": smaller differences mean nothing."
        )


def _kept_busy(runs: Runs) -> str:
    queued = [run for run in runs.values() if run["arm"]["queue"] and "bottleneck" in run and busy(run) is not None]
    full = [run for run in queued if (busy(run) or 0) >= BUSY]
    rest = sorted({run["bottleneck"]["name"] for run in queued if run not in full})
    most = max((run["arm"]["devices"] for run in queued), default=1)
    return (
        f"A kernel ran for at least {BUSY:g} % of the time in {len(full)} of {len(queued)} runs with a queue on "
        f"{'one GPU' if most == 1 else 'several GPUs'}"
        + (f"; of the others the run itself said that {' or '.join(rest)} held it back." if rest else ".")
    )


def _of_several(alone: Runs, shared: Runs) -> Iterator[str]:
    base = rate_of(alone, {})
    if shared:
        yield _kept_busy(shared)
    for count in sorted({run["arm"]["devices"] for run in shared.values()}):
        each = rate_of(shared, {"workers": count, "devices": count})
        if base and each:
            yield f"{count} GPUs with a process each do {ratio(each / base)} what one does."
        for backend, batch in (("eager", 8), ("compile", 8), ("eager", 1)):
            same = {"backend": backend, "batch": batch, "devices": count}
            split, joined = rate_of(shared, same | {"workers": count}), rate_of(shared, same | {"workers": 1})
            if split and joined:
                yield (
                    f"One process for all {count} GPUs does {percent(joined / split)} of what {count} processes do "
                    f"({backend} bf16, batch {batch})."
                )
        hand = rate_of(shared, {"workers": "by hand", "devices": count})
        joined = rate_of(shared, {"workers": 1, "devices": count})
        for one, name in ((each, "a process each"), (joined, "one process for all")):
            if hand and one:
                yield (
                    f"One command with {name} does {percent(one / hand)} of what {count} commands by hand, one a GPU, "
                    "do together."
                )


def _equal(good: Runs) -> Iterator[str]:
    found: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for run in good.values():
        arm = run["arm"]
        if "digest" in run:
            found[arm["backend"], arm["precision"], arm["batch"]].append(run["digest"])
    several = {key: digests for key, digests in found.items() if len(digests) > 1}
    same = sum(len(set(digests)) == 1 for digests in several.values())
    if several:
        runs = sum(map(len, several.values()))
        yield (
            f"Detections of the first 200 images: equal byte by byte in {same} of {len(several)} setups that ran in "
            f"several layouts ({runs} runs: other numbers of processes, GPUs, with and without the queue)."
        )


def _said(error: str) -> str:
    """Without the notes before it."""
    return error.partition("stopwatt: ")[2] or error


def _where(count: int, made: Made) -> str:
    facts, versions = made.machine, made.versions
    gpu, cores = facts.get("gpu.name", "?"), facts.get("cpu.allowed", "?")
    return (
        f"{count} x {gpu} (driver {facts.get('gpu.driver', '?')}), {cores} cores, torch {versions.get('torch', '?')}, "
        f"{made.date}"
    )
