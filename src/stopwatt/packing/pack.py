"""From a workload to a pack: refer, look ahead, convert, compare, describe, write. Reads like the story of packing."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol as Interface

import numpy as np

from stopwatt import __version__
from stopwatt.backends import catalogue
from stopwatt.backends.base import ArtifactBackend
from stopwatt.errors import StoreError, UsageError
from stopwatt.measuring.bundle import Bundle
from stopwatt.measuring.drawing import UNREADABLE
from stopwatt.packing import archive
from stopwatt.packing.calibrating import calibration_for
from stopwatt.packing.jobs import Jobs
from stopwatt.packing.manifest import Artifact, Manifest, Port
from stopwatt.packing.meaning import require_meaning
from stopwatt.packing.native import native_files
from stopwatt.packing.opened import CHECKS, Opened, open_pack
from stopwatt.packing.preflight import Preflight, Refused, judge
from stopwatt.packing.suitability import machine_of
from stopwatt.records import Cell, Protocol, Scalar, Workload
from stopwatt.sweeping import cache
from stopwatt.sweeping.plan import Plan, Request, check_protocol, make_plan
from stopwatt.text import counted
from stopwatt.units import percent
from stopwatt.workloads.base import Arrays
from stopwatt.workloads.served import PREFIX

CHECK_BYTES = 64 * 2**20
"""Inputs and answers of a batch size that a pack keeps for later checks, at most (but always those of one set)."""
KEPT_SETS = 2
_INPUT_SETS = 8


class Watcher(Interface):
    """Somebody who looks on."""

    def announce(self, text: str) -> None:
        """Something that the user must know before anything runs."""
        ...

    def task(self, text: str) -> None:
        """A step begins."""
        ...

    def looked(self, preflight: Preflight) -> None:
        """It is known what the backend lacks."""
        ...

    def phase(self, name: str) -> None:
        """The running step entered a phase."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What to pack, as a user says it.

    Attributes:
        workload: Source.
        out: The file to write.
        params: Of the workload.
        backend: Name, or `name:variant`.
        precision: Of the converted model.
        batches: Sizes that it is converted for.
        device, threads: Where it shall run; 0 threads for as many as there are cores.
        seed: Of weights and inputs.
        tolerance: Largest deviation that passes; `None` for the precision's own.
        force: Whether a file of that name may be replaced.
        timeout_s: Longest time for one step.
        data: What int8 is calibrated on, as `datasets.opening.open_data` takes it; the workload's inputs if empty.
        images: Folder of the images that the data name; `None` for where they are.
        calibrate: Samples that are drawn from the data; 0 for as many as usual.
    """

    workload: str
    out: Path
    params: Mapping[str, Scalar] = field(default_factory=dict)
    backend: str = "onnxruntime"
    precision: str = "fp32"
    batches: Sequence[int] = (1,)
    device: str = "cpu"
    threads: int = 0
    seed: int = 0
    tolerance: float | None = None
    force: bool = False
    timeout_s: float = 3600.0
    data: str = ""
    images: Path | None = None
    calibrate: int = 0


def run_pack(asked: Asked, watcher: Watcher) -> Opened:
    """Pack a workload.

    Returns:
        The pack, written, opened again and its checksums checked.

    Raises:
        UsageError: The request cannot be met.
        Unsupported: The backend cannot take this model.
        StopwattError: The converted model does not run, or answers otherwise than fp32 eager.
        StoreError: The file cannot be written.
    """
    _check_target(asked)
    plan = _plan(asked)
    for text in plan.announcements:
        watcher.announce(text.removeprefix(PREFIX))
    cells = sorted(plan.cells, key=lambda cell: cell.setup.batch)
    jobs = Jobs(asked.timeout_s, watcher.phase)
    with cache.draft_of(cache.root() / "packs" / "draft") as draft:
        packing = _Packing(jobs, watcher, draft)
        bundles = [packing.reference(cell) for cell in cells]
        notes = packing.look_ahead(cells[0]).notes
        artifacts = tuple(packing.artifact(cell, bundle) for cell, bundle in zip(cells, bundles, strict=True))
        manifest = _described(
            replace(cells[0], workload=_as_written(cells[0])), bundles[0], artifacts, packing.files, notes
        )
        watcher.task(f"writing {asked.out.name}")
        archive.write(asked.out, manifest, packing.files, overwrite=asked.force)
    watcher.task(f"checking {asked.out.name}")
    return open_pack(asked.out)


@dataclass(frozen=True, slots=True)
class _Packing:
    """The steps of packing one workload, and the private folder in which they work."""

    jobs: Jobs
    watcher: Watcher
    draft: Path

    @property
    def files(self) -> Path:
        """What becomes the pack."""
        return self.draft / "files"

    def reference(self, cell: Cell) -> Bundle:
        """Inputs and answers; some of them go into the pack."""
        self.watcher.task(f"reference answers for batch {cell.setup.batch}")
        folder = self._bundle(cell)
        folder.mkdir(parents=True)
        self.jobs.reference(cell, folder)
        bundle = Bundle.load(folder)
        require_meaning(bundle, cell.workload.source.removeprefix(PREFIX))
        kept = self.files / CHECKS / f"batch{cell.setup.batch}"
        kept.mkdir(parents=True)
        _some_of(bundle).save(kept)
        return bundle

    def look_ahead(self, cell: Cell) -> Preflight:
        """What the backend lacks for this model.

        Raises:
            Refused: Something.
        """
        self.watcher.task(f"looking whether {cell.setup.backend} takes every operator")
        preflight = judge(cell.setup, self.jobs.inspect(cell))
        self.watcher.looked(preflight)
        if not preflight.clear:
            raise Refused(preflight)
        return preflight

    def artifact(self, cell: Cell, bundle: Bundle) -> Artifact:
        """The converted model of one batch size, compared with the reference."""
        name = f"batch{cell.setup.batch}"
        folder = self.files / name
        folder.mkdir()
        drawn = self._calibration(cell)
        self.watcher.task(f"converting to {cell.setup.label}")
        self.jobs.convert(cell, self._bundle(cell), folder, drawn)
        (folder / "converted.json").unlink(missing_ok=True)  # how long it took is not part of what it is
        self.watcher.task(f"comparing {cell.setup.label} with fp32 eager")
        parity, answer = self.jobs.check(cell, self._bundle(cell), folder, len(bundle.outputs))
        outputs = [f"output_{place}" for place in range(len(bundle.outputs[0]))]
        return Artifact(
            batch=cell.setup.batch,
            folder=name,
            inputs=_ports(bundle.input_names, bundle.inputs[0]),
            outputs=_ports(outputs, bundle.outputs[0]),
            parity=parity,
            computed=answer.facts,
        )

    def _calibration(self, cell: Cell) -> Path | None:
        """A file of the data to calibrate on; `None` where none are named."""
        wanted = cell.calibration
        if wanted is None:
            return None
        self.watcher.task(f"drawing {counted(wanted.samples, 'sample')} of {wanted.data}")
        file = self.draft / f"calibration{cell.setup.batch}.npz"
        lost = self.jobs.calibrate(cell, self._bundle(cell), file).facts[UNREADABLE]
        if lost:
            self.watcher.announce(f"{lost} of {counted(wanted.samples, 'sample')} to calibrate on could not be read")
        return file

    def _bundle(self, cell: Cell) -> Path:
        return self.draft / "bundles" / f"batch{cell.setup.batch}"


def _check_target(asked: Asked) -> None:
    """Find out before minutes of work what would be refused after them."""
    out = asked.out
    if out.suffix != archive.SUFFIX:
        raise UsageError(
            f"{out.name!r} is no name of a pack", when="--out", now=f"use a name such as {out.stem or 'model'}.swpack"
        )
    if not out.parent.is_dir():
        raise UsageError("the output's folder is not there", when=str(out), now=f"mkdir -p {out.parent}")
    if out.is_dir() or (os.path.lexists(out) and not asked.force):
        raise UsageError("the file is there already", when=str(out), now="name another one, or add --force")
    try:
        TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise StoreError(
            f"the folder cannot be written to: {error.strerror}", when=str(out.parent), now="name another one"
        ) from error


def _plan(asked: Asked) -> Plan:
    backend = catalogue.get(catalogue.read(asked.backend).backend)
    if not isinstance(backend, ArtifactBackend):
        portable = [name for name in catalogue.names() if isinstance(catalogue.get(name), ArtifactBackend)]
        raise UsageError(
            f"{backend.name} runs the Python module itself: there is nothing to pack",
            now=f"use --backend {', '.join(portable)}",
        )
    rules = Protocol(input_sets=_INPUT_SETS, seed=asked.seed, tolerance=asked.tolerance)
    check_protocol(rules)
    calibration = calibration_for(
        backend, asked.precision, asked.data, images=asked.images, samples=asked.calibrate, seed=asked.seed
    )
    own = f"{asked.workload}."
    request = Request(
        workloads=(f"{PREFIX}{asked.workload}",),
        params={name.removeprefix(own): value for name, value in asked.params.items()},
        backends=(asked.backend,),
        precisions=(asked.precision,),
        batches=tuple(dict.fromkeys(asked.batches)),
        device=asked.device,
        threads=asked.threads,
        protocol=replace(rules, calibration=calibration),
        baseline=False,
    )
    plan = make_plan(request)
    for cell in plan.cells:
        catalogue.check_combination(backend, cell.setup)
    return plan


def _some_of(bundle: Bundle) -> Bundle:
    """What a pack keeps for later checks."""
    size = sum(array.nbytes for one in (bundle.inputs[0], bundle.outputs[0]) for array in one)
    count = max(1, min(KEPT_SETS, len(bundle.outputs), CHECK_BYTES // max(1, size)))
    return replace(bundle, inputs=bundle.inputs[:count], outputs=bundle.outputs[:count])


def _ports(names: Sequence[str], arrays: Arrays) -> tuple[Port, ...]:
    return tuple(Port(name, str(np.dtype(array.dtype)), array.shape) for name, array in zip(names, arrays, strict=True))


def _as_written(cell: Cell) -> Workload:
    return replace(cell.workload, source=cell.workload.source.removeprefix(PREFIX))


def _described(
    cell: Cell, bundle: Bundle, artifacts: tuple[Artifact, ...], folder: Path, notes: tuple[str, ...]
) -> Manifest:
    return Manifest(
        workload=cell.workload,
        setup=cell.setup,
        contract=bundle.contract,
        artifacts=artifacts,
        files=archive.files_in(folder),
        native=native_files(folder),
        code=cell.code,
        software=cell.software,
        machine=machine_of(cell.setup.device),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        tool_version=__version__,
        calibration=cell.calibration,
        notes=(*notes, *dict.fromkeys(text for artifact in artifacts for text in _found(artifact))),
    )


def _found(artifact: Artifact) -> Iterator[str]:
    """What its runner says that a reader would not expect."""
    if "optimised" in artifact.computed:
        yield f"the program runs as it was frozen; optimised: {artifact.computed['optimised']}"
    share = artifact.computed.get("int8_share")
    if isinstance(share, float) and share < 1:
        yield f"{percent(1 - share)} of its multiply-adds stay in floating point: they could not be quantised"
