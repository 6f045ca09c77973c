"""Joules an inference on a GPU: models, batches, precisions; how well they repeat; how their meter behaves.

The rounds stay in `build/`: an interrupted run goes on from there, and a page can be written again without measuring:
`python benchmarks/energy_gpu.py`.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from result import RESULTS, Page, made_of
from stopwatt import units
from stopwatt.analyse.document import to_document
from stopwatt.analyse.row import Row
from stopwatt.analyse.summary import summarise
from stopwatt.energy import ACTIVE_IDLE, IDLE, SCREENING, SENTINEL, WINDOW, EnergyRules, Span
from stopwatt.meters.quality import quality_of
from stopwatt.meters.sentinel import Sentinel, sentinel_of
from stopwatt.records import QUICK, Measured, Measurement, Status
from stopwatt.reporting.console import console_for
from stopwatt.reporting.progress import show_progress
from stopwatt.running import run_request
from stopwatt.store import Access, RunStatus, open_store
from stopwatt.sweeping.plan import Request, make_plan
from stopwatt.workloads.params import short_label

STORE = Path(__file__).parent.parent / "build" / "energy-gpu.db"
MATMUL = "benchmarks/matmul.py:product"
RULES = replace(
    QUICK,
    trials=100,
    trial_seconds=1.0,
    throughput_windows=3,
    warmup=replace(QUICK.warmup, min_seconds=1.0, window_cap_seconds=0.5, cap_seconds=4.0),
    energy=SCREENING,
    tolerance=1.0,
)
LENGTHS = (2.0, 8.0)
"""Seconds of the windows that show whether energy is linear in calls."""
BUSY_W = 300.0
"""An H200 with a model loaded takes some 130 W without any call, and 700 W at most: below this it mostly waits."""
NO_SENTINEL = (
    "Some rounds were measured before rounds had a sentinel: what the board itself did meanwhile is not known of them."
)
AGREE = 0.02
"""What two rounds of the same may differ by."""


_ONE = Request([], device="cuda", backends=["eager"], protocol=RULES, baseline=False)
_PRODUCT = replace(_ONE, workloads=[MATMUL], precisions=["bf16"], batches=[1, 8192])
MODELS = (
    replace(_ONE, workloads=["resnet"], params={"depth": 50}, precisions=["fp32", "bf16"], batches=[1, 32]),
    replace(_ONE, workloads=["bert"], params={"size": "base"}, precisions=["fp32"], batches=[32]),
    replace(_ONE, workloads=["bert"], params={"size": "base"}, precisions=["bf16"], batches=[1, 32]),
    replace(_ONE, workloads=["bert"], params={"size": "base"}, precisions=["bf16"], backends=["cudagraph"]),
    _PRODUCT,
    replace(_ONE, workloads=["lstm"], backends=["eager", "cudagraph"]),
)
LINEAR = tuple(
    replace(_PRODUCT, batches=[1], protocol=replace(RULES, energy=EnergyRules(window_s=length)))
    for length in LENGTHS[1:]
)


def main(out: Path = RESULTS) -> None:
    """Measure what is not measured yet, and write the page."""
    STORE.parent.mkdir(exist_ok=True)
    with show_progress(console_for(sys.stderr)) as watcher:
        for one in (*MODELS, *LINEAR):
            if not _done(one):
                run_request(one, store=str(STORE), watcher=watcher, allow=True)
    write(out)


def _done(asked: Request) -> bool:
    """Whether a run of it is complete."""
    wanted = make_plan(asked).digest
    with open_store(str(STORE)) as database:
        return any(run.plan == wanted and run.status is RunStatus.COMPLETE for run in database.runs())


def write(out: Path = RESULTS) -> None:
    """Write the page from its rounds."""
    with open_store(str(STORE), access=Access.READ) as database:
        rounds = [one for one in database.measurements() if one.status is not Status.INTERRUPTED]
        made = made_of(rounds, database.runs()[-1].tool_version)
    linear = _on_one_board([one for one in rounds if _is_linear(one)])
    models = summarise([one for one in rounds if one.cell.protocol.energy == SCREENING])
    Page(
        "energy-gpu",
        "Joules an inference, on a GPU",
        "python benchmarks/run.py energy-gpu",
        sentences=[
            "GPU board, queue kept full, windows of 2 s in fresh processes; gross energy, and net of the active-idle "
            "power (model loaded, no call). Intervals are 95 % over processes. The counter is the driver's: compared "
            "with external meters such counters were found several per cent off, by an amount of each board's own "
            "(Yang et al. 2024, Part-time Power Measurements), and no interval here holds that.",
            *_repeated(models, rounds),
            *([] if all(any(span.name == SENTINEL for span in one.spans) for one in rounds) else [NO_SENTINEL]),
        ],
        tables=[
            ("Energy a sample", _HEAD, [_line(row, rounds) for row in models]),
            (
                "A matrix by a vector (1 x 8192 x 8192, bf16) in windows of several lengths",
                _LINEAR_HEAD,
                list(_linear_lines(linear)),
            ),
            ("What the instrument shows of itself in these rounds", _METER_HEAD, list(_meter_lines(rounds))),
            ("The sentinel, the same work in every round, by board", _SENTINEL_HEAD, list(_sentinel_lines(rounds))),
        ],
        data={"rows": to_document(models)["rows"], "linear": [_linear_document(one) for one in linear]},
        device="cuda",
        made=made,
    ).write(out)


_HEAD = (
    *(
        "model",
        "setup",
        "energy a sample",
        "net",
        "power",
        "samples/J",
        "energy-delay",
        "at the power cap",
        "processes differ by",
    ),
    *("rounds", "board", "verdict"),
)


def _line(row: Row, rounds: Sequence[Measurement]) -> tuple[str, ...]:
    setup = row.cell.setup
    name = f"{setup.backend_label} {setup.precision} batch {setup.batch}"
    product = row.cell.workload.source == MATMUL
    label = f"{setup.batch} x 8192 x 8192 product" if product else short_label(row.cell.workload)
    energy = row.estimates["energy_gpu"]
    if energy.value is None:
        return (label, name, *("-",) * 7, str(row.rounds_ok), "-", energy.why)
    own = [one for one in rounds if one.cell.key == row.cell.key]
    apart = _apart(own)
    return (
        label,
        name,
        *(_quantity(row, metric) for metric in ("energy_gpu", "energy_net_gpu", "power_gpu")),
        *(_quantity(row, metric) for metric in ("efficiency_gpu", "energy_delay_gpu")),
        units.percent(float(np.mean([one.facts.get("energy.gpu.capped_share", 0.0) for one in own]))),
        "-" if apart is None else units.percent(apart),
        str(row.rounds_ok),
        ", ".join(sorted({_board(one) for one in own})),
        str(energy.verdict),
    )


def _board(one: Measurement) -> str:
    """Boards of one type differ: the end of its uuid."""
    return str(one.facts.get("gpu.uuid", "-"))[-6:]


_SENTINEL_HEAD = ("board", "rounds", "setups", "J a call, least to most", "within a setup", "degC when it began")


def _sentinel_lines(rounds: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    """What the fixed work took on each board, after models that are unlike each other."""
    by_board: dict[str, list[tuple[Measurement, Sentinel]]] = {}
    for one in rounds:
        found = sentinel_of(one)
        if found is not None:
            by_board.setdefault(_board(one), []).append((one, found))
    for board, pairs in sorted(by_board.items()):
        joules = [found.joules for _, found in pairs]
        by_cell: dict[str, list[float]] = {}
        for one, found in pairs:
            by_cell.setdefault(one.cell.key, []).append(found.joules)
        apart = [max(values) / min(values) - 1 for values in by_cell.values() if len(values) > 1]
        degrees = [found.temperature for _, found in pairs]
        yield (
            board,
            str(len(pairs)),
            str(len(by_cell)),
            f"{min(joules):.3f} to {max(joules):.3f} ({units.percent(max(joules) / min(joules) - 1)})",
            f"{units.percent(max(apart))} at most" if apart else "-",
            f"{min(degrees):.0f} to {max(degrees):.0f}",
        )


def _quantity(row: Row, metric: str) -> str:
    found = row.estimates[metric]
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return units.quantity(found.value, found.unit)
    return units.interval(found.value, found.low, found.high, found.unit)


def _energies(rounds: Sequence[Measurement]) -> list[float]:
    readings = [one.readings.get("energy_gpu") for one in rounds if one.status is Status.OK]
    return [reading.value for reading in readings if isinstance(reading, Measured)]


def _apart(rounds: Sequence[Measurement]) -> float | None:
    """The largest energy of a cell's rounds over the smallest, minus 1."""
    found = _energies(rounds)
    return max(found) / min(found) - 1 if len(found) > 1 else None


