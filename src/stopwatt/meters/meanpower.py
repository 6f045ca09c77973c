"""Mean power of a scope in each of several spans, all of its instruments together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from stopwatt.energy import Span
from stopwatt.meters.anytime import WORST_EDGE, risen, share_hidden
from stopwatt.meters.laid import LEAST_TICKS, Laid, fault_in, fault_of
from stopwatt.meters.quality import AGREEMENT
from stopwatt.records import Unavailable
from stopwatt.stats import energy as counting
from stopwatt.stats.quantiles import CONFIDENCE
from stopwatt.units import percent, quantity

EVEN = 0.008
"""Where slope and mean power of a span differ by more than this, the load was not even enough for a line."""


@dataclass(frozen=True, slots=True)
class MeanPower:
    """What the instruments of a scope saw together.

    Attributes:
        spans: Where.
        watts, half: By span, with half the width of its 95 % interval.
        ticks: Fewest of any instrument in any span.
        why: What makes some of them suspect; empty if nothing does.
    """

    spans: tuple[Span, ...]
    watts: tuple[float, ...]
    half: tuple[float, ...]
    ticks: int
    why: str

    @property
    def joules(self) -> float:
        """In all spans."""
        return sum(watts * span.seconds for watts, span in zip(self.watts, self.spans, strict=True))

    @property
    def mean(self) -> float:
        """Watts over all spans."""
        return self.joules / sum(span.seconds for span in self.spans)

    @property
    def half_width(self) -> float:
        """Of the 95 % interval of the mean, relative to it: by the ticks or by what the windows differ, the wider."""
        seconds = np.array([span.seconds for span in self.spans])
        ticks = math.hypot(*(seconds * self.half)) / float(seconds.sum())
        n = len(self.watts)
        apart = float(np.std(self.watts, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
        return max(ticks, float(stdtrit(max(1, n - 1), (1 + CONFIDENCE) / 2)) * apart) / self.mean


def mean_power(laid: Sequence[Laid], spans: tuple[Span, ...], least: int, name: str) -> MeanPower | Unavailable:
    """Mean power of a scope in each of some spans, or what speaks against one of its instruments in one of them.

    Args:
        laid: The instruments of the scope, at least one.
        spans: Where; each gives a value of its own.
        least: Ticks that each of them takes.
        name: What the spans are, for people.
    """
    if not spans:
        return Unavailable(f"the round has no span of {name}")
    for one in laid:
        why = fault_of(one)
        if why:
            return Unavailable(why)
        for number, span in enumerate(spans, 1):
            why = fault_in(one, *one.ends(span), least)
            if why:
                which = f" {number} of {len(spans)}" if len(spans) > 1 else ""
                return Unavailable(f"{why} in {name}{which}")
    found = [[_mean(one, span) for one in laid] for span in spans]
    return MeanPower(
        spans,
        tuple(sum(mean.watts for mean in each) for each in found),
        tuple(math.hypot(*(mean.half for mean in each)) for each in found),
        min(mean.ticks for each in found for mean in each),
        _doubt(laid, found, spans),
    )


def _doubt(laid: Sequence[Laid], found: "Sequence[Sequence[_Mean]]", spans: Sequence[Span]) -> str:
    """What the ends of spans with an uneven power may hide, where that is too much.

    Where the spans agree, one uneven span among them counts as what it hides of the energy of all; where they do not,
    the power changed for good, and each span has to be known by itself.
    """
    means = [(mean, mean.watts * span.seconds) for each, span in zip(found, spans, strict=True) for mean in each]
    share = max(mean.hidden for mean, _ in means)
    watts = [sum(mean.watts for mean in each) for each in found]
    if max(watts) <= (1 + AGREEMENT) * min(watts):
        share = sum(mean.hidden * joules for mean, joules in means) / sum(joules for _, joules in means)
    if share <= WORST_EDGE:
        return ""
    uneven = next(one for each in found for one, mean in zip(laid, each, strict=True) if mean.hidden)
    tick = quantity(round(uneven.tick_s, 4), "s")
    return (
        f"the power of {uneven.about.name} changed within a window, and the counter ticks every {tick}, "
        f"so that the ends may hide {percent(share)}"
    )


@dataclass(frozen=True, slots=True)
class _Mean:
    """Mean power that one instrument saw in one span, with half the width of its interval.

    Attributes:
        hidden: Share of its energy that the ends may hide; 0 where the power is a slope through ticks.
    """

    watts: float
    half: float
    ticks: int
    hidden: float = 0.0


def _mean(laid: Laid, span: Span) -> _Mean:
    """The slope of the counter; where the power changed too much for a line, its rise from end to end.

    The line is indifferent to what comes and goes many times in a window, but weighs its middle most. The rise weighs
    all of it alike, but errs by parts of a tick at both ends.
    """
    begin, end = laid.ends(span)
    ticks = laid.counter.between(begin, end)
    line = counting.slope(ticks, laid.about.poll_s)
    half = (line.high - line.low) / 2
    if line.ticks < LEAST_TICKS or abs(counting.unevenness(ticks)) <= EVEN:
        return _Mean(line.watts, half, line.ticks)
    total = risen(ticks, begin, end)
    watts, share = total / (end - begin), share_hidden(laid, ticks, total)
    return _Mean(watts, max(half, watts * share), line.ticks, share)
