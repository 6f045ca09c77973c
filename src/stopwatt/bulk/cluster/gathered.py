"""The instruments of all nodes, as the ticks of a run read them."""

from collections.abc import Mapping

from stopwatt.bulk.cluster.sums import all_energy, all_readings
from stopwatt.bulk.judging.instruments import Now
from stopwatt.records import Scalar


class Gathered:
    """What the nodes' instruments said last (`ticks.Instrumental`)."""

    def __init__(self) -> None:
        self._living: dict[str, Now] = {}
        self._gone: dict[str, Now] = {}
        self._energy: dict[str, Mapping[str, Scalar | None]] = {}
        self._lost: list[str] = []

    def hear(self, node: str, now: Now | None) -> None:
        """A node's instruments spoke."""
        if now is not None:
            self._living = {**self._living, node: now}

    def ended(self, node: str, energy: Mapping[str, Scalar | None]) -> None:
        """A node has done its part."""
        self._energy[node] = energy
        self._leave(node)

    def lost(self, node: str) -> None:
        """A node is gone; what its processes used counts all the same."""
        self._lost.append(node)
        self._leave(node)

    def begin(self) -> None:
        """Each node counts from when it began."""

    def read(self) -> Now:
        """As they are."""
        return all_readings(self._living, self._gone)

    def energy(self, images: int) -> dict[str, Scalar | None]:
        """Of the whole run, once all nodes have ended."""
        return all_energy(self._energy, self._lost, images)

    def close(self) -> None:
        """Nothing is held here."""

    def _leave(self, node: str) -> None:
        now = self._living.get(node)
        self._living = {name: one for name, one in self._living.items() if name != node}
        if now is not None:
            self._gone = {**self._gone, f"{node} {len(self._gone)}": now}
