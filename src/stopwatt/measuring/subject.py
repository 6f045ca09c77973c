"""What is timed: a runner, its staged inputs, and exactly what stands between the two clock readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stopwatt.backends.base import Runner
from stopwatt.devices.base import Device
from stopwatt.measuring.trials import Call
from stopwatt.records import Boundary
from stopwatt.workloads.base import Arrays


@dataclass(frozen=True, slots=True)
class Subject:
    """A workload ready to be timed.

    Attributes:
        runner: The workload, made ready by a backend.
        device: Where it runs.
        arrays: The input sets on the host.
        sets: What is handed to `timed` and `submit` in turn: staged inputs, or host arrays when the copies are timed.
        timed: Returns when the work is done; the only thing between the two clock readings.
        submit: May return earlier.
    """

    runner: Runner
    device: Device
    arrays: Sequence[Arrays]
    sets: Sequence[Any]
    timed: Call
    submit: Call

    def outputs(self, returned: Any) -> Arrays:
        """Host arrays of what `timed` or `submit` returned."""
        return returned if self.sets is self.arrays else self.runner.fetch(returned)


def assemble(
    runner: Runner, device: Device, arrays: Sequence[Arrays], boundary: Boundary, *, force: bool = False
) -> Subject:
    """Decide what the timed region holds.

    Args:
        runner: The workload, made ready.
        device: Where it runs.
        arrays: The input sets on the host.
        boundary: `HOST` puts the copies to and from the device inside.
        force: Whether results are promises that must be forced inside.
    """
    call, synchronize = runner.call, device.synchronize
    if boundary is Boundary.HOST:

        def with_copies(inputs: Arrays) -> Arrays:
            return runner.fetch(call(runner.stage(inputs)))

        return Subject(runner, device, arrays, arrays, with_copies, with_copies)
    staged = [runner.stage(one) for one in arrays]
    if force:
        forced = _Forced(runner)
        return Subject(forced, device, arrays, staged, forced.call, forced.call)
    if device.kind == "cpu":
        # Host runtimes return finished results: no synchronisation, not even an empty call, is put inside.
        return Subject(runner, device, arrays, staged, call, call)

    def synchronised(inputs: Any) -> Any:
        outputs = call(inputs)
        synchronize()
        return outputs

    return Subject(runner, device, arrays, staged, synchronised, call)


class _Forced:
    """A runner whose calls fetch their outputs."""

    def __init__(self, runner: Runner) -> None:
        def forced(inputs: Any) -> Any:
            return runner.fetch(call(inputs))

        call = runner.call
        self.call: Call = forced
        self.stage = runner.stage
        self.active = runner.active
        self.computed = runner.computed
        self.close = runner.close

    def fetch(self, outputs: Arrays) -> Arrays:
        return outputs
