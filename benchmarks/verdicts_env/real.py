"""This machine: a planted slowdown measured in turn, and two setups measured against themselves."""

import tempfile
from dataclasses import replace
from pathlib import Path

from detection_env.rates import Table
from stopwatt.comparing import compare, compare_now, measure_itself
from stopwatt.records import QUICK
from stopwatt.reporting.comparison import AaResult, CompareResult
from stopwatt.reporting.comparison_lines import ratio_text, size
from stopwatt.stats.detectable import effect_of_rounds
from stopwatt.sweeping.grid import Axis, Grid

PAIRS = 10
MARGINS = (0.02, 0.01)


def measured(pairs: int = PAIRS) -> tuple[Table, Table]:
    """The planted slowdown, and the A/A of two workloads."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "verdicts.db")
        return _planted(store, pairs), _against_themselves(store, pairs)


def _planted(store: str, pairs: int) -> Table:
    """Two busy waits of 1 ms and 1.02 ms, in ABBA blocks."""
    table = Table(
        f"Measured here: busy waits of 1 ms (A) and 1.02 ms (B) in ABBA blocks, {pairs} pairs of rounds, one thread",
        ("margin", "time B / time A", "verdict"),
    )
    run = compare_now(_grid(pairs, "synthetic", duration=("1ms", "1.02ms")), store=store, allow=True).run
    for margin in MARGINS:
        found = compare(run, margin=margin, store=store)
        assert isinstance(found, CompareResult)
        ratio = found.comparison.cells[0].ratio
        table.add(
            size(margin), ratio_text(ratio), str(ratio.verdict),
            margin=margin, ratio=ratio.value, low=ratio.low, high=ratio.high, verdict=str(ratio.verdict),
        )  # fmt: skip
    return table


def _against_themselves(store: str, pairs: int) -> Table:
    table = Table(
        f"Measured here: setups against themselves, {pairs} pairs of rounds, one thread (`stopwatt compare --aa`)",
        (
            "setup",
            "second / first arm",
            "verdict",
            "sd of rounds",
            "smallest detectable slowdown, 3 and 3 rounds",
            "10 and 10",
        ),
    )
    for source, params in (("synthetic", {"duration": ("1ms",)}), ("mlp", {}), ("lstm", {})):
        found = measure_itself(_grid(pairs, source, **params), store=store, allow=True)
        table.add(*_cells(source, found), **_facts(source, found))
    return table


def _cells(source: str, found: AaResult) -> tuple[str, ...]:
    ratio, spread = found.calibration.ratio, found.calibration.spread
    assert spread is not None
    bounds = spread.interval()
    effects = [effect_of_rounds(spread.sd, count, count) for count in (3, 10)]
    told = [size(effect) if effect is not None else "-" for effect in effects]
    noise = f"{size(spread.sd)} [{size(bounds.low)}, {size(bounds.high)}]"
    return source, ratio_text(ratio), str(ratio.verdict), noise, *told


def _facts(source: str, found: AaResult) -> dict[str, object]:
    ratio, spread = found.calibration.ratio, found.calibration.spread
    return {
        "setup": source, "ratio": ratio.value, "low": ratio.low, "high": ratio.high, "verdict": str(ratio.verdict),
        "sd": spread.sd if spread else None,
    }  # fmt: skip


def _grid(pairs: int, source: str, **params: tuple[str, ...]) -> Grid:
    axes = [
        Axis("workload", (source,)),
        Axis("threads", (1,)),
        *(Axis(name, values) for name, values in params.items()),
    ]
    return Grid(tuple((axis,) for axis in axes), protocol=replace(QUICK, rounds=pairs))
