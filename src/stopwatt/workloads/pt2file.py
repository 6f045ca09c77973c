"""A program that torch.export.save wrote. Its archive is checked before it is loaded."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.errors import WorkloadError
from stopwatt.records import Scalar
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import quiet
from stopwatt.workloads.inputs import like
from stopwatt.workloads.pt2check import check_archive
from stopwatt.workloads.source import digest_of_files

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

_MODEL = "models/model.json"
_AGAIN = "save it again with torch.export.save, with the installed version of torch"


@dataclass(frozen=True, slots=True)
class Pt2File:
    """A family with one model: that of the file."""

    name: str
    path: Path
    open_params = False
    runs_foreign_code = False

    @property
    def summary(self) -> str:
        """One line."""
        return f"the exported program {self.path}"

    @property
    def params(self) -> Sequence[Param]:
        """None: everything is in the file."""
        return ()

    @property
    def packages(self) -> Sequence[str]:
        """What runs it."""
        return ("torch",)

    def code(self) -> str:
        """Digest of the file."""
        return digest_of_files([self.path])

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:  # noqa: ARG002  (the weights are given)
        """Load the program; its inputs are like the examples that it was exported with.

        Raises:
            UnsafeFile: Loading it could run code.
            WorkloadError: It is damaged, or its inputs are not a tuple of tensors.
        """
        program = _load(self.path, self.name)
        example = _example(program, self.name)
        module = _module(program)

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return like(example, batch, generator)

        names = tuple(str(name) for name in program.graph_signature.user_inputs)
        return Built(module, make_inputs, names, module=module, fixed_batch=_fixed_batch(program))


def _load(path: Path, source: str) -> "ExportedProgram":
    """Check and load the same bytes, with the same reader."""
    from torch.export.pt2_archive._package import PT2ArchiveReader, load_pt2

    content = path.read_bytes()
    try:
        reader = PT2ArchiveReader(io.BytesIO(content))
        names = list(reader.get_file_names())
    except Exception as error:
        raise _damaged(path, error) from error
    if _MODEL not in names:
        raise WorkloadError(f"{path} holds no exported program", now=_AGAIN)
    check_archive(names, reader.read_bytes, source)
    try:
        with quiet(), _weights_only():
            return load_pt2(io.BytesIO(content)).exported_programs["model"]
    except Exception as error:
        raise _damaged(path, error) from error


def _module(program: "ExportedProgram") -> "torch.nn.Module":
    """The program as a module, without its checks of input shapes.

    The guards are source code from the file, which is not compiled here; the hook in their place would run Python
    inside each timed call and cannot be traced. Inputs fit, since they are made like the examples.
    """
    module = program.module(check_guards=False).requires_grad_(requires_grad=False)
    module._forward_pre_hooks.clear()  # noqa: SLF001  (hooks have no public list)
    module._forward_pre_hooks_with_kwargs.clear()  # noqa: SLF001  (as above)
    for name in ("train", "eval"):  # its own raise, though it has one mode: a module around it could not be made ready
        setattr(module, name, MethodType(_one_mode, module))
    return module


def _one_mode(module: "torch.nn.Module", mode: bool = False) -> "torch.nn.Module":  # noqa: ARG001, FBT001, FBT002  (torch's own)
    return module


@contextmanager
def _weights_only() -> Iterator[None]:
    """Make torch refuse every pickle of more than tensors, whatever its callers ask for: a second lock."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _damaged(path: Path, error: Exception) -> WorkloadError:
    reason = str(error).strip().partition("\n")[0]
    return WorkloadError(
        f"{path} cannot be loaded as an exported program: {type(error).__name__}: {reason}",
        when=f"{path.stat().st_size} bytes were read",
        now=_AGAIN,
    )


def _example(program: "ExportedProgram", source: str) -> tuple[NDArray[Any], ...]:
    import torch

    args, kwargs = program.example_inputs or ((), {})
    if not args or kwargs or not all(isinstance(one, torch.Tensor) and one.ndim for one in args):
        raise WorkloadError(
            f"the inputs of {source} are not a plain tuple of tensors",
            now="export the model with torch.export.export(model, (tensor, ...)), the batch first in each",
        )
    return tuple((one.float() if one.dtype == torch.bfloat16 else one).detach().cpu().numpy() for one in args)


def _fixed_batch(program: "ExportedProgram") -> int | None:
    """The batch that the program was exported with, unless its first dimension was left open."""
    wanted = set(program.graph_signature.user_inputs)
    sizes = [
        node.meta["val"].shape[0] for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted
    ]
    fixed = [size for size in sizes if isinstance(size, int)]
    return fixed[0] if fixed else None
