"""What is predicted of one model in one setup on one device."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stopwatt.operators.capture import Capture
from stopwatt.operators.explain import Known
from stopwatt.operators.work import Work
from stopwatt.predicting.columns import OperatorTimes, Source
from stopwatt.predicting.composed import Composed, Energy
from stopwatt.predicting.models import Calibration, Interval, Total, interval_of


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One distinct operator of the model.

    Attributes:
        key: Of it.
        label: For people.
        family: Of it.
        calls: In one call of the model.
        each_s, each_low_s, each_high_s: Mean of its calls.
        all_s: Of all its calls.
        share: Of all operators' time.
        source: How it is known.
        outside: Whether it is unlike what was learnt from.
        why: In what.
        variance: Share in the variance of the total, as if errors were independent.
        obstacle: Why it cannot be measured by itself; empty if it can.
    """

    key: str
    label: str
    family: str
    calls: int
    each_s: float
    each_low_s: float
    each_high_s: float
    all_s: float
    share: float
    source: Source
    outside: bool
    why: str
    variance: float
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One call of a model on a device.

    Attributes:
        capture: Of the model.
        hardware: The device, as the database names it.
        interval: Seconds of a call.
        composed: What it rests on.
        energy: Joules of a call, on the interval's time.
        rows: Operators by falling time.
        host: What is known of the host's time between operators.
        notes: What a reader must know.
        measured: Latency of the model itself, where it was measured: it is not used.
        turns: Intervals before the first turn of measuring and after each; empty where nobody asked.
    """

    capture: Capture
    hardware: str
    interval: Interval
    composed: Composed
    energy: Energy
    rows: tuple[OperatorRow, ...]
    host: str
    notes: tuple[str, ...] = ()
    measured: Known | None = None
    turns: tuple[Interval, ...] = ()

    @property
    def throughput(self) -> tuple[float, float, float]:
        """Samples/s, with the interval."""
        batch, one = self.capture.setup.batch, self.interval
        return batch / one.time_s, batch / one.high_s, batch / one.low_s

    @property
    def half_width(self) -> float:
        """Half the interval over the time."""
        return (self.interval.high_s - self.interval.low_s) / 2 / self.interval.time_s

    @property
    def flagged(self) -> tuple[OperatorRow, ...]:
        """Operators unlike what was learnt from."""
        return tuple(one for one in self.rows if one.outside)

    @property
    def next_ones(self) -> tuple[OperatorRow, ...]:
        """Operators whose measuring would narrow the interval most, the most useful first."""
        useful = [one for one in self.rows if one.variance > 0 and one.source is not Source.MEASURED]
        return tuple(sorted((one for one in useful if not one.obstacle), key=lambda one: one.variance, reverse=True))


def interval_for(composed: Composed, calibration: Calibration) -> Interval:
    """The interval of a composed time."""
    total = Total(composed.time_s, composed.low_s, composed.high_s, composed.spread, composed.shares.predicted)
    return interval_of(total, calibration)


def energy_on(energy: Energy, composed_s: float, interval: Interval) -> Energy:
    """Energy over the interval's time: power and time err together, which is too wide and never too narrow."""
    scale = interval.time_s / composed_s if composed_s else 1.0
    return Energy(
        energy.value * scale,
        energy.low * scale * interval.low_s / interval.time_s,
        energy.high * scale * interval.high_s / interval.time_s,
        energy.why,
    )


def rows_of(
    capture: Capture, works: Sequence[Work], times: OperatorTimes, composed: Composed
) -> tuple[OperatorRow, ...]:
    """One row for each distinct operator, by falling time."""
    totals = composed.each_s * composed.calls
    shares = totals / (totals.sum() or 1.0)
    return tuple(
        OperatorRow(
            operator.key,
            operator.label,
            str(works[row].family),
            int(composed.calls[row]),
            float(composed.each_s[row]),
            float(composed.each_low_s[row]),
            float(composed.each_high_s[row]),
            float(totals[row]),
            float(shares[row]),
            times.source[row],
            bool(times.outside[row]),
            times.why[row],
            float(composed.variance[row]),
            operator.obstacle,
        )
        for row in np.argsort(-totals, kind="stable").tolist()
        for operator in (capture.operators[row],)
    )
