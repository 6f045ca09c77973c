"""How latency grows along the axes of a grid, and where it does not grow as it should."""

from dataclasses import dataclass

from stopwatt.analyse.grid import Line, Point


@dataclass(frozen=True, slots=True)
class Growth:
    """Latency ~ size ** exponent along one line of the grid, or one segment of it.

    Attributes:
        line: The points, with what is fixed.
        exponent: Log-log slope.
        low, high: 95 % interval; `None` where the points have none or are too few.
        kinks: Values of the axis at which the slope changes; empty for one power law.
    """

    line: Line
    exponent: float
    low: float | None = None
    high: float | None = None
    kinks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Inversion:
    """A larger problem that is faster than a smaller neighbour on its line.

    Attributes:
        small, large: The two points.
        axis: Name of the axis along which they are neighbours.
        ratio: Latency of the large / latency of the small; below 1.
        low, high: 95 % interval; `None` where there is none.
        shown: Whether the interval excludes 1, also among all neighbours that were compared (Holm).
    """

    small: Point
    large: Point
    axis: str
    ratio: float
    low: float | None = None
    high: float | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Latency = fixed + marginal * batch along one line of batch sizes.

    Attributes:
        fixed_s, marginal_s: Seconds a call, and a sample.
        fixed_low, fixed_high, marginal_low, marginal_high: 95 % intervals; `None` where there are none.
        error: Largest relative residual of the model: where it is large the model does not describe the line.
        best: Batch with the most samples/s.
        knee: Smallest batch with at least 90 % of the most samples/s: the sweet spot.
        within: Batch with the most samples/s whose latency stays below the bound asked for; `None` without a bound.
    """

    line: Line
    fixed_s: float
    marginal_s: float
    fixed_low: float | None
    fixed_high: float | None
    marginal_low: float | None
    marginal_high: float | None
    error: float
    best: int
    knee: int
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the grid says about growth."""

    growths: tuple[Growth, ...] = ()
    inversions: tuple[Inversion, ...] = ()
    batches: tuple[BatchCost, ...] = ()
