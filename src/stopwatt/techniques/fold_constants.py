"""`fold-constants`: what does not depend on the inputs (positions, masks, scaled weights) is computed once."""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Setup
from stopwatt.techniques.base import Applied, Exact
from stopwatt.techniques.flow import exported, name_of
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch
    from torch.fx import GraphModule, Node

_MOVES_NOTHING = frozenset({"expand", "unsqueeze", "squeeze", "view", "permute", "transpose", "t", "alias", "detach"})
"""Operators that only look at memory in another way: to keep what they give saves nothing worth a new graph."""
_QUANTISE_LAYERS = ("eager", "torchscript")
_CHECKS = "_assert"
_FOLDED = "_folded"


class FoldConstants(Exact):
    """The call as torch.export writes it down, for one batch size, with its constant parts as buffers."""

    name = "fold-constants"
    summary = "what does not depend on the inputs computed once; the model becomes a graph of operators"
    last = True

    def require(self, setup: Setup) -> None:
        """A graph of operators has no layers, and dynamic quantisation puts its own in the place of layers.

        Raises:
            Unsupported: int8 on a backend that quantises layer by layer.
        """
        if setup.precision is Precision.INT8 and setup.backend in _QUANTISE_LAYERS:
            raise Unsupported(
                f"fold-constants leaves a graph of operators, and {setup.backend} quantises layers",
                when=setup.label,
                now="leave +fold-constants away, or use another backend for int8",
            )

    def apply(self, module: "torch.nn.Module", argument: str, setup: Setup, calibration: Sequence[Arrays]) -> Applied:
        """Export, fold, and give back the graph.

        Raises:
            Unsupported: Everything depends on the inputs, or the model cannot be exported.
        """
        del argument
        import torch

        graph = _plain(exported(module, self.name, setup, calibration))
        constant = _constant(graph)
        with torch.no_grad():
            kept = _keep(graph, constant)
        folded = [node for node in constant if node.op == "call_function" and name_of(node) not in _MOVES_NOTHING]
        if not kept or not folded:
            raise Unsupported(
                "fold-constants computes once what does not depend on the inputs, and in this model everything does",
                when=setup.label,
                now="leave +fold-constants away",
            )
        graph.graph.eliminate_dead_code()
        _move(graph, setup.device)
        graph.delete_all_unused_submodules()
        graph.recompile()
        size = sum(tensor.numel() * tensor.element_size() for tensor in kept)
        graph.requires_grad_(requires_grad=False)
        return Applied(graph, {"operators": len(folded), "bytes": size})


def _plain(program: "torch.export.ExportedProgram") -> "GraphModule":
    """The program as a module that takes tensors by position, without checks of its inputs in each call."""
    from torch.fx.graph import CodeGen

    single = program.call_spec.out_spec is not None and program.call_spec.out_spec.is_leaf()
    graph: GraphModule = program.module(check_guards=False)
    graph._forward_pre_hooks.clear()  # noqa: SLF001  (the checks; there is no other way to leave them away)
    for node in list(graph.graph.nodes):
        if node.op == "call_function" and name_of(node).startswith(_CHECKS):
            graph.graph.erase_node(node)
        elif node.op == "output" and single:
            node.args = (node.args[0][0],)
    graph.graph.set_codegen(CodeGen())
    return graph


def _move(graph: "GraphModule", device: str) -> None:
    """Let operators that name a device name the one that the graph is going to run on: it was followed on the host."""
    import torch
    from torch.fx.node import map_aggregate

    def moved(value: Any) -> Any:
        return torch.device(device) if isinstance(value, torch.device) else value

    for node in graph.graph.nodes:
        node.args = map_aggregate(node.args, moved)
        node.kwargs = map_aggregate(node.kwargs, moved)


def _constant(graph: "GraphModule") -> "dict[Node, None]":
    """Nodes that depend on no input, draw no numbers, and whose memory nobody writes to, in order."""
    written = set(_written(graph))
    found: dict[Node, None] = {}
    for node in graph.graph.nodes:
        known = node.op == "get_attr" or (_is_pure(node) and all(one in found for one in node.all_input_nodes))
        if known and node not in written:
            found[node] = None
    return found


def _is_pure(node: "Node") -> bool:
    return node.op == "call_function" and not node.is_impure() and not _writes(node)


def _writes(node: "Node") -> bool:
    schema = getattr(node.target, "_schema", None)
    return bool(schema is not None and schema.is_mutable)


def _written(graph: "GraphModule") -> "Iterator[Node]":
    """Everything whose memory some operator writes to, and what may share that memory."""
    waiting = [
        one for node in graph.graph.nodes if node.op == "call_function" and _writes(node) for one in _targets(node)
    ]
    seen: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting += node.all_input_nodes if _may_share(node) else []


def _targets(node: "Node") -> "Iterator[Node]":
    """What a writing operator writes to."""
    import torch

    assert isinstance(node.target, torch._ops.OpOverload)  # noqa: S101, SLF001  (who else has a schema)
    for place, argument in enumerate(node.target._schema.arguments):  # noqa: SLF001  (the only place that says it)
        given = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write and isinstance(given, torch.fx.Node):
            yield given


def _may_share(node: "Node") -> bool:
    """Whether the result may lie in the memory of what it was made from."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or "dropout" in name_of(node):  # in evaluation mode it hands its input on, whatever it declares
        return True
    return any(one.alias_info is not None for one in schema.returns)


def _keep(graph: "GraphModule", constant: "dict[Node, None]") -> "list[torch.Tensor]":
    """Compute the constant nodes; those that others use become buffers."""
    import torch

    values: dict[Node, Any] = {}
    kept: list[torch.Tensor] = []
    for node in constant:
        values[node] = _value(graph, node, values)
        others = [user for user in node.users if user not in constant]
        if node.op == "get_attr" or not others or not isinstance(values[node], torch.Tensor):
            continue
        name = f"{_FOLDED}_{len(kept)}"
        graph.register_buffer(name, values[node].detach())
        with graph.graph.inserting_before(node):
            stored = graph.graph.get_attr(name)
        node.replace_all_uses_with(stored, delete_user_cb=lambda user: user not in constant)
        kept.append(values[node])
    return kept


def _value(graph: "GraphModule", node: "Node", values: "dict[Node, Any]") -> Any:
    from torch.fx.node import map_arg

    if node.op == "get_attr":
        return attrgetter(str(node.target))(graph)
    arguments, keywords = map_arg((node.args, node.kwargs), values.__getitem__)
    assert callable(node.target)  # noqa: S101  (of a call)
    return node.target(*arguments, **keywords)
