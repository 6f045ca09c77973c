"""Where a round is and how long each part took."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stopwatt.measuring.clock import now_ns


class Phases:
    """Names the current phase, times each, and tells a listener when one begins.

    Args:
        tell: Called with the phase's name at its beginning; never inside a timed region.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.seconds: dict[str, float] = {}
        self.current = "start"
        self._tell = tell

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time one phase; its name stays the current one if it raises."""
        self.current = name
        self._tell(name)
        begin = now_ns()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + (now_ns() - begin) / 1e9
