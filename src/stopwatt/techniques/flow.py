"""What flows where in one call of a module, as torch.export sees it: the proof that two layers really follow another.

Names of modules say nothing about the order in which a forward calls them, and a Sequential only about its own parts.
An exported call names every operator, who uses its result, and which parameter of which module it was given.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopwatt.backends.quiet import quiet
from stopwatt.backends.torch_runner import tensors
from stopwatt.errors import Unsupported
from stopwatt.records import Setup
from stopwatt.techniques.calling import brief
from stopwatt.workloads.base import Arrays

if TYPE_CHECKING:
    import torch
    from torch.fx import Node


@dataclass(frozen=True, slots=True)
class Flow:
    """The operators of one call, and the module that each of them belongs to.

    Attributes:
        module: Whose call it is.
        program: The exported call.
        names: Parameters and buffers by the node that stands for them (`layer.0.weight`).
        shared: Numbers (`id`) of tensors that have several names.
    """

    module: "torch.nn.Module"
    program: "torch.export.ExportedProgram"
    names: "Mapping[Node, str]"
    shared: frozenset[int]

    def operators(self) -> "list[Node]":
        """In the order of the call."""
        return [node for node in self.program.graph.nodes if node.op == "call_function"]

    def layer(self, operator: "Node", weight: Any) -> "torch.nn.Module | None":
        """The module that calls an operator with a weight of its own, and only there; `None` where that is not sure.

        Args:
            operator: Of `operators`.
            weight: One of its arguments.
        """
        name = self.names.get(weight, "")
        path = name.rpartition(".")[0]
        if not name or len(weight.users) != 1 or path != _caller(operator):
            return None
        layer = self.module.get_submodule(path)
        tensor = getattr(layer, name.rpartition(".")[2])
        return None if id(tensor) in self.shared or _watched(layer) else layer


def name_of(node: Any) -> str:
    """`conv2d` of `aten.conv2d.default`; empty for what is no operator."""
    if getattr(node, "op", "") != "call_function":
        return ""
    return str(node.target).removeprefix("aten.").partition(".")[0]


def follow(module: "torch.nn.Module", technique: str, setup: Setup, calibration: Sequence[Arrays]) -> Flow:
    """Export one call.

    Args:
        module: In fp32 on the host, in evaluation mode.
        technique: Who asks, for the error.
        setup: Likewise.
        calibration: Sets of inputs, of which the first is used.

    Raises:
        Unsupported: torch.export cannot follow the module.
    """
    program = exported(module, technique, setup, calibration)
    signature = program.graph_signature
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    nodes = {node: named[node.name] for node in program.graph.nodes if node.name in named}
    often = Counter(id(tensor) for _, tensor in module.named_parameters(remove_duplicate=False))
    often.update(id(tensor) for _, tensor in module.named_buffers(remove_duplicate=False))
    return Flow(module, program, nodes, frozenset(number for number, count in often.items() if count > 1))


def exported(
    module: "torch.nn.Module", technique: str, setup: Setup, calibration: Sequence[Arrays]
) -> "torch.export.ExportedProgram":
    """One call as torch.export writes it down, for the shapes of the inputs.

    Raises:
        Unsupported: It cannot follow the module.
    """
    import torch

    inputs = tensors(calibration[0], torch.device("cpu"), torch.float32)
    try:
        with quiet(), torch.no_grad():
            return torch.export.export(module, inputs, strict=False)
    except Exception as error:
        raise Unsupported(
            f"{technique} must follow what flows where, and torch.export cannot follow this model: {brief(error)}",
            when=setup.label,
            now=f"leave +{technique} away, or take out what depends on values (.item(), if tensor:)",
        ) from error


def _caller(operator: "Node") -> str:
    """Path of the innermost module in whose forward an operator is called."""
    stack = operator.meta.get("nn_module_stack") or {}
    return str(list(stack.values())[-1][0]) if stack else ""


def _watched(layer: "torch.nn.Module") -> bool:
    """Whether somebody's hooks hang on a layer's calls, so that more happens there than its class says."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks)  # noqa: SLF001  (torch has no question for it)
