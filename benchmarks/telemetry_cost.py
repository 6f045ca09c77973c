"""What telemetry costs the model that runs beside it: rounds with instruments read and without, in turn."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from result import RESULTS, Page
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import Telemetry
from stopwatt.meters.sampling import Sampling
from stopwatt.records import Measurement, Protocol, Scalar
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.running import Silent
from stopwatt.selftesting.bench import MODEL, MODEL_RULES, Bench
from stopwatt.selftesting.evidence import disturbance
from stopwatt.stats.ratios import MARGIN, Ratio, compare_rounds
from stopwatt.units import percent, quantity

PAIRS = {"cpu": 20, "cuda": 4}
"""By kind of device: a GPU's rounds take longer, and are quieter."""
ALONE_S = 20.0
SUBJECTS: Mapping[str, Mapping[str, Mapping[str, Scalar]]] = {
    "cpu": {
        "a small model (eager, 1 thread)": MODEL,
        "a call of some 20 us (onnxruntime, 1 thread)": {**MODEL, "hidden": 320, "batch": 1, "backend": "onnxruntime"},
    },
    "cuda": {
        "a small model (eager)": {**MODEL, "device": "cuda"},
        "a recorded one (cudagraph)": {**MODEL, "device": "cuda", "backend": "cudagraph"},
    },
}
"""By kind of device."""
RULES = replace(MODEL_RULES, trials=100_000, trial_seconds=1.0)


@dataclass(frozen=True)
class Cost:
    """What telemetry did to one subject.

    Attributes:
        off_s: Median latency without it.
        median, tail: Time with / time without: of the rounds' medians, and of their 99th percentiles.
        readings: Rows that the sampler wrote during the trials of a round, in the median.
        disturbed: Rounds in which something else disturbed the machine.
    """

    subject: str
    off_s: float
    median: Ratio
    tail: Ratio
    pairs: int
    readings: int
    disturbed: int


def cost_of(bench: Bench, subject: str, axes: Mapping[str, Scalar], pairs: int, rules: Protocol = RULES) -> Cost:
    """Fresh processes with telemetry and without, in the order off, on, on, off.

    Args:
        bench: Where to measure.
        subject: Its name.
        axes: Coordinates of its cell.
        pairs: Of rounds.
        rules: The protocol, but for telemetry.
    """
    rounds: dict[Telemetry, list[Measurement]] = {Telemetry.OFF: [], Telemetry.ON: []}
    for number in range(pairs):
        for mode in list(rounds)[:: 1 if number % 2 == 0 else -1]:
            rounds[mode] += bench.measure(axes, replace(rules, telemetry=mode), Silent())
    off, on = rounds[Telemetry.OFF], rounds[Telemetry.ON]
    if any(one.traces for one in off) or not all(one.traces for one in on):
        raise SystemExit("instruments were not read as asked: nothing is compared")
    medians, tails = (compare_rounds(_quantiles(off, q), _quantiles(on, q)).inverted() for q in (0.5, 0.99))
    readings = int(np.median([sum(_rows_in_trials(one)) for one in on]))
    disturbed = sum(bool(disturbance([one])) for one in (*off, *on))
    return Cost(subject, float(np.median(_quantiles(off, 0.5))), medians, tails, pairs, readings, disturbed)


def _quantiles(rounds: Sequence[Measurement], q: float) -> np.ndarray:
    return np.array([float(np.quantile(one.samples["latency"].values, q)) / 1e9 for one in rounds])


def _rows_in_trials(one: Measurement) -> list[int]:
    trials = one.spans[0]
    return [int(((trace.time_ns >= trials.begin_ns) & (trace.time_ns < trials.end_ns)).sum()) for trace in one.traces]


def busy_alone(device: str, *, energy: bool, seconds: float = ALONE_S) -> float:
    """Share of a core that the process that reads takes, with nothing to measure beside it."""
    with Sampling(device, energy=energy) as sampling:
        if not sampling.pid:
            raise SystemExit("the process that reads instruments did not start")
        process = psutil.Process(sampling.pid)
        begin, before = time.monotonic(), process.cpu_times()
        time.sleep(seconds)
        after, end = process.cpu_times(), time.monotonic()
    return (after.user + after.system - before.user - before.system) / (end - begin)


def main(out: Path = RESULTS, *, gpu: bool = False, pairs: int = 0, alone_s: float = ALONE_S) -> None:
    """Measure and write the page; so many pairs as `PAIRS` says, or another number of them."""
    device = "cuda" if gpu else "cpu"
    pairs = pairs or PAIRS[device]
    alone = {energy: busy_alone(device, energy=energy, seconds=alone_s) for energy in (False, True)}
    with TemporaryDirectory() as folder:
        bench = Bench(str(Path(folder) / "cost.db"), device)
        costs = [cost_of(bench, subject, axes, pairs) for subject, axes in SUBJECTS[kind_of(device)].items()]
    disturbed = sum(one.disturbed for one in costs)
    page = Page(
        "telemetry-cost-gpu" if gpu else "telemetry-cost",
        "What telemetry costs the model that runs beside it",
        f"python benchmarks/run.py telemetry-cost{'-gpu' if gpu else ''}",
        device=device,
    )
    page.sentences = [
        f"Each subject was measured in {pairs} pairs of fresh processes, one with `--telemetry on` and one with `off`, "
        "in the order off, on, on, off. A ratio is time with / time without: of the rounds' medians, and of their 99th "
        "percentiles; with its 95 % interval over the pairs. A verdict is about telemetry, with a margin of "
        f"{percent(MARGIN)}.",
        f"The process that reads takes {percent(alone[False])} of a core, and {percent(alone[True])} where it looks at "
        f"energy counters too ({alone_s:g} s each, with nothing beside it).",
        f"Something else disturbed the machine in {disturbed} of {2 * pairs * len(costs)} rounds, as they noted "
        "themselves.",
    ]
    head = (
        "what",
        "median without",
        "ratio of medians",
        "verdict",
        "ratio of p99",
        "verdict",
        "readings in the trials",
    )
    page.tables = [("Time with telemetry / without", head, [_row(one) for one in costs])]
    page.data = {
        "pairs": pairs,
        "cores_alone": {"telemetry": alone[False], "with_energy": alone[True]},
        "costs": [_document(one) for one in costs],
    }
    page.write(out)


def _row(one: Cost) -> list[str]:
    ratios = [text for ratio in (one.median, one.tail) for text in (ratio_text(ratio), str(ratio.verdict))]
    return [one.subject, quantity(one.off_s, "s"), *ratios, str(one.readings)]


def _document(one: Cost) -> dict[str, object]:
    ratios = {
        name: {"ratio": ratio.value, "low": ratio.low, "high": ratio.high, "verdict": str(ratio.verdict)}
        for name, ratio in (("median", one.median), ("p99", one.tail))
    }
    about = {"subject": one.subject, "median_off_s": one.off_s, "readings": one.readings, "disturbed": one.disturbed}
    return about | ratios


if __name__ == "__main__":
    main()
