"""The claim `observer`: while a worker times its trials, the process that started it sleeps, and showing progress costs
nothing that could be seen.
"""  # noqa: D205  (one sentence that does not fit on one line)

import os
import resource
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from stopwatt import units
from stopwatt.analyse.selftests import Claim
from stopwatt.records import Measured, Measurement
from stopwatt.reporting.comparison_lines import ratio_text
from stopwatt.reporting.progress import show_progress
from stopwatt.running import Silent
from stopwatt.selftesting.bench import MODEL, MODEL_RULES, RULES, SYNTHETIC, Bench, Window
from stopwatt.selftesting.comparison import CONFIDENCE, differs
from stopwatt.selftesting.evidence import Seen, disturbance, judged
from stopwatt.selftesting.planted import latencies
from stopwatt.stats.ratios import compare_rounds

LIMIT = 0.02
"""Of a core."""
TRIALS, DURATION = 500, "1ms"
PAIRS, THOROUGH_PAIRS = 3, 10


def look_at_observer(bench: Bench) -> Claim:
    """The parent's own work while trials run, and rounds with and without the display of progress."""
    return judged("observer", lambda: _look(bench), tries=1)


def _look(bench: Bench) -> Seen:
    share = _share(bench)
    used = f"the process that waits used {units.percent(share)} of a core while trials ran"
    numbers, limit = {"share": Measured(share, "1")}, Measured(LIMIT, "1")
    if share > LIMIT:
        return Seen(used, fault=f"{used}: it does not sleep", numbers=numbers, limit=limit)
    without: list[Measurement] = []
    shown: list[Measurement] = []
    for number in range(THOROUGH_PAIRS if bench.thorough else PAIRS):
        for display in (False, True) if number % 2 == 0 else (True, False):
            (shown if display else without).append(_round(bench, display=display))
    ratio, strict = (
        compare_rounds(_medians(without), _medians(shown), confidence=level).inverted() for level in (0.95, CONFIDENCE)
    )
    return Seen(
        f"{used}; with progress shown a model takes {ratio_text(ratio)} of the time without",
        short=differs(strict),
        disturbed=disturbance([*without, *shown]),
        numbers={**numbers, "display": Measured(ratio.value or float("nan"), "1")},
        limit=limit,
    )


def _share(bench: Bench) -> float:
    """Cores that this process keeps busy between the beginning and the end of a worker's trials."""
    window = Window(lambda: (time.monotonic(), _cpu_s()), bench.watcher)
    bench.measure({**SYNTHETIC, "duration": DURATION}, replace(RULES, trials=TRIALS), window)
    (began, busy), (ended, busy_then) = window.ends
    return (busy_then - busy) / (ended - began)


def _cpu_s() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def _round(bench: Bench, *, display: bool) -> Measurement:
    if not display:
        return bench.measure(MODEL, MODEL_RULES, Silent())[0]
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  (a device, not a path of ours)
        console = Console(file=nowhere, force_terminal=True, width=100)
        with show_progress(console) as watcher:
            return bench.measure(MODEL, MODEL_RULES, watcher)[0]


def _medians(rounds: list[Measurement]) -> NDArray[np.float64]:
    return np.array([float(np.median(latencies(one))) for one in rounds])
