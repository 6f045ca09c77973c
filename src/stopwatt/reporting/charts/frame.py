"""What every figure has around its marks: a title that says one thing, axes with units, labels that do not collide."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import altair as alt
import numpy as np
from numpy.typing import NDArray

from stopwatt import units
from stopwatt.text import one_line

WIDTH = 720
HEIGHT = 240
HALF = 330
"""Width of a figure that stands beside another."""
LABEL_HEIGHT = 14
"""Pixels that a line of label text takes."""
ROWS = "rows"
"""Name of the data of a figure that has one table."""
_TITLE_COLUMNS = 92
_SUBTITLE_COLUMNS = 125
_LONGEST_NAME = 60
_TICKS = 9
_BOUNDS = 4.0
_SHORTEST = 1.001
_ROOM = 0.05

Chart = TypeVar("Chart", bound=Any)


def titled(chart: Chart, title: str, subtitle: str = "") -> Chart:
    """The chart with what it says, and below it what it was made from."""
    lines = textwrap.wrap(one_line(title), _TITLE_COLUMNS) or [""]
    below = textwrap.wrap(one_line(subtitle), _SUBTITLE_COLUMNS)
    described = f"{title}. {subtitle}" if subtitle else title
    text = alt.TitleParams(text=lines, subtitle=below) if below else alt.TitleParams(text=lines)
    named: Chart = chart.copy(deep=False)  # `properties` would copy all that is below
    named.title, named.description = text, one_line(described)
    return named


def finished(chart: Any, rows: Sequence[Mapping[str, Any]], title: str, subtitle: str) -> Any:
    """The chart with its words and its rows.

    The rows come last: whatever is done to a chart copies all that it holds.
    """
    chart = titled(chart, title, subtitle)
    chart.datasets = {ROWS: list(rows)}
    return chart


def blank() -> alt.Chart:
    """A layer that draws the chart's rows."""
    return alt.Chart(alt.NamedData(name=ROWS))


def shortened(name: str, most: int = _LONGEST_NAME) -> str:
    """A name from outside on one line, cut where it is absurdly long."""
    line = one_line(name)
    return line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def sized(chart: Any, width: int = WIDTH, height: int = HEIGHT) -> alt.LayerChart:
    """The chart in its size, in pixels of a screen."""
    result: alt.LayerChart = chart.properties(width=width, height=height)
    return result


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a logarithmic axis that is shown, in the unit that suits it.

    Attributes:
        scale: The unit.
        low, high: Ends, in that unit.
        ticks: Labelled places, in that unit.
    """

    scale: units.Scale
    low: float
    high: float
    ticks: tuple[float, ...]

    def of(self, value: float) -> float:
        """A value in base units in the axis' unit, with the digits that a figure can show."""
        return float(f"{value / self.scale.factor:.5g}")

    def array(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Many values at once, as `of`; all of them to the same decimal place."""
        places = 5 - math.floor(math.log10(self.low))
        return np.round(values / self.scale.factor, places)

    def title(self, name: str) -> str:
        """`latency (ms)`."""
        return f"{name} ({self.scale.label})" if self.scale.label not in {"", "1"} else name

    def at(self, value: float) -> float:
        """Where a value in the axis' unit stands: 0 at the low end, 1 at the high one."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def back(self, share: float) -> float:
        """What stands there: the inverse of `at`."""
        return float(f"{self.low * (self.high / self.low) ** share:.6g}")


def span(values: Sequence[float], unit: str = "s", *, room: float = _ROOM, bounds: Sequence[float] = ()) -> Span:
    """A logarithmic axis on which all positive values stand, with some room at its ends.

    Args:
        values: In base units; those that are not positive are left out.
        unit: Base unit; the axis takes the multiple that suits its middle.
        room: Share of the axis left free at each end.
        bounds: Ends of intervals. They are shown as far as they lie within a factor of 4 of the values: an interval
            over ten powers of ten would press everything else flat, and says enough by leaving the figure.
    """
    positive = _positive(values) or [1.0]
    least, most = min(positive) / _BOUNDS, max(positive) * _BOUNDS
    shown = [*positive, *(min(max(bound, least), most) for bound in _positive(bounds))]
    scale = units.scale_for([math.sqrt(min(shown)) * math.sqrt(max(shown))], unit)
    low, high = min(shown) / scale.factor, max(shown) / scale.factor
    more = max((high / low) ** room, 1.001 if high / low < _SHORTEST else 1.0)
    low, high = low / more, high * more
    return Span(scale, float(f"{low:.6g}"), float(f"{high:.6g}"), ticks(low, high))


def _positive(values: Sequence[float]) -> list[float]:
    return [value for value in values if value > 0 and math.isfinite(value)]


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Places to label on a logarithmic axis: 1, 2, 5 of each power of ten; even steps where the axis is too short."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 2, 5), (1,)):
        found = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits]
        found = [value for value in found if low <= value <= high]
        if len(found) <= _TICKS:
            break
    return tuple(found) if len(found) > 2 else _even(low, high)  # noqa: PLR2004  (two labels do not show a scale)


def _even(low: float, high: float) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten, four to nine of them."""
    power = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(digit * power for digit in (0.5, 1, 2, 5) if (high - low) / (digit * power) <= _TICKS)
    first = math.ceil(low / step)
    return tuple(float(f"{place * step:.10g}") for place in range(first, math.floor(high / step) + 1))


def spread(places: Sequence[float], height: float, least: float = LABEL_HEIGHT) -> list[float]:
    """Where to write labels so that they do not collide: near their places, in the same order.

    Args:
        places: In pixels, in any order.
        height: Of the space in pixels.
        least: Pixels between two labels.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    found = [min(max(places[index], 0.0), height) for index in order]
    for index in range(1, len(found)):
        found[index] = max(found[index], found[index - 1] + least)
    over = max(0.0, found[-1] - height) if found else 0.0
    for index in range(len(found) - 1, -1, -1):  # push back what fell over the edge
        limit = height - least * (len(found) - 1 - index)
        found[index] = min(found[index], limit) if over else found[index]
    result = [0.0] * len(places)
    for index, place in zip(order, found, strict=True):
        result[index] = place
    return result
