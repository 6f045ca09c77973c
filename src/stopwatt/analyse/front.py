"""The Pareto front: the setups for which none is better in everything."""

from collections.abc import Sequence

from stopwatt.analyse.row import Row
from stopwatt.metrics import METRICS
from stopwatt.records import Status

_RATES = frozenset(name for name, metric in METRICS.items() if metric.better == "higher")


def pareto_front(rows: Sequence[Row], metrics: tuple[str, ...] = ("latency", "deviation")) -> tuple[Row, ...]:
    """Rows that no other dominates: none has values at least as good in every metric and better in one.

    By values alone; intervals that overlap may hide which of two neighbours on the front is the better.

    Args:
        rows: Those that failed, lack a metric or have one that is suspect or estimated are left out.
        metrics: Names of estimates; of throughput and efficiency more is better, of all others less.

    Returns:
        The front, the best by the first metric first.
    """
    known = [(row, values) for row in rows if (values := _values(row, metrics)) is not None]
    front = [(row, values) for row, values in known if not any(_dominates(other, values) for _, other in known)]
    return tuple(row for row, _ in sorted(front, key=lambda pair: pair[1]))


def _values(row: Row, metrics: tuple[str, ...]) -> tuple[float, ...] | None:
    values = [(row.estimates[name].measured, name in _RATES) for name in metrics]
    found = tuple(-value if rate else value for value, rate in values if value is not None)
    return found if row.status is Status.OK and len(found) == len(metrics) else None


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
