"""What a cell needs before its first round: inputs with reference answers, and a converted model."""

from collections.abc import Callable
from pathlib import Path

from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.errors import Unsupported
from stopwatt.measure.faults import translate
from stopwatt.measure.job import Answer, Job, JobKind
from stopwatt.records import Cell, Status
from stopwatt.sweep import cache
from stopwatt.sweep.executors.process import Outcome, ProcessExecutor


class Preparation:
    """Prepares cells on demand, each thing once; what failed stays failed for this run.

    Args:
        executor: Runs the preparing jobs, each in a process of its own.
        timeout_s: Longest time for one of them.
    """

    def __init__(self, executor: ProcessExecutor, timeout_s: float) -> None:
        self._executor = executor
        self._timeout_s = timeout_s
        self._failed: dict[Path, Outcome] = {}

    def bundle(self, cell: Cell) -> Path:
        """Folder of the cell's inputs and reference outputs."""
        return cache.bundle_folder(cell)

    def artifact(self, cell: Cell) -> Path | None:
        """Folder of the cell's converted model; `None` for a backend that runs the module itself."""
        return cache.artifact_folder(cell) if isinstance(catalogue.get(cell.setup.backend), ArtifactBackend) else None

    def ready(self, cell: Cell) -> Outcome | None:
        """Make everything ready: `None` when it is, otherwise what failed."""
        try:
            catalogue.check_combination(catalogue.get(cell.setup.backend), cell.setup)
        except Unsupported as refusal:
            return Outcome(Answer(*translate(refusal, "planning")), "", 0.0)
        return self._ready(JobKind.REFERENCE, cell, self.bundle(cell)) or self._ready(
            JobKind.CONVERT, cell, self.artifact(cell)
        )

    def _ready(self, kind: JobKind, cell: Cell, folder: Path | None) -> Outcome | None:
        if folder is None:
            return None
        if folder.exists():
            cache.touch(folder)
            return None
        if folder not in self._failed:
            outcome = self._fill(folder, lambda draft: _job(kind, cell, self.bundle(cell), draft))
            if outcome.answer.status is Status.OK:
                return None
            if outcome.answer.status is Status.INTERRUPTED:
                return outcome
            self._failed[folder] = outcome
        return self._failed[folder]

    def _fill(self, folder: Path, job: Callable[[Path], Job]) -> Outcome:
        with cache.draft_of(folder) as draft:
            outcome = self._executor.run(job(draft), self._timeout_s)
            if outcome.answer.status is Status.OK:
                cache.publish(draft, folder)
        return outcome


def _job(kind: JobKind, cell: Cell, bundle: Path, draft: Path) -> Job:
    if kind is JobKind.REFERENCE:
        return Job(kind, cell, bundle=str(draft))
    return Job(kind, cell, bundle=str(bundle), artifact=str(draft))
