"""How latency grows along the axes of a grid, and where it does not grow as it should."""

from dataclasses import dataclass

from stopwatt.analyse.batchcost import BatchCost, batch_costs_of
from stopwatt.analyse.grid import Grid
from stopwatt.analyse.growth import Course, Growth, Segment, growths_of
from stopwatt.analyse.steps import UNKNOWN_NOISES, Inversion, Noises, Step, inversions_of, noises_of, steps_of

__all__ = ["BatchCost", "Course", "Growth", "Inversion", "Scaling", "Segment", "Step", "scaling_of"]


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the grid says about growth.

    Attributes:
        inversions: The steps along sizes that make it faster.
        steps: All steps, along every numeric axis.
        noise: How much a cell differs between rounds, as all neighbours of the grid say together.
        within_s: The longest latency that is of use, as asked for, seconds.
    """

    growths: tuple[Growth, ...] = ()
    inversions: tuple[Inversion, ...] = ()
    batches: tuple[BatchCost, ...] = ()
    steps: tuple[Step, ...] = ()
    noise: Noises = UNKNOWN_NOISES
    within_s: float | None = None


def scaling_of(grid: Grid, within_s: float | None = None) -> Scaling:
    """Growth, inversions and the cost of batch over every line of every numeric axis.

    Args:
        grid: Of any shape: failed or missing cells leave their lines shorter.
        within_s: Longest latency that is of use, seconds: which batch gives the most samples/s within it?
    """
    noises = noises_of(grid)
    steps = steps_of(grid, noises)
    return Scaling(
        growths=growths_of(grid, noises),
        inversions=inversions_of(steps),
        batches=batch_costs_of(grid, noises, within_s),
        steps=steps,
        noise=noises,
        within_s=within_s,
    )
