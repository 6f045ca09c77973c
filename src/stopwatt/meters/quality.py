"""What a trace says of the instrument that it came from: may its counter be believed?

A counter is read together with power fields of the same instrument, and both have been seen to be wrong: counters that
stay at 0, stand still or jump, and power fields that are averages of another second or see a quarter of the time. A
counter that does not agree with the mean of the averaged power over the same steady time is suspect, and so is the
energy taken from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stopwatt.energy import Span, Trace
from stopwatt.meters.laid import Laid, fault_in, fault_of
from stopwatt.stats import energy as counting
from stopwatt.units import change, quantity

AGREEMENT = 0.02
"""Largest relative difference between counter and averaged power that is not suspect."""
AVERAGING_S = 1.0
"""What `power` averages over at most; it says nothing of a load that began later than that ago."""
FIELD_NAMES = {"power": "averaged power", "power_instant": "instant power"}


class Trust(StrEnum):
    """What the energy of an instrument is worth."""

    BELIEVED = "believed"
    SUSPECT = "suspect"
    USELESS = "useless"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A counter beside a power field of the same instrument, over the same steady times.

    Attributes:
        field: Channel of the power.
        counter_w: Mean power by the slope of the counter.
        power_w: Mean of the field.
    """

    field: str
    counter_w: float
    power_w: float

    @property
    def difference(self) -> float:
        """Of the counter to the field, relative to the field; 0 where both say 0."""
        if self.power_w == self.counter_w:
            return 0.0
        return self.counter_w / self.power_w - 1 if self.power_w else float("inf")

    @property
    def why(self) -> str:
        """Why the counter is suspect; empty if it is not."""
        if abs(self.difference) <= AGREEMENT:
            return ""
        counter, power = quantity(self.counter_w, "W"), quantity(self.power_w, "W")
        apart = f" ({change(1 + self.difference)})" if self.power_w else ""
        return f"the counter says {counter} and the {FIELD_NAMES[self.field]} {power} over the same time{apart}"


@dataclass(frozen=True, slots=True)
class Quality:
    """What a trace says of its instrument.

    Attributes:
        trust: The verdict.
        why: What speaks against the instrument; empty where it is believed.
        tick_s: Usual time between two ticks of the counter; 0 where it does not tick.
        quantum_j: Step in which the counter counts; 0 where it does not move.
        ticks: Seen in all.
        gap_s: Longest time without a row.
        loaded, idle: The counter beside the power field; `None` where one of them is missing.
        rise_s: How long the power field took to go 90 % of the way after the load began; `None` where unknown.
    """

    trust: Trust
    why: str = ""
    tick_s: float = 0.0
    quantum_j: float = 0.0
    ticks: int = 0
    gap_s: float = 0.0
    loaded: Agreement | None = None
    idle: Agreement | None = None
    rise_s: float | None = None


def agreement(laid: Laid, spans: Sequence[Span], watts: Sequence[float], since_ns: int) -> Agreement | None:
    """The counter beside the power field, over spans of a steady load.

    Args:
        laid: The trace.
        spans: When the device did the same all the time.
        watts: Mean power in each of them by the counter.
        since_ns: When the load began; an averaged power is looked at from a second later on.

    Returns:
        `None` without a power field, or without a reading of it late enough.
    """
    name = laid.power_field
    if name is None:
        return None
    settled = laid.seconds(since_ns) + (AVERAGING_S if name == "power" else 0.0)
    counted = shown = weight = 0.0
    for span, power in zip(spans, watts, strict=True):
        begin, end = laid.ends(span)
        mean = counting.mean_over(*laid.field(name), max(begin, settled), end) if settled < end else None
        if mean is not None:
            counted += span.seconds * power
            shown += span.seconds * mean
            weight += span.seconds
    return Agreement(name, counted / weight, shown / weight) if weight else None


def quality_of(trace: Trace, loaded: Sequence[Span] = (), idle: Sequence[Span] = ()) -> Quality:
    """What a trace says of its instrument.

    Args:
        trace: At least some seconds.
        loaded: When the device was busy, evenly; the first of them begins where the load did.
        idle: When it was left alone.
    """
    laid = Laid(trace)
    fault = fault_of(laid)
    if fault:
        return Quality(Trust.USELESS, fault)
    ends = [laid.ends(span) for span in (*loaded, *idle)] or [(0.0, float(laid.rows[-1]))]
    fault = next(filter(None, (fault_in(laid, *one) for one in ends)), "")
    busy, alone = (_steadily(laid, spans) if not fault else None for spans in (loaded, idle))
    why = fault or next((one.why for one in (busy, alone) if one is not None and one.why), "")
    return Quality(
        trust=Trust.USELESS if fault else Trust.SUSPECT if why else Trust.BELIEVED,
        why=why,
        tick_s=laid.tick_s,
        quantum_j=counting.quantum(laid.field("energy")[1]),
        ticks=int(laid.counter.seconds.size),
        gap_s=laid.longest_gap(0.0, float(laid.rows[-1])),
        loaded=busy,
        idle=alone,
        rise_s=_rise(laid, loaded),
    )


def _steadily(laid: Laid, spans: Sequence[Span]) -> Agreement | None:
    if not spans:
        return None
    ticks = [laid.counter.between(*laid.ends(span)) for span in spans]
    watts = [counting.slope(one, laid.about.poll_s).watts for one in ticks]
    return agreement(laid, spans, watts, spans[0].begin_ns)


def _rise(laid: Laid, loaded: Sequence[Span]) -> float | None:
    name = laid.power_field
    if name is None or not loaded:
        return None
    begin, end = laid.ends(loaded[0])
    at, values = laid.field(name)
    return counting.rise_time(at[at <= end], values[at <= end], begin)
