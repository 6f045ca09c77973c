"""Does stopwatt's own loop read what a bare loop reads? Inside one process, in turns, so that nothing else differs."""

import statistics
import time
from pathlib import Path

import numpy as np

from bias import BERT, median_of
from result import RESULTS, Page
from stopwatt.backends.eager import Eager
from stopwatt.measuring.trials import SETTLE_CALLS, run_trials
from stopwatt.records import Setup
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

BLOCKS = 80
CALLS = 20
WARMUP_CALLS = 100


def ratios() -> list[float]:
    """Median of a block by stopwatt's loop over that by a bare loop beside it; the order is A B B A.

    Neighbouring blocks share the process, its memory layout and the minute: only the two loops differ.
    """
    family = resolve("bert")
    built = family.build(check_params(family, BERT), 0)
    arrays = [built.make_inputs(1, np.random.default_rng(seed)) for seed in range(8)]
    runner = Eager().prepare(built, Setup(threads=2), arrays)
    sets = [runner.stage(one) for one in arrays]

    def ours() -> float:
        return float(np.median(run_trials(runner.call, sets, CALLS, settle=SETTLE_CALLS).latency_ns))

    def bare() -> float:
        spent = []
        for index in range(SETTLE_CALLS + CALLS):
            begin = time.perf_counter()
            runner.call(sets[index % len(sets)])
            spent.append((time.perf_counter() - begin) * 1e9)
        return statistics.median(spent[SETTLE_CALLS:])

    found = []
    with runner.active():
        for index in range(WARMUP_CALLS):
            runner.call(sets[index % len(sets)])
        for block in range(BLOCKS):
            if block % 2:
                other, own = bare(), ours()
            else:
                own, other = ours(), bare()
            found.append(own / other)
    return found


def main(out: Path = RESULTS) -> None:
    """Measure and write the page."""
    found = ratios()
    middle, bounds = median_of(np.array(found))
    page = Page("bench-loop", "Does stopwatt's loop read what a bare loop reads?", "python benchmarks/run.py loop")
    page.sentences = [
        "A 4-layer BERT (hidden 256, 128 tokens, batch 1, 2 threads) on fp32 eager, inside one process: stopwatt's "
        f"loop reports {middle:.4f} x what a bare `perf_counter` loop beside it does "
        f"[{bounds.low:.4f}, {bounds.high:.4f}].",
        f"The median of {BLOCKS} pairs of blocks of {CALLS} calls, in the order A B B A, with its order-statistic "
        "interval. What differs between processes is not in it: `bench-bias.md` has that.",
    ]
    page.data = {"ratios": found, "median": middle, "low": bounds.low, "high": bounds.high}
    page.write(out)


if __name__ == "__main__":
    main()
