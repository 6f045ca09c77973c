"""A grid file and what is said beside it: the latter wins."""

from dataclasses import replace

from stopwatt.errors import UsageError
from stopwatt.sweeping.grid import Exclusion, Grid


def overlay(below: Grid, above: Grid) -> Grid:
    """The axes of `above` in the place of those of `below` with the same names, and all others.

    The exclusions of both hold. One of `below` that names a replaced axis may match nothing any more: whoever trims an
    axis need not write the file's exclusions anew. Protocol, deadlines and tag are those of `above`.

    Raises:
        UsageError: An axis that goes together with others in `below` is replaced without them.
    """
    replaced = {axis.name for axis in above.axes}
    kept = []
    for block in below.blocks:
        names = [axis.name for axis in block]
        lost = [name for name in names if name in replaced]
        if lost and len(lost) < len(names):
            raise UsageError(
                f"{lost[0]} goes together with {' and '.join(name for name in names if name != lost[0])}",
                when=block[0].where,
                now="replace all of them, or change the file",
            )
        if not lost:
            kept.append(block)
    exclude = (*(_softened(exclusion, replaced) for exclusion in below.exclude), *above.exclude)
    return replace(above, blocks=(*kept, *above.blocks), exclude=exclude)


def _softened(exclusion: Exclusion, replaced: set[str]) -> Exclusion:
    named = {condition.name for condition in exclusion.conditions}
    return replace(exclusion, may_miss=exclusion.may_miss or bool(named & replaced))
