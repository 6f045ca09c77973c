"""A pack that was checked and can be run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend, Runner
from stopwatt.errors import UsageError
from stopwatt.packing import archive
from stopwatt.packing.manifest import Artifact, Manifest
from stopwatt.packing.native import check_contents
from stopwatt.packing.suitability import require_fit
from stopwatt.records import Setup
from stopwatt.serving.contract import Contract

CHECKS = "checks"
"""Folder of a pack that holds inputs and the reference's answers, by batch size."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A pack whose seal and checksums hold.

    Attributes:
        path: Of the file.
        manifest: What it says of itself.
        folder: Where its files were laid out.
        identity: Its seal: equal for equal packs.
    """

    path: Path
    manifest: Manifest
    folder: Path
    identity: str

    @property
    def contract(self) -> Contract | None:
        """What it takes to serve it; `None` for a model of tensors."""
        return self.manifest.contract

    @property
    def batches(self) -> Sequence[int]:
        """Batch sizes that it was converted for, rising."""
        return tuple(artifact.batch for artifact in self.manifest.artifacts)

    @property
    def notices(self) -> Sequence[str]:
        """What whoever runs it must know."""
        if not self.manifest.native:
            return ()
        return (f"{self.path.name} holds native code: running it runs that code, so trust whoever made it",)

    def artifact(self, batch: int) -> Artifact:
        """The converted model for a batch size.

        Raises:
            UsageError: There is none.
        """
        for artifact in self.manifest.artifacts:
            if artifact.batch == batch:
                return artifact
        known = ", ".join(map(str, self.batches))
        raise UsageError(
            f"the pack has no model for batch {batch}, only for {known}",
            when=str(self.path),
            now=f"use one of these, or pack the model again with --batch {','.join(map(str, (*self.batches, batch)))}",
        )

    def setup(self, batch: int = 0, device: str = "", threads: int = 0) -> Setup:
        """As what it runs; what is not said is as it was packed."""
        made = self.manifest.setup
        return replace(made, batch=batch or made.batch, device=device or made.device, threads=threads or made.threads)

    def runner(self, batch: int = 0, device: str = "", threads: int = 0) -> Runner:
        """Load the model for a batch size into this process.

        Args:
            batch: One of `batches`; 0 for the first.
            device: `cpu`, `cuda`, `cuda:1`; empty for the one that it was packed on.
            threads: Intra-operator threads on the host; 0 for as many as it was packed with.

        Raises:
            UsageError: No such batch size.
            EnvironmentUnfit: It cannot run here: another device, machine or version.
            Unsupported: The runtime would compute something else than was packed.
        """
        setup = self.setup(batch, device, threads)
        artifact = self.artifact(setup.batch)
        require_fit(self.manifest, setup.device, str(self.path))
        backend = catalogue.get(setup.backend)
        assert isinstance(backend, ArtifactBackend)  # noqa: S101  (only such backends are packed)
        return backend.load(self.folder / artifact.folder, setup)


def open_pack(path: str | PathLike[str]) -> Opened:
    """Check a pack and make its files available. Runs nothing of it.

    Args:
        path: Of the file.

    Raises:
        UsageError: There is no such file.
        WorkloadError: It is no pack, or damaged.
        UnsafeFile: It would run Python or reach outside its folder.
        EnvironmentUnfit: It was made by a newer stopwatt.
    """
    where = Path(path)
    manifest, folder, identity = archive.read(where)
    check_contents(manifest, folder, str(where))
    return Opened(where, manifest, folder, identity)
