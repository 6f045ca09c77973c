"""`stopwatt run`: a model over a data set, from files to results that people read."""

import json as json_text
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Group, Parameter

from stopwatt.cli.options import RESULTS, TARGET, AsJson, HostThreads, Params
from stopwatt.errors import UsageError
from stopwatt.records import Precision
from stopwatt.serving.contract import Task

if TYPE_CHECKING:
    from stopwatt.bulk.records import Record

DATA = Group("The data", sort_key=1)
LAYOUT = Group("How it is laid out", sort_key=2)
STEPS = {"compare": ("compare_runs:compare_runs", "Compare the results of two runs: matched detections, accuracy.")}
"""Words that may stand behind `run` in place of data. Data of that name is written `./compare`."""


def build_run(step: str = "") -> App:
    """The verb, and the verbs behind it; only the one that is asked for is imported."""
    if step in STEPS:
        app = App(name="run")
        app.command(f"stopwatt.cli.{STEPS[step][0]}", name=step)
        return app
    app = App(name="run", help=run.__doc__)
    app.default(run)
    for name, (place, summary) in STEPS.items():
        app.command(f"stopwatt.cli.{place}", name=name, help=summary)
    return app


def run(
    data: Annotated[
        str, Parameter(group=DATA, help="A folder, a list file, a pattern, COCO annotations (.json) or a video.")
    ],
    /,
    *,
    model: Annotated[str, Parameter(group=TARGET, help="A pack (.swpack), or a workload that is run unpacked.")],
    out: Annotated[Path, Parameter(group=RESULTS, help="Folder of the results; a run that stopped goes on there.")],
    images: Annotated[Path | None, Parameter(group=DATA, help="Folder of the images of annotations or a list.")] = None,
    limit: Annotated[int, Parameter(group=DATA, help="Images at most, the first ones; 0 for all.")] = 0,
    task: Annotated[
        Task | None,
        Parameter(group=TARGET, show_choices=False, help="detect, classify, embed or raw; what the model is for."),
    ] = None,
    backend: Annotated[str, Parameter(group=TARGET, help="Of a workload: eager, compile, cudagraph.")] = "eager",
    precision: Annotated[
        Precision, Parameter(group=TARGET, show_choices=False, help="Of a workload: fp32, tf32, fp16, bf16, int8.")
    ] = Precision.FP32,
    param: Params = (),
    contract: Annotated[
        Path | None,
        Parameter(group=TARGET, help="YAML or JSON: what the images of a .onnx or .pt2 file or a folder are."),
    ] = None,
    seed: Annotated[int, Parameter(group=TARGET, help="Of a workload's weights.")] = 0,
    device: Annotated[str, Parameter(group=TARGET, help="cpu, cuda or cuda:1; by comma for several.")] = "cpu",
    workers: Annotated[int, Parameter(group=LAYOUT, help="Processes with a model; 0: one for each device.")] = 0,
    decoders: Annotated[int, Parameter(group=LAYOUT, help="Processes that read and decode; 0: by cores.")] = 0,
    batch: Annotated[int, Parameter(group=LAYOUT, help="Images of a call; 0: the pack's largest, else 8.")] = 0,
    queue: Annotated[
        int | None,
        Parameter(group=LAYOUT, help="Decoded images that may wait; 0: none, workers decode (4 batches a worker)."),
    ] = None,
    threads: HostThreads = 0,
    auto: Annotated[
        bool, Parameter(group=LAYOUT, negative="", help="Try other layouts in the first minute, and keep the best.")
    ] = False,
    executor: Annotated[
        str, Parameter(group=LAYOUT, help="`local` (here), `ray` or `ray:ADDRESS` (the nodes of a cluster).")
    ] = "local",
    timeout: Annotated[str, Parameter(group=LAYOUT, help="End a process that takes longer for one thing.")] = "10min",
    ceilings: Annotated[
        bool, Parameter(group=LAYOUT, help="First measure what model, decoding and storage do at most.")
    ] = True,
    per_image: Annotated[
        bool, Parameter(group=RESULTS, negative="", help="Also write one JSON file an image.")
    ] = False,
    fresh: Annotated[
        bool, Parameter(group=RESULTS, negative="", help="Delete the results in the folder first, then begin anew.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Run a model over a data set: decode, infer, write; say how fast, and what held it back.

    Ctrl-C stops it, and the same command goes on; so does a run that was killed.

    Three examples:

        stopwatt run photos/ --model detector.swpack --out results/

        stopwatt run annotations.json --images photos/ --model detector.swpack --workers 2 --out results/

        stopwatt run "photos/*.jpg" --model resnet --task embed --limit 1000 --out vectors/
    """
    from stopwatt.bulk.asked import Asked, Model, executor_of
    from stopwatt.bulk.keeping.document import record_document
    from stopwatt.bulk.run import run_bulk
    from stopwatt.cli.options import parameters, words
    from stopwatt.reporting.bulk.live import LivePanel
    from stopwatt.reporting.bulk.summary import render_run
    from stopwatt.reporting.console import console_for
    from stopwatt.units import parse

    where, address = executor_of(executor)
    chosen = Model(model if contract is None else _with(contract, model), parameters(param), backend, precision, seed)
    asked = Asked(
        data, chosen, out, images, task, workers, decoders, tuple(words(device)), batch, queue, threads, auto,
        per_image, fresh, limit, where, ceilings, parse(timeout, "s"), address,
    )  # fmt: skip
    record = run_bulk(asked, LivePanel(console_for(sys.stderr)))
    if json:
        print(json_text.dumps(record_document(record), indent=2))
    else:
        render_run(console_for(sys.stdout), record)
    if record.failed:
        _raise(record, out)


def _with(contract: Path, model: str) -> str:
    from stopwatt.bulk.keeping.identity import PACK
    from stopwatt.workloads.contracted import contracted

    if Path(model).suffix == PACK:
        raise UsageError(
            "a pack has its contract inside", when=f"--contract {contract}", now="pack the model again with --contract"
        )
    return contracted(contract, model)


def _raise(record: "Record", out: Path) -> None:
    from stopwatt.bulk.keeping.writer import FAILED
    from stopwatt.images.item import Trouble
    from stopwatt.reporting.result import PartlyFailed

    failed = sum(record.failed.values())
    counts = ", ".join(f"{reason} {count:,}" for reason, count in record.failed.items())
    names = f"{out / FAILED} names each with its reason"
    if record.done:
        now = f"{names}; the results of the others are complete"
    elif set(record.failed) == {Trouble.WRONG_OUTPUTS}:
        now = "mend the model or its contract (or take --task raw, which expects nothing), and add --fresh"
    else:
        now = names
    raise PartlyFailed(
        f"{failed:,} of {record.images:,} images gave no result",
        when=f"{counts}; the first is {_first_failure(out / FAILED)}",
        now=now,
    )


def _first_failure(path: Path) -> str:
    """`left/0001.jpg: the file is empty`."""
    from stopwatt.text import one_line

    with path.open("rb") as file:
        first = json_text.loads(file.readline())
    return one_line(f"{first['file_name']}: {first['why']}")
