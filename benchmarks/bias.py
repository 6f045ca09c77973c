"""Is what stopwatt reports the truth? Against planted durations, and against a bare loop on a real model."""

import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import stopwatt
from result import RESULTS, Page
from stopwatt.analyse.estimate import Estimate
from stopwatt.records import QUICK
from stopwatt.stats.quantiles import Interval, Quantile, percentile
from stopwatt.stats.ratios import compare_rounds
from stopwatt.units import quantity

PLANTED = ("20us", "50us", "200us", "1ms", "5ms", "20ms", "50ms")
MIXTURE = "1ms*0.9,2ms*0.1"
BERT = {"layers": 4, "hidden": 256, "heads": 4, "seq": 128}
PAIRS = 24
TRIALS = 200

BARE_LOOP = """
import json, sys, time
import torch
from transformers import BertConfig, BertModel

torch.set_num_threads({threads})
torch.manual_seed(0)
config = BertConfig(hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024)
model = BertModel(config).eval()
tokens = [torch.randint(1000, 30000, (1, 128)) for _ in range(8)]
mask = torch.ones(1, 128, dtype=torch.int64)
with torch.inference_mode():
    end = time.perf_counter() + 3.0
    while time.perf_counter() < end:
        model(input_ids=tokens[0], attention_mask=mask)
    seconds = []
    for trial in range({trials}):
        inputs = tokens[trial % 8]
        begin = time.perf_counter()
        model(input_ids=inputs, attention_mask=mask)
        seconds.append(time.perf_counter() - begin)
json.dump(seconds, sys.stdout)
"""


def planted(store: str) -> list[dict[str, float | str]]:
    """Report each planted duration; the truth is what the script says."""
    rows: list[dict[str, float | str]] = []
    for text, params in [(d, {"duration": d}) for d in PLANTED] + [(MIXTURE, {"script": MIXTURE})]:
        result = stopwatt.bench("synthetic", params=params, backends=["eager"], threads=1, store=store, allow=True)
        truth = 1e-3 if text == MIXTURE else stopwatt_seconds(text)
        median = value(result.rows[0].estimates["latency"])
        error = median - truth
        passed = abs(error) <= max(0.01 * truth, 1e-6)
        rows.append({"planted": text, "truth_s": truth, "median_s": median, "error_s": error, "passed": passed})
    return rows


def stopwatt_seconds(text: str) -> float:
    """A duration as stopwatt reads it."""
    from stopwatt.units import parse

    return parse(text, "s")


def median_of(ratios: NDArray[np.float64]) -> tuple[float, Interval]:
    """Median with its distribution-free interval."""
    found = percentile(ratios, 0.5)
    assert isinstance(found, Quantile)
    assert isinstance(found.interval, Interval)
    return found.value, found.interval


def value(estimate: Estimate) -> float:
    """The estimate's value; a benchmark without one is an error."""
    assert estimate.value is not None, estimate.why
    return estimate.value


def bare_median(threads: int) -> float:
    """Median of a plain loop in a clean process, in seconds."""
    import json

    done = subprocess.run(
        [sys.executable, "-c", BARE_LOOP.format(threads=threads, trials=TRIALS)],
        capture_output=True,
        check=True,
        text=True,
    )
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def bert_rounds(store: str, pairs: int) -> tuple[list[float], list[float]]:
    """Medians of single stopwatt rounds and of bare loops, taken in turn, in an order that changes by chance."""
    from dataclasses import replace

    dice = random.Random(0)
    ours: list[float] = []
    bare: list[float] = []
    for number in range(pairs):
        rules = replace(QUICK, rounds=1, trials=TRIALS, trial_seconds=None)

        def measure(tag: str = f"round {number}", rules: stopwatt.Protocol = rules) -> None:
            result = stopwatt.bench(
                "bert", params=BERT, backends=["eager"], store=store, tag=tag, protocol=rules, allow=True
            )
            ours.append(value(result.rows[0].estimates["latency"]))

        def loop() -> None:
            bare.append(bare_median(threads=2))

        steps = [measure, loop]
        dice.shuffle(steps)
        for step in steps:
            step()
    return ours, bare


def main(out: Path = RESULTS, pairs: int = PAIRS) -> None:
    """Measure and write the page."""
    page = Page("bench-bias", "Is what `stopwatt bench` reports the truth?", "python benchmarks/run.py bias")
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "bias.db")
        spins = planted(store)
        ours, bare = bert_rounds(store, pairs)
    ratio = compare_rounds(np.array(ours), np.array(bare))  # of stopwatt to the bare loop, from pairs
    middle, bounds = median_of(np.array(ours) / np.array(bare))
    good = sum(bool(row["passed"]) for row in spins)
    page.sentences = [
        f"Planted durations: {good} of {len(spins)} medians lie within 1 % or 1 us of the truth.",
        f"A 4-layer BERT on fp32 eager: the reported latency is {middle:.3f} x that of a bare `perf_counter` loop "
        f"in a clean process [{bounds.low:.3f}, {bounds.high:.3f}]: the median of {pairs} interleaved pairs of "
        f"processes, {TRIALS} trials each, with its order-statistic interval. The geometric mean, which a few slow "
        f"processes pull, is {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}].",
    ]
    page.tables = [
        (
            "Planted durations (busy waits on the monotonic clock, one thread, 3 rounds)",
            ("planted", "reported median", "error"),
            [
                (str(row["planted"]), quantity(float(row["median_s"]), "s"), f"{float(row['error_s']) * 1e6:+.2f} us")
                for row in spins
            ],
        ),
        (
            "4-layer BERT (hidden 256, 128 tokens, batch 1, 2 threads): median of each process, ms",
            ("pair", "stopwatt", "bare loop"),
            [(str(n + 1), f"{a * 1e3:.3f}", f"{b * 1e3:.3f}") for n, (a, b) in enumerate(zip(ours, bare, strict=True))],
        ),
    ]
    page.data = {
        "planted": spins,
        "bert": {
            "stopwatt_s": ours,
            "bare_s": bare,
            "median": {"ratio": middle, "low": bounds.low, "high": bounds.high},
            "mean": {"ratio": ratio.value, "low": ratio.low, "high": ratio.high},
        },
    }
    page.write(out)


if __name__ == "__main__":
    main()
