"""The claim `observer`: while a worker times its trials, the process that started it sleeps, and neither showing
progress nor reading instruments costs anything that could be seen.
"""  # noqa: D205  (one sentence that does not fit on one line)

import os
import resource
import time
from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.energy import Telemetry
from stopwatt.records import Measured, Measurement
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.reporting.progress import show_progress
from stopwatt.running import Silent
from stopwatt.selftesting.bench import MODEL, MODEL_RULES, RULES, SYNTHETIC, Bench, Window
from stopwatt.selftesting.comparison import CONFIDENCE, differs
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import latencies
from stopwatt.stats.ratios import Ratio, compare_rounds

LIMIT = 0.02
"""Of a core."""
TRIALS, DURATION = 500, "1ms"
PAIRS, THOROUGH_PAIRS = 3, 10


class Beside(StrEnum):
    """What runs beside the rounds of a model."""

    NOTHING = "nothing"
    DISPLAY = "display"
    TELEMETRY = "telemetry"


def look_at_observer(bench: Bench) -> Claim:
    """The parent's own work while trials run, and rounds with the display of progress, with telemetry, and without."""
    return judged("observer", lambda: _look(bench), tries=1)


def _look(bench: Bench) -> Seen:
    share = _share(bench)
    used = f"the process that waits used {units.percent(share)} of a core while trials ran"
    numbers, limit = {"share": Measured(share, "1")}, Measured(LIMIT, "1")
    if share > LIMIT:
        return Seen(used, fault=f"{used}: it does not sleep", numbers=numbers, limit=limit)
    rounds: dict[Beside, list[Measurement]] = {beside: [] for beside in Beside}
    for number in range(THOROUGH_PAIRS if bench.thorough else PAIRS):
        for beside in list(Beside)[:: 1 if number % 2 == 0 else -1]:
            rounds[beside].append(_round(bench, beside))
    without = rounds[Beside.NOTHING]
    shown, shown_strictly = _ratios(without, rounds[Beside.DISPLAY])
    read, read_strictly = _ratios(without, rounds[Beside.TELEMETRY])
    there = any(one.traces for one in rounds[Beside.TELEMETRY])
    telemetry = (
        f"with telemetry {ratio_text(read)}" if there else "telemetry is off here: it would take a core from the model"
    )
    return Seen(
        f"{used}; with progress shown a model takes {ratio_text(shown)} of the time without, {telemetry}",
        short=differs(shown_strictly) or (there and differs(read_strictly)),
        disturbed=disturbance(one for several in rounds.values() for one in several),
        numbers={
            **numbers,
            str(Beside.DISPLAY): _number(shown),
            **({str(Beside.TELEMETRY): _number(read)} if there else {}),
        },
        limit=limit,
    )


def _ratios(without: list[Measurement], others: list[Measurement]) -> tuple[Ratio, Ratio]:
    """Time with something beside / time without, with its interval, and with that of which the verdict is read off."""
    first, second = (
        compare_rounds(_medians(without), _medians(others), confidence=level).inverted() for level in (0.95, CONFIDENCE)
    )
    return first, second


def _number(ratio: Ratio) -> Measured:
    return Measured(ratio.value or float("nan"), "1")


def _share(bench: Bench) -> float:
    """Cores that this process keeps busy between the beginning and the end of a worker's trials."""
    window = Window(lambda: (time.monotonic(), _cpu_s()), bench.watcher)
    bench.measure({**SYNTHETIC, "duration": DURATION}, replace(RULES, trials=TRIALS), window)
    (began, busy), (ended, busy_then) = window.ends
    return (busy_then - busy) / (ended - began)


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def _round(bench: Bench, beside: Beside) -> Measurement:
    """Telemetry as it comes by itself: on where a core is left over for it."""
    rules = replace(MODEL_RULES, telemetry=Telemetry.AUTO if beside is Beside.TELEMETRY else Telemetry.OFF)
    if beside is not Beside.DISPLAY:
        return bench.measure(MODEL, rules, Silent())[0]
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  (a device, not a path of ours)
        console = Console(file=nowhere, force_terminal=True, width=100)
        with show_progress(console) as watcher:
            return bench.measure(MODEL, rules, watcher)[0]


def _medians(rounds: list[Measurement]) -> NDArray[np.float64]:
    return np.array([float(np.median(latencies(one))) for one in rounds])
