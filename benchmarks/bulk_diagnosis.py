"""Whether the bottleneck of a bulk run is named, and whether a change brings no more than it is said to be worth."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from result import RESULTS, Page
from stopwatt.units import percent, ratio

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "bulk"))

LINES, CHANGES = 400, 100
CORES = (2.0, 4.0, 64.0)
IMAGES = 800
TOLERANCE = 1.03


def main(out: Path = RESULTS, lines: int = LINES, changes: int = CHANGES) -> None:
    """Simulate, diagnose, change, and write the page."""
    named, gained = names(lines), [row for cores in CORES for row in gains(changes, cores)]
    ratios = np.array([row["gain"] / row["bound"] for row in gained])
    right = sum(row["right"] for row in named)
    page = Page(
        "bulk-diagnosis", "What holds a bulk run back, on pipelines where it is known",
        "python benchmarks/run.py bulk-diagnosis",
    )  # fmt: skip
    within, worst = int((ratios <= TOLERANCE).sum()), ratio(float(ratios.max()), half_width=0.001)
    half = percent(round(float(np.median(ratios)), 3))
    page.sentences = [
        f"Simulated pipelines of {IMAGES} images: 1 to 6 decoders, 1 to 3 workers, batches of 1 to 8, times of an "
        "image that vary by up to 80 %. It says what the diagnosis makes of ticks, not what machines do.",
        f"Named rightly: {right} of {len(named)}; the slowest station needs 1.25 times what the next does at least.",
        f"In {within} of {ratios.size} changes more decoders or workers brought at most {ratio(TOLERANCE)} of what was "
        f"said to be their worth at most, the worst {worst}; half of them brought {half} of it or more.",
    ]
    page.tables = [
        ("Named", ("bottleneck", "pipelines", "named rightly"), _by_truth(named)),
        ("Gain over bound", ("cores", "station", "changes", "median", "largest"), _by_cores(gained)),
    ]
    page.data = {"named": named, "gains": gained}
    page.write(out)


def names(number: int) -> list[dict[str, Any]]:
    """What random pipelines are said to be bound by."""
    from cases import cases, verdict

    return [
        {"truth": truth, "said": (said := verdict(line, IMAGES, place)[0].name), "right": said == truth}
        for place, (line, truth) in enumerate(cases(number, 1))
    ]


def gains(number: int, cores: float) -> list[dict[str, Any]]:
    """What more of each station brings, and what was said."""
    from cases import cases, gain_and_bound

    return [
        {"cores": cores, "station": station, "gain": float(gain), "bound": float(bound)}
        for place, (line, _) in enumerate(cases(number, 7, cores))
        for station in ("decode", "model")
        for gain, bound in (gain_and_bound(line, station, place, IMAGES),)
    ]


def _by_truth(named: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    all_of, right = Counter(row["truth"] for row in named), Counter(row["truth"] for row in named if row["right"])
    return [(truth, str(count), str(right[truth])) for truth, count in sorted(all_of.items())]


def _by_cores(gained: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for cores in CORES:
        for station in ("decode", "model"):
            found = [
                row["gain"] / row["bound"] for row in gained if row["cores"] == cores and row["station"] == station
            ]
            rows.append(
                (f"{cores:g}", station, str(len(found)), f"{np.median(found):.3f}", f"{max(found):.3f}")
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
