"""How long a plan will still take."""

from collections import Counter
from collections.abc import Mapping


class Estimate:
    """Learns from rounds that are done. Each step costs the same however large the plan is.

    Args:
        rest: Rounds that are still to be measured, by cell.
        done: Rounds that an earlier start measured.
    """

    def __init__(self, rest: Mapping[str, int], done: int = 0) -> None:
        self.done = done
        self._rest = Counter(rest)
        self._walls: dict[str, float] = {}
        self._sum_s = 0.0  # of each known cell's own time
        self._known_s = 0.0  # for the rest of the known cells
        self._unknown = self._rest.total()

    @property
    def total(self) -> int:
        """Rounds of the plan."""
        return self.done + self._rest.total()

    def add(self, key: str, wall_s: float) -> None:
        """A round of a cell took so long. The cell's latest round counts: its first one includes preparation."""
        before = self._walls.get(key)
        if before is None:
            self._unknown -= self._rest[key]
        else:
            self._sum_s -= before
            self._known_s -= before * self._rest[key]
        self._walls[key] = wall_s
        self._rest[key] -= 1
        self._sum_s += wall_s
        self._known_s += wall_s * self._rest[key]
        self.done += 1

    def skip(self, key: str) -> None:
        """A round will not be measured."""
        if key in self._walls:
            self._known_s -= self._walls[key]
        else:
            self._unknown -= 1
        self._rest[key] -= 1
        self.done += 1

    def left_s(self) -> float | None:
        """Seconds for what is left: each cell's own time where it is known, else the mean of the others'.

        `None` before anything is known.
        """
        if not self._walls:
            return None
        return max(0.0, self._known_s + self._unknown * self._sum_s / len(self._walls))
