"""The BERT table: what each runtime and precision buys on this machine, with the deviation of the answers."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import stopwatt
from result import RESULTS, Page
from stopwatt.analyse.best import Best, best_per_batch
from stopwatt.analyse.row import Row
from stopwatt.records import QUICK, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.sweeping.plan import Request
from stopwatt.units import interval

RULES = replace(QUICK, trial_seconds=2.0, warmup=replace(QUICK.warmup, cap_seconds=5.0), timeout_s=1200.0)
"""Three rounds of at most 2 s of trials: 162 rounds fit into half an hour."""

CPU = Request(
    workloads=["bert"],
    params={"size": "mini", "seq": 128},
    backends=["eager", "compile", "torchscript", "aoti", "onnxruntime", "openvino"],
    precisions=["fp32", "bf16", "int8"],
    batches=[1, 8, 32],
    protocol=RULES,
)
GPU = Request(
    workloads=["bert"],
    params={"size": "base", "seq": 128},
    backends=["eager", "compile", "cudagraph", "aoti", "onnxruntime"],
    precisions=["fp32", "tf32", "fp16", "bf16"],
    batches=[1, 2, 4, 8, 16, 32, 64, 128, 256],
    device="cuda",
    protocol=RULES,
)


def line(row: Row, mark: str) -> tuple[str, ...]:
    """One row of the page."""
    setup = row.cell.setup
    name = f"{setup.backend_label} {setup.precision}"
    if row.status is not Status.OK:
        return (
            str(setup.batch),
            name,
            f"{row.status}: {row.trouble.what if row.trouble else ''}",
            "-",
            "-",
            "-",
            "-",
            "",
        )
    latency, rate, memory, deviation = (
        row.estimates[name] for name in ("latency", "throughput", "host_memory", "deviation")
    )
    assert latency.value is not None
    speedup = row.speedup
    bounded = latency.low is not None and latency.high is not None
    text = (
        interval(latency.value, latency.low or 0, latency.high or 0, "s")
        if bounded
        else f"{latency.value * 1e3:.2f} ms"
    )
    return (
        str(setup.batch),
        name,
        text,
        f"{rate.value:.0f}" if rate.value is not None else "-",
        f"{speedup.value:.2f} [{speedup.low:.2f}, {speedup.high:.2f}]" if speedup.value and speedup.low else "-",
        f"{memory.value / 2**20:.0f}" if memory.value is not None else "-",
        f"{deviation.value:.1e}" if deviation.value is not None else "-",
        mark or str(speedup.verdict or ""),
    )


def _mark(best: Best) -> str:
    if best.decided:
        return "best"
    return "tied best" if len(best.keys) > 1 else "lowest, undecided"


def main(out: Path = RESULTS, *, gpu: bool = False) -> None:
    """Measure and write the page."""
    from stopwatt.api import run_request

    asked = GPU if gpu else CPU
    with tempfile.TemporaryDirectory() as folder, show_progress(console_for(sys.stderr)) as watcher:
        result = run_request(asked, store=str(Path(folder) / "bert.db"), watcher=watcher, allow=True)
    bests = best_per_batch(result.rows)
    lines = []
    for row in sorted(result.rows, key=lambda row: (row.cell.setup.batch, row.estimates["latency"].value or 1e9)):
        best = bests[row.cell.workload.label, row.cell.setup.batch]
        lines.append(line(row, _mark(best) if row.cell.key in best.keys else ""))
    name = "bert-gpu" if gpu else "bert-cpu"
    size = asked.params["size"]
    page = Page(name, f"BERT-{size}, 128 tokens, on every runtime", f"python benchmarks/run.py {name}")
    page.sentences = [
        "Random weights, fp32 eager as the reference of answers and speed-ups; intervals are 95 % over 3 fresh "
        "processes. Deviation is the largest absolute difference over the reference's largest value; a setup beyond "
        "its precision's tolerance is withheld as invalid.",
    ]
    head = ("batch", "setup", "latency", "samples/s", "x fp32 eager", "MiB", "deviation", "verdict")
    page.tables = [("Rows by batch, fastest first", head, lines)]
    page.data = {"rows": stopwatt_rows(result)}
    page.write(out)


def stopwatt_rows(result: stopwatt.BenchResult) -> list[dict[str, object]]:
    """The documented JSON of every row."""
    import json

    rows: list[dict[str, object]] = json.loads(result.to_json())["rows"]
    return rows


if __name__ == "__main__":
    main()