def _repeated(rows: Sequence[Row], rounds: Sequence[Measurement]) -> Iterator[str]:
    """How far rounds of the same setup differ: where the GPU is kept busy, and where the host cannot do so."""
    apart: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        found = _apart([one for one in rounds if one.cell.key == row.cell.key])
        power = row.estimates["power_gpu"].value
        if found is not None and power is not None:
            apart[power > BUSY_W].append(found)
    for busy, shares in apart.items():
        if shares:
            within = sum(one <= AGREE for one in shares)
            typical, most = units.percent(float(np.median(shares))), units.percent(max(shares))
            yield (
                f"Of the {len(shares)} setups with a mean power {'above' if busy else 'below'} {BUSY_W:.0f} W, the "
                f"largest energy of a round is at most {units.percent(AGREE)} above the smallest in {within}; "
                f"{typical} in the median of them and {most} at most (suspect rounds left out)."
            )


def _is_linear(one: Measurement) -> bool:
    setup = one.cell.setup
    return (one.cell.workload.source, str(setup.precision), setup.batch) == (MATMUL, "bf16", 1)


def _on_one_board(rounds: Sequence[Measurement]) -> list[Measurement]:
    """Those of the board with the most lengths of windows: boards differ by more than lengths may."""
    lengths: dict[str, set[float]] = {}
    for one in rounds:
        lengths.setdefault(_board(one), set()).add(_length(one))
    best = max(lengths, key=lambda board: len(lengths[board]), default="")
    return [one for one in rounds if _board(one) == best]


