"""What tests measure with: the ordinary pipeline, from a plan to fresh workers, into a database that is thrown away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from stopwatt.errors import StopwattError
from stopwatt.records import QUICK, Measurement, Process, Protocol, Scalar, Status, Warmup
from stopwatt.running import Silent, run_grid
from stopwatt.store import Access, Selection, open_store
from stopwatt.sweeping.execute import Watcher
from stopwatt.sweeping.grid import Axis, Grid

TRIALS = "trials"
"""Name of the phase in which a worker times."""
RULES = Protocol(
    rounds=1,
    trials=100,
    trial_seconds=None,
    min_trials=1,
    warmup=Warmup(
        min_calls=10,
        min_seconds=0.0,
        window_calls=30,
        window_seconds=0.0,
        window_cap_seconds=0.2,
        tolerance=0.05,
        cap_seconds=1.0,
    ),
    throughput_windows=1,
    throughput_seconds=0.0,
    timeout_s=120.0,
    process=Process.SHARED,
)
"""For planted calls: they need no time to warm up, only to show that the warm-up waits until they are steady."""
MODEL: Mapping[str, Scalar] = {"workload": "mlp", "hidden": 512, "batch": 4, "backend": "eager", "threads": 1}
"""A small model."""
MODEL_RULES = replace(
    QUICK,
    rounds=1,
    trials=20_000,
    trial_seconds=0.4,
    warmup=replace(QUICK.warmup, min_seconds=0.2, window_seconds=0.1, window_cap_seconds=0.2, cap_seconds=1.5),
    throughput_windows=1,
    throughput_seconds=0.0,
)
"""Each round in a process of its own, as processes differ."""
SYNTHETIC: Mapping[str, Scalar] = {"workload": "synthetic", "backend": "eager", "threads": 1}

Read = TypeVar("Read")
Axes = Mapping[str, Scalar | Sequence[Scalar]]


class Killed(StopwattError):  # noqa: N818  (what happened)
    """Something outside ended a worker, most likely for its memory: that says nothing of the claim."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how thoroughly to test.

    Attributes:
        store: A results database for what tests measure; nobody keeps it.
        device: The accelerator that is tested too, or `cpu`.
        thorough: Whether time matters little.
        watcher: Looks on.
    """

    store: str
    device: str = "cpu"
    thorough: bool = False
    watcher: Watcher | None = None

    def measure(self, axes: Axes, rules: Protocol = RULES, watcher: Watcher | None = None) -> list[Measurement]:
        """The rounds of a grid, measured in fresh processes.

        Args:
            axes: Coordinate -> its value or values.
            rules: The protocol.
            watcher: Looks on instead of the bench's own.

        Raises:
            Killed: Something outside ended a worker.
            StopwattError: A round gave no result.
        """
        grid = Grid(tuple((Axis.of(*pair),) for pair in axes.items()), protocol=rules)
        done = run_grid(grid, store=self.store, watcher=watcher or Quiet(self.watcher), allow=True)
        with open_store(self.store, access=Access.READ) as results:
            found = list(results.measurements(Selection(run=done.run.id)))
        for one in found:
            if one.status is not Status.OK:
                why = one.trouble.what if one.trouble else str(one.status)
                error = Killed if one.status is Status.KILLED else StopwattError
                raise error(f"a planted workload gave no result: {why}", when=one.cell.label)
        return found


class Quiet(Silent):
    """Passes on what a round does now, and nothing else: the progress that is shown is that of the claims."""

    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher or Silent()

    def phase(self, name: str) -> None:
        """Pass it on."""
        self._watcher.phase(name)

    def stopping(self) -> None:
        """Pass it on."""
        self._watcher.stopping()


class Window(Quiet, Generic[Read]):
    """Reads something here as the trials of a round begin, and again as they end.

    Args:
        read: What is read.
        watcher: As in `Quiet`.
    """

    def __init__(self, read: Callable[[], Read], watcher: Watcher | None) -> None:
        super().__init__(watcher)
        self._read = read
        self._inside = False
        self._found: list[Read] = []

    @property
    def ends(self) -> tuple[Read, Read]:
        """What was read at the beginning and at the end of the last round's trials.

        Raises:
            StopwattError: The worker never said that its trials began or ended.
        """
        if len(self._found) < 2:  # noqa: PLR2004  (beginning and end)
            raise StopwattError("the worker did not say when its trials began and ended")
        return self._found[-2], self._found[-1]

    def phase(self, name: str) -> None:
        """The trials begin with their own phase, and end with the next."""
        if name == TRIALS:
            super().phase(name)  # what it costs to show this is not counted
            self._found.append(self._read())
        elif self._inside:
            self._found.append(self._read())
        self._inside = name == TRIALS
        if not self._inside:
            super().phase(name)
