"""Look at a workload as exporters and runtimes will, before anything is converted: one export, one profiled call."""

import re
import traceback
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from stopwatt.backends.exporters import ONNX, Lacking, is_operator, lacking, name_of
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import require_module
from stopwatt.backends.runtimes import RUNTIMES
from stopwatt.backends.torch_runner import configure, dtype_of, tensors
from stopwatt.devices.base import Device
from stopwatt.devices.resolve import device as find_device
from stopwatt.measuring.building import build
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.faults import translate, write_down
from stopwatt.measuring.inspected_graph import Lacks, asked, of_file, refused_nodes
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.reference import check_batch
from stopwatt.operators.inspection import Inspection, Refusal
from stopwatt.records import Cell, Setup, Status, Trouble
from stopwatt.techniques import catalogue as techniques
from stopwatt.workloads.served import INSIDE

if TYPE_CHECKING:
    import torch

_NOT_THE_MODEL = re.compile(r"/(?:torch|stopwatt)/|^<")
_REASON = 300
"""Characters of an exporter's message that are kept."""


def inspect_workload(job: Job, phases: Phases) -> Answer:
    """What exporters lack for the workload of a job. Whatever goes wrong is part of the answer."""
    try:
        inspection = _inspect(job.cell, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (foreign code may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)
    return Answer(Status.OK, phases=phases.seconds, inspection=inspection)


def _inspect(cell: Cell, phases: Phases) -> Inspection:
    import torch

    setup = cell.setup
    with phases.phase("build"):
        built = build(cell)
    check_batch(built, cell)
    if built.onnx is not None:
        with phases.phase("look"):
            return of_file(built.onnx, setup.device)
    configure(setup)
    arrays = built.make_inputs(setup.batch, np.random.default_rng(cell.protocol.seed))
    built, _ = techniques.apply(built, setup, (arrays,))
    module = require_module(built, setup).to(device=setup.device, dtype=dtype_of(setup.precision))
    inputs = tensors(arrays, torch.device(setup.device), dtype_of(setup.precision))
    with phases.phase("export"), quiet(), torch.no_grad():
        program, trouble = _exported(module, inputs)
    if program is None:
        return Inspection(trouble=trouble)
    with phases.phase("look"), quiet(), torch.no_grad():
        found = lacking(program)
        lacks = _of_runtimes(found, setup)
    device = find_device(setup.device)
    with phases.phase("profile"), quiet():
        refusals = {
            name: _refusals(missing, _shares(graph, inputs, device) if missing else {})
            for name, (graph, missing) in found.items()
        }
        if any(lacks.values()):
            shares = _shares(found[ONNX][0], inputs, device)
            refusals |= {name: refused_nodes(missing, shares) for name, missing in lacks.items()}
        else:
            refusals |= dict.fromkeys(lacks, ())
    calls = Counter(name_of(node.target) for node in program.graph.nodes if is_operator(node))
    return Inspection(calls.total(), len(calls), refusals)


def _of_runtimes(found: "Mapping[str, tuple[torch.export.ExportedProgram, Lacking]]", setup: Setup) -> dict[str, Lacks]:
    """What runtimes lack for the graph that the ONNX exporter writes; nothing where it cannot write it."""
    import torch

    if setup.backend not in RUNTIMES or ONNX not in found or found[ONNX][1]:
        return {}  # the graph is written for those who ask for it: that takes as long as a conversion's first step
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            program = torch.onnx.export(found[ONNX][0], dynamo=True, verbose=False)
            assert program is not None  # noqa: S101  (what the dynamo exporter returns)
            program.save(str(path), external_data=True)
        except Exception as error:  # noqa: BLE001  (the conversion will tell)
            write_down(error)
            return {}
        return asked(path, setup.device)


def _exported(
    module: "torch.nn.Module", inputs: "tuple[torch.Tensor, ...]"
) -> "tuple[torch.export.ExportedProgram | None, Trouble | None]":
    """The graph, as the exporters' own first step makes it, or why there is none."""
    import torch

    try:
        return torch.export.export(module, inputs, strict=False), None
    except Exception as error:  # noqa: BLE001  (a tracer runs the model's code, which may raise anything)
        first = str(error).strip().partition("\n")[0][:_REASON]
        what = f"torch.export cannot follow this model: {type(error).__name__}: {first}"
        return None, Trouble(what, _place(error))


def _place(error: Exception) -> str:
    """The last line of the model's own code that the error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _NOT_THE_MODEL.search(frame.filename)]
    return f"{own[-1].filename}, line {own[-1].lineno}: {own[-1].line}" if own else ""


def _shares(
    program: "torch.export.ExportedProgram", inputs: "tuple[torch.Tensor, ...]", device: Device
) -> Mapping[str, float]:
    """Share of each node, by name, in the time of one call that runs the graph node by node; empty if it does not."""
    import torch

    class Timed(torch.fx.Interpreter):
        """Runs a graph and adds up what each node takes."""

        def __init__(self, graph: torch.fx.GraphModule) -> None:
            super().__init__(graph)
            self.taken: dict[str, int] = {}

        def run_node(self, n: torch.fx.Node) -> Any:
            begin = now_ns()
            result = super().run_node(n)
            device.synchronize()
            self.taken[n.name] = now_ns() - begin
            return result

    timed = Timed(program.module(check_guards=False))
    try:
        with torch.inference_mode():
            timed.run(*inputs)  # the first one also allocates and sets up
            timed.run(*inputs)
    except Exception as error:  # noqa: BLE001  (shares are an extra: the refusals hold without them)
        write_down(error)
        return {}
    whole = sum(timed.taken.values())
    return {name: taken / whole for name, taken in timed.taken.items()}


def _refusals(missing: Lacking, shares: Mapping[str, float]) -> tuple[Refusal, ...]:
    """One of each operator and module, the longest-lasting first."""
    groups: dict[tuple[str, str, str, str], list[float | None]] = defaultdict(list)
    for node, why in missing.items():
        groups[name_of(node.target), *_module_of(node), why].append(shares.get(node.name))
    found = [
        Refusal(operator, module, kind, len(parts), _total(parts), why)
        for (operator, module, kind, why), parts in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: -(one.share or 0.0)))


def _total(parts: "list[float | None]") -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _module_of(node: "torch.fx.Node") -> tuple[str, str]:
    """Path and class of the innermost module in which an operator was called."""
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", ""
    path, kind = list(stack.values())[-1]
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    inner = "" if path == INSIDE else str(path).removeprefix(f"{INSIDE}.")
    return inner, name.rpartition(".")[2]
