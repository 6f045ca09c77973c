"""The page of `bulk_gpu`: what its runs came to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from result import Made, Page
from stopwatt.text import counted
from stopwatt.units import percent, quantity, ratio

BUSY = 95.0
"""Percent of the time in which a kernel runs on a GPU that nothing holds back."""
SETUPS = (
    ("eager", "tf32"), ("eager", "fp16"), ("eager", "bf16"), ("eager+channels-last", "bf16"), ("compile", "bf16"),
    ("compile+channels-last", "bf16"), ("cudagraph", "bf16"), ("torchscript", "bf16"), ("aoti", "bf16"),
)  # fmt: skip
"""Whose detections are compared with those of eager fp32."""
BESIDE = 3
"""Turn of the run on one GPU of a machine that has several: what these are set beside."""
Runs = Mapping[str, dict[str, Any]]


def write(results: Runs, compared: Mapping[str, dict[str, Any]], mades: Sequence[Made], out: Path) -> None:
    """Write the page.

    Args:
        results: Of each run, by its key.
        compared: Of each pair of runs, what `stopwatt run compare` says.
        mades: When and on what; one for each machine.
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
        page.tables.append(("One GPU", _HEAD, [_row(run) for run in _best_first(alone)]))
    if shared:
        rows = [_row_of_several(run, base, shared) for run in _best_first(shared)]
        page.tables.append(("Several GPUs", _HEAD_OF_SEVERAL, rows))
    if compared:
        beside = _rows(compared, results)
        page.tables.append(("Detections beside those of eager fp32 on the same GPU", _HEAD_COMPARED, beside))
    wrong = [(_setup(run["arm"]), run["error"]) for run in results.values() if run["images_per_s"] is None]
    if wrong:
        page.tables.append(("What did not run", ("setup", "what it said"), wrong))
    page.data = {"runs": dict(results), "compared": dict(compared)}
    page.made = mades[0] if mades else None
    page.sentences += [f"Measured on {_where(one)}." for one in mades]
    page.write(out)


_HEAD = (
    "setup", "images/s", "of its smallest ceiling", "GPU busy", "J/image", "GPU memory", "host cores", "held back by",
)  # fmt: skip
_HEAD_OF_SEVERAL = ("setup", "images/s", "each GPU", "beside one GPU", "least busy GPU", "J/image", "held back by")
_APART = ("least_iou", "score_difference")
_HEAD_COMPARED = ("setup", "images", "matched", "identical", "least IoU of a match", "largest difference of a score")


def _setting(runs: Runs) -> Iterator[str]:
    images = sorted(run["images"] for run in runs.values() if "images" in run)
    if images:
        yield (
            "A feature pyramid and the head of FCOS on a ResNet-50 (`benchmarks/resnet50_detector.py`), at 1920x1080, "
            "bytes in, 100 boxes out. Its weights are drawn, not trained: it costs what a trained one costs, and what "
            f"it finds means nothing. {images[0]:,} to {images[-1]:,} JPEG files a run, links to 400 different ones of "
            "`stopwatt data shapes`, all of them in the page cache. Each run is one `stopwatt run`, its ceilings "
            "measured just before by its own processes; it was done once unless two rows say the same."
        )


def _findings(alone: Runs) -> Iterator[str]:
    if not alone:
        return
    best = _best_first(alone)[0]
    yield f"Most on one GPU: {_rate(best['images_per_s'])} images/s by {_setup(best['arm'])}."
    queued = [run for run in alone.values() if run["arm"]["queue"] and _busy(run) is not None]
    busy = [run for run in queued if (_busy(run) or 0) >= BUSY]
    rest = sorted({run["bottleneck"]["name"] for run in queued if run not in busy})
    yield (
        f"A kernel ran for at least {BUSY:g} % of the time in {len(busy)} of {len(queued)} runs with a queue"
        + (f"; of the others the run itself said that {' or '.join(rest)} held it back." if rest else ".")
    )
    for name, one, other in (
        ("with the queue, beside without it (one process)", {}, {"queue": False}),
        ("two processes on the GPU, beside one", {"workers": 2}, {}),
        ("four processes on the GPU, beside one", {"workers": 4}, {}),
        ("channels last, beside PyTorch's own layout", {"backend": "eager+channels-last"}, {}),
        ("compile, beside eager", {"backend": "compile"}, {}),
        ("bf16, beside fp32", {}, {"precision": "fp32"}),
    ):
        rates = [_of(alone, changes) for changes in (one, other)]
        if rates[0] and rates[1]:
            yield f"Eager bf16, batch 8, one process, unless said otherwise; {name}: {ratio(rates[0] / rates[1])}."
    again = [run for run in alone.values() if _alike(run["arm"], {})]
    if len(again) > 1:
        rates, joules = [run["images_per_s"] for run in again], [one for run in again if (one := _each_j(run))]
        spent = f", joules of an image by {percent(max(joules) / min(joules) - 1)}" if joules else ""
        yield (
            f"{counted(len(again), 'equal run')} of eager bf16 differ by {percent(max(rates) / min(rates) - 1)}{spent}"
            ": smaller differences mean nothing."
        )


