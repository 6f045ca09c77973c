"""What stopwatt itself costs: per trial, per round, and to say hello."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stopwatt
from result import RESULTS, Page
from stopwatt.measuring.trials import run_trials
from stopwatt.store import Selection, open_store
from stopwatt.units import quantity

OF_THE_CELL = {
    "start", "import", "device", "build", "load", "first call", "second call",
    "check", "warm-up", "trials", "device time", "throughput", "suspicion",
}  # fmt: skip
"""Phases that are process start, imports, build, or measuring; all else in a round is stopwatt's own."""


def per_trial(trials: int = 200_000, repeats: int = 9) -> float:
    """Seconds that a trial costs beyond the call itself, as the median difference to a bare loop."""

    def call(_: object) -> None:
        return None

    differences = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run_trials(call, [0, 1], trials)
        with_us = time.perf_counter() - begin
        begin = time.perf_counter()
        for _ in range(trials):
            call(0)
        bare = time.perf_counter() - begin
        differences.append((with_us - bare) / trials)
    return statistics.median(differences)


def inside(trials: int = 200_000) -> float:
    """Seconds that a trial of an empty call reports: the clock's own share of every latency."""
    return float(statistics.median(run_trials(lambda _: None, [0, 1], trials).latency_ns.tolist())) / 1e9


def help_seconds(repeats: int = 15) -> tuple[float, bool]:
    """Median time of `stopwatt --help`, and whether it imported torch."""
    command = [sys.executable, "-c", "from stopwatt.cli import main; main(['--help'])"]
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - begin)
    code = "import sys\nfrom stopwatt.cli import main\ntry: main(['--help'])\nfinally: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    return statistics.median(seconds), done.stdout.splitlines()[-1] == "True"


def round_overheads(store: str) -> list[float]:
    """Seconds of each round that are neither process start nor imports, build, checks, warm-up or trials."""
    stopwatt.bench("mlp", backends=["eager", "onnxruntime"], store=store, allow=True)
    with open_store(store) as database:
        return [
            found.phases["round"] - sum(s for name, s in found.phases.items() if name in OF_THE_CELL)
            for found in database.measurements(Selection())
        ]


def main(out: Path = RESULTS) -> None:
    """Measure and write the page."""
    trial, empty = per_trial(), inside()
    hello, torch_imported = help_seconds()
    with tempfile.TemporaryDirectory() as folder:
        overheads = round_overheads(str(Path(folder) / "cost.db"))
    page = Page("bench-cost", "What stopwatt itself costs", "python benchmarks/run.py cost")
    rows = [
        ("per trial, beyond the call", quantity(trial, "s"), "1 us"),
        ("inside the reported latency (an empty call)", quantity(empty, "s"), "-"),
        ("`stopwatt --help`", quantity(hello, "s"), "0.4 s"),
        ("`stopwatt --help` imports torch", "yes" if torch_imported else "no", "no"),
        ("per round, the median", quantity(statistics.median(overheads), "s"), "0.3 s"),
        ("per round, the longest", quantity(max(overheads), "s"), "0.3 s"),
    ]
    page.tables = [("Cost", ("what", "measured", "limit"), rows)]
    page.sentences = [
        "A round's own cost is its wall time less process start, imports, build, loading, checks, warm-up, trials and "
        f"throughput; {len(overheads)} rounds of an MLP on eager and onnxruntime."
    ]
    page.data = {
        "per_trial_s": trial, "empty_call_s": empty, "help_s": hello, "help_imports_torch": torch_imported,
        "round_overheads_s": overheads,
    }  # fmt: skip
    page.write(out)


if __name__ == "__main__":
    main()
