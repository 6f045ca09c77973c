"""How long a plan will still take."""

import statistics


class Estimate:
    """Learns from rounds that are done.

    Args:
        total: Rounds of the plan.
        done: Rounds that an earlier start measured.
    """

    def __init__(self, total: int, done: int) -> None:
        self.total = total
        self.done = done
        self._walls: dict[str, float] = {}

    def add(self, key: str, wall_s: float) -> None:
        """A round of a cell took so long. The cell's latest round counts: its first one includes preparation."""
        self.done += 1
        self._walls[key] = wall_s

    def skip(self) -> None:
        """A round will not be measured."""
        self.done += 1

    def left_s(self, rest: list[str]) -> float | None:
        """Seconds for the rounds of these cells: each cell's own time where it is known, else the mean of the others'.

        `None` before anything is known.
        """
        if not self._walls:
            return None
        usual = statistics.fmean(self._walls.values())
        return sum(self._walls.get(key, usual) for key in rest)
