"""Which model shall run, and which run this is: known before anything is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stopwatt.backends import catalogue
from stopwatt.backends.base import ModuleBackend
from stopwatt.bulk.asked import Asked, Model
from stopwatt.bulk.pipeline.serve import Load, must_be_packed, served
from stopwatt.errors import UsageError
from stopwatt.images.source import Source
from stopwatt.packing.opened import open_pack
from stopwatt.records import Scalar, Workload
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

PACK = ".swpack"
DEFAULT_BATCH = 8
_PIXELS = ("pillow",)
"""What decodes and fits images: another version may give other pixels."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model that shall run.

    Attributes:
        load: What workers load.
        identity: Equal where the model is, as a text.
        software: That it runs on, as a text.
        batches: Sizes that it can be called with; empty for any.
        notices: What whoever runs it must know.
        facts: For the record.
    """

    load: Load
    identity: str
    software: str
    batches: tuple[int, ...]
    notices: tuple[str, ...]
    facts: Mapping[str, Scalar]


def choose(asked: Asked, batch: int) -> Chosen:
    """Find the model, and the batch that it is called with.

    Args:
        asked: The request.
        batch: Of an earlier part of the run; 0 where there is none.

    Raises:
        UsageError: There is no such model, or it cannot be called with this batch.
        Unsupported: The backend runs packs only.
        WorkloadError: The pack is damaged.
    """
    wanted = asked.batch or batch
    if Path(asked.model.source).suffix == PACK:
        return _packed(asked, wanted)
    return _workload(asked.model, asked, wanted or DEFAULT_BATCH)


def _packed(asked: Asked, batch: int) -> Chosen:
    path = asked.model.source
    if asked.model.params:
        raise UsageError("a pack has its parameters inside", when=path, now="leave -p away, or pack the model again")
    opened = open_pack(path)
    served(opened.contract, asked.task, path)  # refused now, not when processes were started
    opened.artifact(batch or max(opened.batches))
    setup = opened.setup(batch or max(opened.batches), asked.devices[0])
    made = opened.manifest.setup
    return Chosen(
        Load(str(Path(path).absolute()), None, setup, task=asked.task),
        identity=f"pack {opened.identity}",
        software=_software(made.backend, ()),
        batches=tuple(opened.batches),
        notices=tuple(opened.notices),
        facts={
            "model": opened.manifest.workload.label,
            "pack": opened.identity,
            "backend": made.backend_label,
            "precision": str(made.precision),
        },
    )


def _workload(model: Model, asked: Asked, batch: int) -> Chosen:
    family = resolve(model.source)
    workload = Workload(model.source, check_params(family, model.params))
    setup = replace(catalogue.read(model.backend), precision=model.precision, batch=batch, device=asked.devices[0])
    backend = catalogue.get(setup.backend)
    if not isinstance(backend, ModuleBackend):
        raise must_be_packed(model.source, setup)
    catalogue.check_combination(backend, setup)
    label = f"{workload.label} {setup.backend_label} {setup.precision} seed {model.seed} code {family.code()}"
    return Chosen(
        Load("", workload, setup, model.seed, asked.task),
        identity=label,
        software=_software(setup.backend, family.packages),
        batches=(),
        notices=(f"{model.source} is code of its own: running it runs that code",) if family.runs_foreign_code else (),
        facts={"model": workload.label, "backend": setup.backend_label, "precision": str(setup.precision)},
    )


def _software(backend: str, packages: Sequence[str]) -> str:
    versions = catalogue.software(catalogue.get(backend), (*packages, *_PIXELS))
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def identity_of(chosen: Chosen, source: Source, asked: Asked) -> dict[str, str]:
    """What must be equal for results to belong to one run."""
    return {
        "model": chosen.identity,
        "software": chosen.software,
        "task": str(asked.task or "of the model"),
        "data": f"{len(source.items)} images {source.items.digest()[:20]}",
    }


def threaded(load: Load, threads: int) -> Load:
    """The same with so many host threads."""
    return replace(load, setup=replace(load.setup, threads=threads))