def _of_several(alone: Runs, shared: Runs) -> Iterator[str]:
    base = _of(alone, {})
    for count in sorted({run["arm"]["devices"] for run in shared.values()}):
        each = _of(shared, {"workers": count, "devices": count})
        if base and each:
            yield f"{count} GPUs with a process each do {ratio(each / base)} what one does."
        for backend, batch in (("eager", 8), ("compile", 8), ("eager", 1)):
            same = {"backend": backend, "batch": batch, "devices": count}
            split, joined = _of(shared, same | {"workers": count}), _of(shared, same | {"workers": 1})
            if split and joined:
                yield (
                    f"One process for all {count} GPUs does {percent(joined / split)} of what {count} processes do "
                    f"({backend} bf16, batch {batch})."
                )
        hand = _of(shared, {"workers": "by hand", "devices": count})
        joined = _of(shared, {"workers": 1, "devices": count})
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


def _row(run: dict[str, Any]) -> list[str]:
    return [
        _setup(run["arm"]),
        _rate(run["images_per_s"]),
        _reached(run),
        _percent(_busy(run)),
        _joules(run),
        _memory(run),
        _number(run.get("cores")),
        _held(run),
    ]


def _row_of_several(run: dict[str, Any], alone: Runs, shared: Runs) -> list[str]:
    arm = run["arm"]
    base = _of(alone, {name: arm[name] for name in ("backend", "precision", "batch")})
    everywhere = arm["devices"] == max(one["arm"]["devices"] for one in shared.values())
    return [
        _setup(arm),
        _rate(run["images_per_s"]),
        _rate(run["images_per_s"] / arm["devices"]),
        ratio(run["images_per_s"] / base) if base else "-",
        _percent(_busy(run)),
        _joules(run) if everywhere else "-",
        _held(run),
    ]


def _rows(compared: Mapping[str, dict[str, Any]], results: Runs) -> list[list[str]]:
    rows = []
    for pair, said in compared.items():
        share = said.get("share_identical")
        rows.append(
            [
                _setup(results[pair.partition(" ")[2]]["arm"]),
                str(said.get("images", "-")),
                str(said.get("matched", "-")),
                "-" if share is None else percent(share),
                *(f"{said[name]:.3g}" if said.get(name) is not None else "-" for name in _APART),
            ]
        )
    return rows


def _setup(arm: Mapping[str, Any]) -> str:
    workers = arm["workers"]
    processes = workers if isinstance(workers, str) else f"{workers} process{'' if workers == 1 else 'es'}"
    gpus = f" on {counted(arm['devices'], 'GPU')}" if arm["devices"] > 1 else ""
    queue = "" if arm["queue"] else ", no queue"
    return f"{arm['backend']} {arm['precision']}, batch {arm['batch']}, {processes}{gpus}{queue}"


def _held(run: dict[str, Any]) -> str:
    return str(run["bottleneck"]["name"]) if "bottleneck" in run else "-"


def _reached(run: dict[str, Any]) -> str:
    """Without a queue neither decoding nor the model has a ceiling of its own."""
    ceilings = run["ceilings"]
    known = ceilings["reached"] and run["arm"]["queue"]
    return f"{percent(ceilings['reached'])} ({ceilings['binding']})" if known else "-"


def _joules(run: dict[str, Any]) -> str:
    joules = _each_j(run)
    if joules is None:
        return "-"
    verdict = run["energy"]["gpu"]["verdict"]
    return f"{joules:.3g}" + ("" if verdict == "measured" else f" ({verdict})")


def _each_j(run: dict[str, Any]) -> float | None:
    joules: float | None = run.get("energy", {}).get("gpu", {}).get("joules_per_image")
    return joules


def _memory(run: dict[str, Any]) -> str:
    """Of the GPU that holds most, with all that is on it."""
    used = max((one["memory_used"] for one in run["gpus"] if one.get("memory_used") is not None), default=None)
    return "-" if used is None else quantity(used, "B")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _busy(run: dict[str, Any]) -> float | None:
    """Of the GPU that was so least."""
    found = [one["utilisation"] for one in run["gpus"] if one["utilisation"] is not None]
    used: float | None = min(sorted(found)[-run["arm"]["devices"] :], default=None)
    return used


def _of(runs: Runs, changes: Mapping[str, Any]) -> float | None:
    """Images a second of the first run of eager bf16, batch 8, one process, queue, but for some changes."""
    rates = [run["images_per_s"] for run in runs.values() if _alike(run["arm"], changes)]
    return rates[0] if rates else None


def _alike(arm: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    plain = {"backend": "eager", "precision": "bf16", "batch": 8, "workers": 1, "devices": 1, "queue": True}
    return all(arm[name] == value for name, value in (plain | dict(changes)).items())


def _best_first(runs: Runs) -> list[dict[str, Any]]:
    return sorted(runs.values(), key=lambda run: -run["images_per_s"])


def _where(made: Made) -> str:
    facts, versions = made.machine, made.versions
    gpu, cores = facts.get("gpu.name", "?"), facts.get("cpu.allowed", "?")
    return (
        f"{gpu} (driver {facts.get('gpu.driver', '?')}), {cores} cores, torch {versions.get('torch', '?')}, {made.date}"
    )


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} %"
