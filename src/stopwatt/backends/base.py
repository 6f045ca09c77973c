"""What a backend is. One runtime, one file; a runtime is imported only inside the functions here, never at the top.

There are two kinds. A `ModuleBackend` runs the Python module itself (eager, compile, cudagraph). An `ArtifactBackend`
converts it once, in a process of its own, into files; measuring rounds load only those files, so that their cold
start and memory are what a deployment would see.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from stopwatt.records import Precision, Scalar, Setup
from stopwatt.workloads.base import Arrays, Built


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a part can be used on this machine.

    Attributes:
        usable: The verdict.
        version: Of the runtime, where it could be read.
        why: Why not (or a caveat, where usable); one sentence.
        remedy: The exact command or step that would help.
        verified: False for a part that is written to its documentation but was never run by its authors.
    """

    usable: bool
    version: str = ""
    why: str = ""
    remedy: str = ""
    verified: bool = True


class Runner(Protocol):
    """A workload made ready. `call` may return before the device is done.

    What a call returns may be overwritten by the next call on the same staged inputs, and by any next call on runtimes
    with buffers of their own (CUDA graphs): fetch what is to be kept. A runner whose first
    call may show that the runtime cannot do what was asked for may have `explain(error) -> Exception`, which says so.

    Attributes:
        call: Takes what `stage` returned; the only thing inside the timed region. Plain and thin: no argument
            checking, no conversion that the runtime does not need.
    """

    call: Callable[[Any], Any]

    def stage(self, arrays: Arrays) -> Any:
        """Put one set of host inputs where and how the runtime wants them (device, element type, layout)."""
        ...

    def fetch(self, outputs: Any) -> Arrays:
        """Outputs as host arrays, floating ones as float32 (float64 stays); forces lazy ones to exist."""
        ...

    def active(self) -> AbstractContextManager[None]:
        """Context in which all calls are made (`torch.inference_mode()` for torch, nothing for most)."""
        ...

    def computed(self) -> dict[str, Scalar]:
        """Facts on what is really computed: `device`, `precision`, `provider`, quantisation scheme, version."""
        ...

    def close(self) -> None:
        """Give back what the runner holds."""
        ...


class Backend(Protocol):
    """What both kinds share.

    Attributes:
        name: As the user writes it.
        summary: One line.
        variants: What may follow the name after a colon; empty for none. The default needs no mention.
        packages: Distributions whose version changes what is measured. The first is the runtime itself; the others
            may be missing, which costs some precisions only.

    A backend may also say `shares_process = True`: one process may measure several of its cells one after another,
    since a runner that is closed leaves nothing behind that changes the next one. Without a word it may not.
    `adjusts_threads = True`: its runners obey torch's number of threads at each call (`torch_runner.threads`).
    `calibrates = True`: its int8 takes ranges from the calibration sets that it is given.
    """

    name: str
    summary: str
    variants: Sequence[str]
    packages: Sequence[str]

    def precisions(self, device: str) -> Sequence[Precision]:
        """Precisions that can be asked for on `cpu` or `cuda`; a workload may still rule one out."""
        ...

    def check(self, device: str) -> Support:
        """Import the runtime and look. Called in a process of its own; may take a second, must not raise."""
        ...


@runtime_checkable
class ModuleBackend(Backend, Protocol):
    """Runs the Python module in the measuring process."""

    def prepare(self, built: Built, setup: Setup, calibration: Sequence[Arrays]) -> Runner:
        """Make ready.

        Args:
            built: The workload in fp32 on the host. The backend may change it.
            setup: What to run.
            calibration: Input sets for post-training quantisation.

        Raises:
            Unsupported: The combination cannot be run; with reason and remedy.
        """
        ...


@runtime_checkable
class ArtifactBackend(Backend, Protocol):
    """Converts once, then loads files."""

    def convert(self, built: Built, setup: Setup, calibration: Sequence[Arrays], folder: Path) -> None:
        """Write everything that `load` needs into the (empty, private) folder.

        Raises:
            Unsupported: The combination cannot be converted; names the operator as the exporter does.
        """
        ...

    def load(self, folder: Path, setup: Setup) -> Runner:
        """Load what `convert` wrote.

        Raises:
            Unsupported: The runtime computes something else than was asked for (another precision, another device).
        """
        ...
