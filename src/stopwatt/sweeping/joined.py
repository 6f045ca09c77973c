"""Several plans, one after another, shown as one."""

from stopwatt.records import Cell, Measurement
from stopwatt.sweeping.execute import Watcher


class Joined:
    """A watcher that makes one progress of the plans that it is shown.

    Args:
        watcher: Who is shown the whole.
        to_come: Rounds of later plans, as far as they are known before the first begins.
    """

    def __init__(self, watcher: Watcher, to_come: int = 0) -> None:
        self._watcher = watcher
        self._to_come = to_come
        self._earlier = 0
        self._failed_earlier = 0
        self._total = 0
        self._failed = 0
        self._round_s = 0.0

    def announce(self, text: str) -> None:
        """Pass on."""
        self._watcher.announce(text)

    def begin(self, total: int, done: int) -> None:
        """Another plan is known. One of which nothing is left says nothing yet if more is to come."""
        if self._total:
            self._to_come = 0
        self._earlier += self._total
        self._failed_earlier += self._failed
        self._total, self._failed = total, 0
        if done < total or not self._to_come:
            self._watcher.begin(self._earlier + total + self._to_come, self._earlier + done)

    def turn(self, cell: Cell, round_number: int) -> None:
        """Pass on; rounds are counted over all plans."""
        self._watcher.turn(cell, self._earlier + round_number)

    def phase(self, name: str) -> None:
        """Pass on."""
        self._watcher.phase(name)

    def saved(self, measurement: Measurement, done: int, failed: int, left_s: float | None) -> None:
        """Pass on, with what is to come added to the time left."""
        self._failed = failed
        self._round_s = measurement.phases.get("round", self._round_s)
        whole_s = None if left_s is None else left_s + self._to_come * self._round_s
        self._watcher.saved(measurement, self._earlier + done, self._failed_earlier + failed, whole_s)

    def stopping(self) -> None:
        """Pass on."""
        self._watcher.stopping()

    def end(self) -> None:
        """One of the plans is done: `close` ends the whole."""

    def close(self) -> None:
        """Nothing else follows."""
        self._watcher.end()
