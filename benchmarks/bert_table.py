"""The BERT table: what each runtime and precision buys on this machine, with the deviation of the answers."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from result import RESULTS, Page, made_of
from stopwatt.analyse.best import Best, best_per_batch
from stopwatt.analyse.document import to_document
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.records import QUICK, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.store import Access, open_store
from stopwatt.sweeping.plan import Request
from stopwatt.units import interval

RULES = replace(QUICK, trial_seconds=2.0, warmup=replace(QUICK.warmup, cap_seconds=5.0), timeout_s=1200.0)
"""Three rounds of at most 2 s of trials: 162 rounds fit into half an hour."""

CPU = (
    Request(
        workloads=["bert"],
        params={"size": "mini", "seq": 128},
        backends=["eager", "compile", "torchscript", "aoti", "onnxruntime", "openvino"],
        precisions=["fp32", "bf16", "int8"],
        batches=[1, 8, 32],
        protocol=RULES,
    ),
)
_GPU = Request(
    workloads=["bert"],
    params={"size": "base", "seq": 128},
    backends=["eager"],
    precisions=["fp32", "bf16"],
    batches=[1, 64],
    device="cuda",
    protocol=replace(RULES, trial_seconds=1.0, warmup=replace(RULES.warmup, min_seconds=1.0, window_cap_seconds=0.5)),
)
GPU = (_GPU, replace(_GPU, backends=["compile", "cudagraph"], precisions=["bf16"], baseline=False))
"""Each page is made of one request or more into one store. Those of the GPU took about 20 s a round on a rented one."""

METRICS = {
    "cpu": ("latency", "throughput", "host_memory"),
    "cuda": ("latency", "device_time", "throughput", "device_memory"),
}
UNFINISHED = Path(__file__).parent.parent / "build"
"""Where the rounds of a page lie until it is written: an interrupted one goes on from there."""
HEADS = {"latency": "latency", "device_time": "device time", "throughput": "samples/s"}


def line(row: Row, mark: str, metrics: Sequence[str]) -> tuple[str, ...]:
    """One row of the page."""
    setup = row.cell.setup
    name = f"{setup.backend_label} {setup.precision}"
    if row.status is not Status.OK:
        why = f"{row.status}: {row.trouble.what if row.trouble else ''}"
        return (str(setup.batch), name, why, *("-" * (len(metrics) + 1)), "")
    deviation, speedup = row.estimates["deviation"], row.speedup
    return (
        str(setup.batch),
        name,
        *(_quantity(row.estimates[metric]) for metric in metrics),
        f"{speedup.value:.2f} [{speedup.low:.2f}, {speedup.high:.2f}]" if speedup.value and speedup.low else "-",
        f"{deviation.value:.1e}" if deviation.value is not None else "-",
        mark or str(speedup.verdict or ""),
    )


def _quantity(estimate: Estimate) -> str:
    """As many digits as the interval supports; rates and bytes, which stand beside it, without one."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None:
        return "-"
    if estimate.unit == "B":
        return f"{value / 2**20:.0f}"
    if estimate.unit != "s":
        return f"{value:.0f}"
    return f"{value * 1e3:.2f} ms" if low is None or high is None else interval(value, low, high, "s")


def _mark(best: Best) -> str:
    if best.decided:
        return "best"
    return "tied best" if len(best.keys) > 1 else "lowest, undecided"


def main(out: Path = RESULTS, *, gpu: bool = False) -> None:
    """Measure and write the page."""
    from stopwatt.running import run_request

    name = "bert-gpu" if gpu else "bert-cpu"
    store = UNFINISHED / f"{name}.db"
    store.parent.mkdir(exist_ok=True)
    with show_progress(console_for(sys.stderr)) as watcher:
        for one in GPU if gpu else CPU:
            run_request(one, store=str(store), watcher=watcher, allow=True)
    write(name, store, out)
    store.unlink()


def write(name: str, store: Path, out: Path = RESULTS) -> None:
    """Write the page from a store that holds nothing else."""
    gpu = name == "bert-gpu"
    asked = (GPU if gpu else CPU)[0]
    device, size = asked.device, asked.params["size"]
    with open_store(str(store), access=Access.READ) as database:
        measurements = list(database.measurements())
        made = made_of(measurements, database.runs()[-1].tool_version)
    rows = sorted(
        summarise(measurements), key=lambda row: (row.cell.setup.batch, row.estimates["latency"].value or 1e9)
    )
    title = f"BERT-{size}, 128 tokens, on {'a GPU' if gpu else 'every runtime'}"
    page = Page(name, title, f"python benchmarks/run.py {name}", device=device, made=made)
    page.sentences = [
        "Random weights, fp32 eager as the reference of answers and speed-ups; intervals are 95 % over 3 fresh "
        "processes. Deviation is the largest absolute difference over the reference's largest value; a setup beyond "
        "its precision's tolerance is withheld as invalid.",
        *_short_of(rows, asked.protocol.rounds),
    ]
    page.tables = [_table(rows, METRICS[device]), _notes(rows)]
    page.data = {"rows": to_document(rows)["rows"]}
    page.write(out)


def _short_of(rows: Sequence[Row], wanted: int) -> list[str]:
    """Which rows have fewer rounds than they should; the measuring was cut short then."""
    short = [
        f"{row.cell.setup.backend_label} {row.cell.setup.precision} batch {row.cell.setup.batch} ({row.rounds_ok})"
        for row in rows
        if row.status is Status.OK and row.rounds_ok < wanted
    ]
    return [f"Fewer than {wanted} processes, so that the interval is that of trials: {', '.join(short)}."] * bool(short)


def _table(rows: Sequence[Row], metrics: Sequence[str]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    bests = best_per_batch(rows)
    lines = []
    for row in rows:
        best = bests[row.cell.workload.label, row.cell.setup.batch]
        lines.append(line(row, _mark(best) if row.cell.key in best.keys else "", metrics))
    columns = (HEADS.get(metric, f"{metric.replace('_', ' ')}, MiB") for metric in metrics)
    return "Rows by batch, fastest first", ("batch", "setup", *columns, "x fp32 eager", "deviation", "verdict"), lines


def _notes(rows: Sequence[Row]) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    """What the rows' rounds had to say, one line a row and kind."""
    lines = [
        (str(row.cell.setup.batch), f"{row.cell.setup.backend_label} {row.cell.setup.precision}", one.note.text)
        for row in rows
        for one in row.notes
    ]
    return "Notes", ("batch", "setup", "note"), lines


if __name__ == "__main__":
    main()
