"""What a sweep costs beyond its trials: 64 LSTM cells, 1,000 trials each, in one round."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import stopwatt
from result import Page
from stopwatt.records import CLASSIC, Status
from stopwatt.store import Selection, open_store
from stopwatt.units import quantity

GRID = Path(__file__).parent.parent / "examples" / "lstm.yaml"
MOST = 1.5


def main() -> None:
    """Measure and write the page."""
    protocol = replace(CLASSIC, rounds=1, trial_seconds=None)
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "sweep.db")
        begin = time.monotonic()
        stopwatt.sweep(grid=GRID, axes={"backend": "eager", "batch": 1}, protocol=protocol, store=store, allow=True)
        wall_s = time.monotonic() - begin
        with open_store(store) as database:
            rounds = list(database.measurements(Selection()))
    ok = [one for one in rounds if one.status is Status.OK]
    trials_s = sum(float(one.samples["latency"].values.sum()) / 1e9 for one in ok)
    starts_s = [one.phases["start"] + one.phases.get("import", 0.0) for one in ok if "start" in one.phases]
    phases: dict[str, float] = {}
    for one in ok:
        for name, seconds in one.phases.items():
            phases[name] = phases.get(name, 0.0) + seconds
    ratio = (wall_s - sum(starts_s)) / trials_s
    verdict = "met" if ratio <= MOST else "missed"
    Page(
        name="sweep-cost",
        title="What a sweep costs beyond its trials",
        command="python benchmarks/run.py sweep-cost",
        sentences=[
            f"{len(ok)} LSTM cells (layers 1-4, hidden 64-256, seq 64-256, batch 1, eager) with 1,000 trials each: "
            f"{quantity(wall_s, 's')}, {ratio:.2f} x the {quantity(trials_s, 's')} of their trials. The start of the "
            f"measuring processes ({len(starts_s)}) is left out. The target, {MOST} x, is {verdict}.",
            "All of it is counted: inputs and reference answers, checks, warm-up, throughput, saving.",
        ],
        tables=[
            (
                "Where the time of the rounds went",
                ["phase", "seconds", "share of the trials' time"],
                [
                    [name, f"{seconds:.1f}", f"{seconds / trials_s:.1%}"]
                    for name, seconds in sorted(phases.items(), key=lambda item: -item[1])
                    if seconds >= 0.01 * trials_s / 10
                ],
            )
        ],
        data={"cells": len(ok), "wall_s": wall_s, "trials_s": trials_s, "ratio": ratio, "phases_s": phases},
    ).write()


if __name__ == "__main__":
    main()