_LINEAR_HEAD = ("windows", "rounds", "calls in a window", "J a call [least, most]", "beside the shortest")


def _linear_lines(rounds: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    shortest = float(np.mean(_energies([one for one in rounds if _length(one) == LENGTHS[0]]) or [np.nan]))
    for length in LENGTHS:
        own = [one for one in rounds if _length(one) == length]
        found = _energies(own)
        if not found:
            continue
        calls = Counter(span.calls for one in own for span in one.spans if span.name == WINDOW)
        mean, low, high = float(np.mean(found)), min(found), max(found)
        yield (
            units.exact(length, "s"),
            str(len(found)),
            f"{min(calls)} to {max(calls)}",
            units.interval(mean, low, high, "J"),
            units.change(mean / shortest),
        )


def _length(one: Measurement) -> float:
    rules = one.cell.protocol.energy
    return rules.window_s if rules is not None else 0.0


def _linear_document(one: Measurement) -> dict[str, object]:
    spans = [{"calls": span.calls, "seconds": span.seconds} for span in one.spans if span.name == WINDOW]
    return {"window_s": _length(one), "energy": _energies([one]), "windows": spans}


_METER_HEAD = ("while", "rounds", "tick", "counter, W", "averaged power, W", "difference, least to most")


def _meter_lines(rounds: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    """The counter beside the power field, busy and idle."""
    for name, what in ((WINDOW, "busy"), (ACTIVE_IDLE, "model loaded, no call"), (IDLE, "before the process")):
        found = [pair for one in rounds if (pair := _agreement(one, name)) is not None]
        if found:
            ticks, counted, shown = (np.array(values) for values in zip(*found, strict=True))
            off = counted / shown - 1
            yield (
                what,
                str(len(found)),
                units.quantity(float(np.median(ticks)), "s"),
                f"{counted.min():.0f} to {counted.max():.0f}",
                f"{shown.min():.0f} to {shown.max():.0f}",
                f"{units.percent(float(off.min()))} to {units.percent(float(off.max()))}",
            )


def _agreement(one: Measurement, name: str) -> tuple[float, float, float] | None:
    """Tick, counter and averaged power over the spans of a name."""
    spans: list[Span] = [span for span in one.spans if span.name == name]
    trace = next((trace for trace in one.traces if str(trace.about.scope) == "gpu"), None)
    if trace is None or not spans:
        return None
    loaded = name == WINDOW
    found = quality_of(trace, spans if loaded else (), () if loaded else spans)
    both = found.loaded if loaded else found.idle
    return None if both is None else (found.tick_s, both.counter_w, both.power_w)


if __name__ == "__main__":
    write()
