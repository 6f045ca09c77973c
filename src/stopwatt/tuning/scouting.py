"""Which setups to try next: a coordinate search around the best one so far.

Setups that differ from the best one in a single coordinate come first, coordinate by coordinate: who runs the model,
the batch, the precision, the threads. All values of a coordinate are tried side by side. Where a better one is found,
the next step is around that one; in the end, if there is time, everything has been tried.
"""

from collections.abc import Callable, Sequence

from stopwatt.records import Cell, Setup

_COORDINATES: tuple[Callable[[Setup], object], ...] = (
    lambda setup: setup.backend_label,
    lambda setup: setup.batch,
    lambda setup: setup.precision,
    lambda setup: setup.threads,
)
_COSTLY = ("compile", "aoti", "tensorrt")
"""They compile for long: tried last, so that a small budget has seen the others."""


def next_group(missing: Sequence[Cell], best: Setup, is_doomed: Callable[[Cell], bool]) -> list[Cell]:
    """Those that are tried next, side by side.

    Args:
        missing: Setups of which nothing is known; at least one.
        best: The best of those that are known.
        is_doomed: Whether a setup will most likely not be allowed to win; such setups come last of all that start as
            quickly.
    """

    def rank(cell: Cell) -> tuple[object, ...]:
        moved = [place for place, of in enumerate(_COORDINATES) if of(cell.setup) != of(best)]
        far = () if len(moved) == 1 else kind_of(cell.setup)  # far from the best one there are many: some at a time
        return is_costly(cell.setup), is_doomed(cell), len(moved), moved, far

    ranks = {cell.key: rank(cell) for cell in missing}
    first = min(ranks.values())
    return [cell for cell in missing if ranks[cell.key] == first]


def is_costly(setup: Setup) -> bool:
    """Whether it takes long to start."""
    return setup.backend in _COSTLY


def kind_of(setup: Setup) -> tuple[str, str]:
    """What its answers depend on: who computes them, and in which number format."""
    return setup.backend_label, str(setup.precision)
