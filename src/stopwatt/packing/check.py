"""Whether a pack still answers as it did when it was packed: on this machine, with the inputs and answers it holds."""

from dataclasses import dataclass

from stopwatt.measuring.bundle import Bundle
from stopwatt.packing.jobs import Jobs
from stopwatt.packing.manifest import Artifact, Parity
from stopwatt.packing.opened import CHECKS, Opened
from stopwatt.packing.pack import Watcher
from stopwatt.packing.suitability import require_fit
from stopwatt.records import Cell, Protocol


@dataclass(frozen=True, slots=True)
class Checked:
    """One converted model of a pack that was run again.

    Attributes:
        artifact: With its comparison of then.
        parity: Of now.
    """

    artifact: Artifact
    parity: Parity


def check_pack(
    opened: Opened, watcher: Watcher, *, device: str = "", threads: int = 0, timeout_s: float = 3600.0
) -> tuple[Checked, ...]:
    """Run every converted model of a pack, each in a process of its own, and compare its answers.

    Args:
        opened: The pack.
        watcher: Looks on.
        device: Where it shall run; where it was packed if empty.
        threads: Host threads; as packed if 0.
        timeout_s: Longest time for one.

    Raises:
        EnvironmentUnfit: It cannot run here.
        StopwattError: It does not run, or answers otherwise than its precision allows.
    """
    require_fit(opened.manifest, opened.setup(0, device, threads).device, str(opened.path))
    for notice in opened.notices:
        watcher.announce(notice)
    jobs = Jobs(timeout_s, watcher.phase)
    return tuple(_checked(opened, artifact, jobs, watcher, device, threads) for artifact in opened.manifest.artifacts)


def _checked(  # noqa: PLR0917  (what one check is made of)
    opened: Opened, artifact: Artifact, jobs: Jobs, watcher: Watcher, device: str, threads: int
) -> Checked:
    manifest = opened.manifest
    setup = opened.setup(artifact.batch, device, threads)
    watcher.task(f"running {setup.label}")
    bundle = opened.folder / CHECKS / artifact.folder
    rules = Protocol(tolerance=artifact.parity.tolerance)
    cell = Cell(manifest.workload, setup, rules, manifest.code, manifest.software)
    parity, _ = jobs.check(cell, bundle, opened.folder / artifact.folder, len(Bundle.load(bundle).outputs))
    return Checked(artifact, parity)
