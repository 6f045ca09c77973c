"""What a cell needs before its first round: inputs with reference answers, and a converted model."""

from collections.abc import Callable
from pathlib import Path

from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.errors import Unsupported
from stopwatt.measuring.bundle import content_of
from stopwatt.measuring.calibration import calibrated
from stopwatt.measuring.faults import translate
from stopwatt.measuring.job import Answer, Job, JobKind
from stopwatt.records import Cell, Status
from stopwatt.sweeping import cache
from stopwatt.sweeping.executors.process import Outcome, ProcessExecutor
from stopwatt.sweeping.sharing import group_of
from stopwatt.workloads.resolve import resolve

_DRAWN = "drawn.npz"


class Preparation:
    """Prepares cells on demand, each thing once; what failed stays failed for this run.

    Args:
        executor: Runs the preparing jobs, in processes of their own.
        timeout_s: Longest time for one of them.
    """

    def __init__(self, executor: ProcessExecutor, timeout_s: float) -> None:
        self._executor = executor
        self._timeout_s = timeout_s
        self._failed: dict[Path, Outcome] = {}
        self._made: dict[Path, str] = {}

    def bundle(self, cell: Cell) -> Path:
        """Folder of the cell's inputs and reference outputs, once the cell is ready."""
        folder = cache.bundle_folder(cell)
        return _of_content(folder, self._made.get(folder, ""))

    def artifact(self, cell: Cell) -> Path | None:
        """Folder of the cell's converted model, once it is ready; `None` for a backend that runs the module itself."""
        if not isinstance(catalogue.get(cell.setup.backend), ArtifactBackend):
            return None
        return _of_content(cache.artifact_folder(cell), self._made.get(cache.bundle_folder(cell), ""))

    def calibration(self, cell: Cell) -> Path | None:
        """File of the data that the cell is calibrated on, once it is ready; `None` for the bundle's inputs."""
        folder = self._calibration_folder(cell)
        return None if folder is None else folder / _DRAWN

    def _calibration_folder(self, cell: Cell) -> Path | None:
        calibration = cell.calibration
        if calibration is None or not getattr(catalogue.get(cell.setup.backend), "calibrates", False):
            return None
        return _of_content(cache.calibration_folder(cell, calibration), self._made.get(cache.bundle_folder(cell), ""))

    def labelled(self, cell: Cell) -> Path | None:
        """Folder of the labelled samples that the cell's accuracy is measured on; `None` where nobody asked for it."""
        wanted = cell.protocol.accuracy
        if wanted is None:
            return None
        return _of_content(cache.labelled_folder(cell, wanted), self._made.get(cache.bundle_folder(cell), ""))

    def ready(self, cell: Cell) -> Outcome | None:
        """Make everything ready: `None` when it is, otherwise what failed."""
        try:
            catalogue.check_combination(catalogue.get(cell.setup.backend), cell.setup)
        except Unsupported as refusal:
            return Outcome(Answer(*translate(refusal, "planning")), "", 0.0)
        foreign = resolve(cell.workload.source).runs_foreign_code
        reference = self._made_anew(cell) if foreign else self._ready(JobKind.REFERENCE, cell, self.bundle(cell))
        labelled = reference or self._ready(JobKind.LABEL, cell, self.labelled(cell))
        drawn = labelled or self._ready(JobKind.CALIBRATE, cell, self._calibration_folder(cell))
        return drawn or self._ready(JobKind.CONVERT, cell, self.artifact(cell))

    def _made_anew(self, cell: Cell) -> Outcome | None:
        """The reference of foreign code, once a run: the code may load weights, and nobody tells when they change.

        Its folder bears the digest of its content, and so does that of what is converted: other answers, other folders.
        """
        folder = cache.bundle_folder(cell)
        if folder in self._made or folder in self._failed:
            return self._failed.get(folder)
        with cache.draft_of(folder) as draft:
            outcome = self._run(_job(JobKind.REFERENCE, cell, folder, draft))
            if outcome.answer.status is Status.OK:
                self._made[folder] = content_of(draft)
                cache.publish(draft, self.bundle(cell))
                cache.touch(self.bundle(cell))
                return None
        if outcome.answer.status is not Status.INTERRUPTED:
            self._failed[folder] = outcome
        return outcome

    def _ready(self, kind: JobKind, cell: Cell, folder: Path | None) -> Outcome | None:
        if folder is None:
            return None
        if folder.exists():
            cache.touch(folder)
            return None
        if folder not in self._failed:
            outcome = self._fill(
                folder, lambda draft: _job(kind, cell, self.bundle(cell), draft, self.calibration(cell))
            )
            if outcome.answer.status is Status.OK:
                return None
            if outcome.answer.status is Status.INTERRUPTED:
                return outcome
            self._failed[folder] = outcome
        return self._failed[folder]

    def _fill(self, folder: Path, job: Callable[[Path], Job]) -> Outcome:
        with cache.draft_of(folder) as draft:
            outcome = self._run(job(draft))
            if outcome.answer.status is Status.OK:
                cache.publish(draft, folder)
        return outcome

    def _run(self, job: Job) -> Outcome:
        return self._executor.run(job, self._timeout_s, group_of(job.kind, job.cell))


def _of_content(folder: Path, content: str) -> Path:
    return folder.with_name(f"{folder.name}-{content}") if content else folder


def _job(kind: JobKind, cell: Cell, bundle: Path, draft: Path, calibration: Path | None = None) -> Job:
    if kind is JobKind.REFERENCE:
        return Job(kind, cell, bundle=str(draft))
    if kind is JobKind.CALIBRATE:
        return Job(kind, cell, bundle=str(bundle), calibration=str(draft / _DRAWN))
    if kind is JobKind.LABEL:
        return Job(kind, cell, bundle=str(bundle), labelled=str(draft))
    return calibrated(Job(kind, cell, bundle=str(bundle), artifact=str(draft)), calibration)
