"""What setups get out of their devices, and what the devices do at most, for people and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from stopwatt import units
from stopwatt.analyse.ceilings import Ceiling, Peak
from stopwatt.analyse.estimate import Estimate
from stopwatt.analyse.rates import FAR, Rate, Rates, Share
from stopwatt.records import Unavailable
from stopwatt.reporting.grid import Column, grid
from stopwatt.text import one_line, printable
from stopwatt.workloads.params import short_label

SCHEMA = 1
"""Version of `ceilings_document` and of `rates_document`."""


def show_ceilings(console: Console, ceilings: Sequence[Ceiling]) -> None:
    """One line a precision."""
    columns = (
        "device", Column("precision", whole=True), Column("threads", right=True), Column("matrix product", right=True),
        Column("of side", right=True), Column("copy", right=True), Column("measured", whole=True), "torch",
    )  # fmt: skip
    rows = [
        (
            one.cell.setup.device, str(one.cell.setup.precision), str(one.cell.setup.threads),
            _peak(one.matmul, "FLOP/s"), str(one.size), _peak(one.copy, "B/s"),
            one.measured_at[:16].replace("T", " "), one.cell.software.get("torch", ""),
        )
        for one in ceilings
    ]  # fmt: skip
    console.print(grid("Ceilings: median of the windows, and in brackets the least and the most", columns, rows))


def _peak(peak: Peak, unit: str) -> str:
    return units.interval(peak.value, peak.least, peak.most, unit)


def show_rates(console: Console, rates: Sequence[Rates]) -> None:
    """One line a cell, then the ceilings, why something is missing, and what was counted."""
    flops = _scale((one.flops for one in rates), "FLOP/s")
    traffic = _scale((one.traffic for one in rates), "B/s")
    columns: list[Column | str] = [
        "workload", "setup", Column("batch", right=True), Column("time", right=True, whole=True),
        Column(flops.label, right=True, whole=True), Column("%", right=True),
        Column(traffic.label, right=True, whole=True), Column("%", right=True), Column("roof", whole=True),
    ]  # fmt: skip
    rows = [_cells(one, flops, traffic) for one in rates]
    if any(_occupancy(one).value is not None for one in rates):
        columns.append(Column("warps %", right=True, whole=True))
        rows = [(*row, _warps(one)) for row, one in zip(rows, rates, strict=True)]
    console.print(grid("Achieved, and its share of the most", columns, rows))
    for line in (*_ceilings(rates), *_missing(rates), *_above(rates)):
        console.print(line)
    console.print(
        "Counted: matrix products, convolutions, attention (a multiply-add is 2); weights, inputs and outputs once. "
        f"Roof: the share that is larger; neither where both are below {FAR:.0%}.",
        markup=False,
    )


_WHICH = {"device_time": " device", "mean_latency": " mean"}
"""Beside a time that is not the latency."""


def _scale(rates: Iterable[Rate | Unavailable], unit: str) -> units.Scale:
    return units.scale_for([one.value for one in rates if isinstance(one, Rate)], unit)


def _cells(one: Rates, flops: units.Scale, traffic: units.Scale) -> Sequence[str]:
    setup = one.row.cell.setup
    time = "" if isinstance(one.time, Unavailable) else units.quantity(one.time.value or 0.0, "s")
    if not isinstance(one.time, Unavailable):
        time += _WHICH.get(one.time.metric, "")
    return (
        one_line(short_label(one.row.cell.workload)),
        f"{setup.backend_label} {setup.precision} {setup.device}",
        str(setup.batch),
        time,
        _with_interval(one.flops, flops),
        _share(one.flops),
        "" if isinstance(one.traffic, Unavailable) else units.column_value(one.traffic.value, traffic),
        _share(one.traffic),
        str(one.roof or ""),
    )


def _with_interval(rate: Rate | Unavailable, scale: units.Scale) -> str:
    if isinstance(rate, Unavailable):
        return ""
    if rate.low is None or rate.high is None:
        return units.column_value(rate.value, scale)
    return units.column_interval(rate.value, rate.low, rate.high, scale)


def _share(rate: Rate | Unavailable) -> str:
    if isinstance(rate, Unavailable) or isinstance(rate.share, Unavailable):
        return ""
    return units.column_value(100 * rate.share.value, units.Scale(1.0, "%"))


def _occupancy(one: Rates) -> Estimate:
    return one.row.estimates["occupancy"]


def _warps(one: Rates) -> str:
    value = _occupancy(one).value
    return "" if value is None else f"{value:.0f}"


def _ceilings(rates: Sequence[Rates]) -> list[str]:
    """What the shares are of."""
    used = {one.ceiling.measured_at: one.ceiling for one in rates if isinstance(one.ceiling, Ceiling)}
    return [
        f"The most of {one.cell.setup.device} in {one.cell.setup.precision}, measured {one.measured_at[:10]}: "
        f"{units.quantity(one.matmul.value, 'FLOP/s')}, {units.quantity(one.copy.value, 'B/s')}"
        for one in used.values()
    ]


def _missing(rates: Sequence[Rates]) -> list[Text]:
    """Each reason once, with the number of cells that have it."""
    counts: dict[str, int] = {}
    for one in rates:
        missing = [one.flops] if isinstance(one.flops, Unavailable) else [one.flops.share]
        for reason in missing:
            if isinstance(reason, Unavailable):
                counts[reason.why] = counts.get(reason.why, 0) + 1
    return [Text(f"- {count} of {len(rates)} cells: {printable(why)}") for why, count in counts.items()]


def _above(rates: Sequence[Rates]) -> list[Text]:
    """A share whose whole interval lies above 1 says something about the ceiling, or about what was counted."""
    count = sum(any(_exceeds(rate) for rate in (one.flops, one.traffic)) for one in rates)
    if not count:
        return []
    text = (
        f"! {count} of {len(rates)} cells are above 100 %: other programs slowed the ceilings down (stopwatt ceilings "
        "--again), the data stayed in caches, or the runtime spared itself a part of the counted work"
    )
    return [Text(text, style="warning")]


def _exceeds(rate: Rate | Unavailable) -> bool:
    if isinstance(rate, Unavailable) or isinstance(rate.share, Unavailable):
        return False
    return (rate.share.value if rate.share.low is None else rate.share.low) > 1.0


def ceilings_document(ceilings: Sequence[Ceiling]) -> dict[str, Any]:
    """Ceilings as plain values."""
    return {"schema": SCHEMA, "ceilings": [_ceiling(one) for one in ceilings]}


def _ceiling(one: Ceiling) -> dict[str, Any]:
    setup = one.cell.setup
    return {
        "device": setup.device,
        "precision": str(setup.precision),
        "threads": setup.threads,
        "machine": one.cell.machine,
        "software": dict(one.cell.software),
        "matmul": asdict(one.matmul) | {"unit": "FLOP/s", "side": one.size},
        "copy": asdict(one.copy) | {"unit": "B/s"},
        "measured_at": one.measured_at,
    }


def rates_document(rates: Sequence[Rates]) -> dict[str, Any]:
    """Rates as plain values; what is missing is null, and its reason stands in `why`."""
    return {"schema": SCHEMA, "rates": [_row(one) for one in rates]}


def _row(one: Rates) -> dict[str, Any]:
    cell, cost = one.row.cell, one.cost
    return {
        "key": cell.key,
        "workload": cell.workload.source,
        "params": dict(cell.workload.params),
        "backend": cell.setup.backend_label,
        "precision": str(cell.setup.precision),
        "batch": cell.setup.batch,
        "device": cell.setup.device,
        "threads": cell.setup.threads,
        "time": None if isinstance(one.time, Unavailable) else one.time.value,
        "metric": None if isinstance(one.time, Unavailable) else one.time.metric,
        "cost": None if isinstance(cost, Unavailable) else asdict(cost) | {"intensity": cost.intensity},
        "flops": _rate_document(one.flops, "FLOP/s"),
        "bandwidth": _rate_document(one.traffic, "B/s"),
        "roof": None if one.roof is None else str(one.roof),
        "occupancy": {"value": _occupancy(one).value, "unit": "%", "why": _occupancy(one).why or None},
    }


def _rate_document(rate: Rate | Unavailable, unit: str) -> dict[str, Any]:
    known = None if isinstance(rate, Unavailable) else rate
    reason = rate if isinstance(rate, Unavailable) else rate.share
    share = known.share if known is not None and isinstance(known.share, Share) else None
    return {
        "value": known.value if known else None,
        "low": known.low if known else None,
        "high": known.high if known else None,
        "unit": unit,
        "share": None if share is None else asdict(share),
        "why": reason.why if isinstance(reason, Unavailable) else None,
    }
