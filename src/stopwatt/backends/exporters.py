"""What exporters have for the operators of a graph, asked of their own tables; nothing is converted.

The tables are torch's own and not part of its public interface: where a version keeps them elsewhere, the answer is
`None`, and the conversion itself will tell.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Lacking = Mapping["torch.fx.Node", str]
"""Nodes that an exporter has nothing for, with the reason."""

ONNX, AOTI = "onnx", "aoti"
_OWN = frozenset({"aten", "prim", "prims", "quantized_decomposed", "mkldnn", "mkldnn_prepacked", "quantized"})
"""Namespaces of operators that come with torch itself."""
_CHECKS = ("_assert", "sym_constrain")
"""Beginnings of names of operators that compute nothing; exporters drop them."""


def lacking(program: "torch.export.ExportedProgram") -> "dict[str, tuple[torch.export.ExportedProgram, Lacking]]":
    """What each exporter lacks, with the graph that it looks at; exporters that cannot be asked are left out."""
    asked: dict[str, Callable[[torch.export.ExportedProgram], tuple[torch.export.ExportedProgram, Lacking] | None]]
    asked = {ONNX: _for_onnx, AOTI: _for_aoti}
    answers = {name: ask(program) for name, ask in asked.items()}
    return {name: answer for name, answer in answers.items() if answer is not None}


def _for_onnx(program: "torch.export.ExportedProgram") -> "tuple[torch.export.ExportedProgram, Lacking] | None":
    """Operators without an ONNX function, after the decompositions that the exporter makes."""
    try:
        from torch.onnx._internal.exporter import _dispatching, _fx_passes, _registration

        registry = _registration.ONNXRegistry.from_torchlib()
        decompose, dispatch = _fx_passes.decompose_with_registry, _dispatching.dispatch
    except (ImportError, AttributeError):
        return None
    decomposed = decompose(program, registry)
    found: dict[torch.fx.Node, str] = {}
    for node in _calls(decomposed):
        function, why = dispatch(node, registry)
        if function is None and not _is_builtin(node.target):
            found[node] = why
    return decomposed, found


def _for_aoti(program: "torch.export.ExportedProgram") -> "tuple[torch.export.ExportedProgram, Lacking]":
    """Operators from outside torch: the compiled package would need the library that defines them."""
    why = "no operator of torch: whoever loads the package needs the library that defines it"
    return program, {node: why for node in _calls(program) if _namespace(node.target) not in _OWN}


def _calls(program: "torch.export.ExportedProgram") -> "list[torch.fx.Node]":
    return [node for node in program.graph.nodes if is_operator(node)]


def is_operator(node: "torch.fx.Node") -> bool:
    """Whether a node of a graph is an operator that computes something."""
    if node.op != "call_function" or _is_builtin(node.target):
        return False
    return not name_of(node.target).rpartition(":")[2].startswith(_CHECKS)


def name_of(target: Any) -> str:
    """`aten::fft_rfft`, `aten::add.Tensor`."""
    name = getattr(target, "name", None)
    return str(name()) if callable(name) else str(name or getattr(target, "__name__", target))


def _is_builtin(target: Any) -> bool:
    """Functions of Python on sizes, and what takes a tuple apart."""
    return getattr(target, "__module__", "") in {"_operator", "math", "builtins"}


def _namespace(target: Any) -> str:
    """`aten`; of what is no operator but a form of control flow, that of torch."""
    name = name_of(target)
    return name.partition("::")[0] if "::" in name else "aten"
