"""What runtimes have for the operators of an ONNX graph, asked of themselves; nothing is computed.

An operator that an exporter can write is not one that every runtime can read. Where a runtime offers no such question,
or in another form than known here, the answer is `None`, and the conversion itself will tell.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import device_kind

_OWN = ("", "ai.onnx")
"""Names of the domain of ONNX itself."""
_PROVIDERS = {"cpu": ("CPUExecutionProvider",), "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider")}
_VERSION = re.compile(r"-\d+$")
_NO_RULE = re.compile(r"No conversion rule found for operations: (.+)")
_NO_WORK = frozenset({"Constant", "Parameter", "Result"})


@dataclass(frozen=True, slots=True)
class Lack:
    """A node of a graph that a runtime has nothing for.

    Attributes:
        node: Its name; may be empty.
        operator: As ONNX has it, with its domain unless that is ONNX's own.
        why: In the runtime's words, or what was looked at.
    """

    node: str
    operator: str
    why: str


def lacking_in(runtime: str, path: Path, device: str) -> tuple[Lack, ...] | None:
    """What a runtime lacks for a model; `None` where it cannot be asked.

    Args:
        runtime: `onnxruntime`, `openvino` or `tensorrt`.
        path: Of the model.
        device: On which it shall run.
    """
    try:
        with quiet():
            return tuple(_ASKED[runtime](path, device))
    except Exception:  # noqa: BLE001  (whatever a runtime that is not there or has changed raises: it cannot be asked)
        return None


def _of_onnxruntime(path: Path, device: str) -> Iterator[Lack]:
    """Operators without a kernel, and without a definition by others that have one.

    Raises:
        LookupError: The kernels of the device's provider are not listed: it is loaded from a library of its own.
    """
    import onnx
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_opkernel_def

    model = onnx.load(str(path), load_external_data=False)
    versions = {_domain(one.domain): int(one.version) for one in model.opset_import}
    local = {(_domain(one.domain), one.name) for one in model.functions}
    providers = _PROVIDERS[device_kind(device)]
    kernels: dict[tuple[str, str], list[tuple[int, int]]] = {}
    registered = get_all_opkernel_def()
    if all(kernel.provider != providers[0] for kernel in registered):
        raise LookupError(providers[0])
    for kernel in registered:
        if kernel.provider in providers:
            kernels.setdefault((_domain(kernel.domain), kernel.op_name), []).append(tuple(kernel.version_range))
    for node in _nodes(model):
        domain, version = _domain(node.domain), versions.get(_domain(node.domain), 1)
        known = kernels.get((domain, node.op_type), ())
        if (domain, node.op_type) in local or any(low <= version <= high for low, high in known):
            continue
        if not _composed(node.op_type, version, domain):
            yield Lack(node.name, _named(node.op_type, domain), f"no kernel of {providers[0]} for opset {version}")


def _composed(operator: str, version: int, domain: str) -> bool:
    """Whether ONNX defines an operator by others."""
    import onnx.defs

    try:
        schema: Any = onnx.defs.get_schema(operator, version, domain)
    except onnx.defs.SchemaError:
        return False
    return bool(schema.has_function or schema.has_context_dependent_function)


def _of_openvino(path: Path, device: str) -> Iterator[Lack]:
    """Operators without a rule of conversion; if there are none, those that the device's plugin does not take."""
    import openvino

    core = openvino.Core()
    try:
        model = core.read_model(str(path))
    except RuntimeError as error:
        yield from _unconverted(path, str(error))
        return
    taken = core.query_model(model, "GPU" if device_kind(device) != "cpu" else "CPU")
    for node in model.get_ops():
        if node.get_friendly_name() not in taken and node.get_type_name() not in _NO_WORK:
            yield Lack(node.get_friendly_name(), node.get_type_name(), "the device's plugin does not take it")


def _unconverted(path: Path, said: str) -> Iterator[Lack]:
    """The nodes whose operators an error of OpenVINO's reader names; it names all of them, as `Det-20, mine.Op-1`.

    Raises:
        ValueError: It is another error: whoever converts the model will meet it.
    """
    found = _NO_RULE.search(said)
    if found is None:
        raise ValueError(said)
    names = {_VERSION.sub("", name.strip()) for name in found[1].split(",")}
    for node in nodes_of(path):
        domain = _domain(node.domain)
        if (f"{domain}.{node.op_type}" if domain else node.op_type) in names:
            yield Lack(node.name, _named(node.op_type, domain), "no rule of conversion")


def _of_tensorrt(path: Path, device: str) -> Iterator[Lack]:  # noqa: ARG001  (one interface)
    """Nodes outside the subgraphs that the parser supports. Written to its documentation, not yet run."""
    import onnx
    import tensorrt as trt

    logger = trt.Logger(trt.Logger.ERROR)
    parser = trt.OnnxParser(trt.Builder(logger).create_network(0), logger)
    if parser.supports_model_v2(path.read_bytes(), str(path)):
        return
    graph = onnx.load(str(path), load_external_data=False).graph
    for part in range(parser.num_subgraphs):
        if not parser.is_subgraph_supported(part):
            for place in parser.get_subgraph_nodes(part):
                node = graph.node[place]
                yield Lack(node.name, _named(node.op_type, _domain(node.domain)), "its parser does not support it")


_ASKED: Mapping[str, Callable[[Path, str], Iterator[Lack]]] = {
    "onnxruntime": _of_onnxruntime,
    "openvino": _of_openvino,
    "tensorrt": _of_tensorrt,
}
RUNTIMES: Sequence[str] = tuple(_ASKED)
"""That read ONNX."""


def nodes_of(path: Path) -> Sequence[Any]:
    """All nodes of a model, those of branches and local functions as well."""
    import onnx

    return list(_nodes(onnx.load(str(path), load_external_data=False)))


def _nodes(model: Any) -> Iterator[Any]:
    yield from _within(model.graph.node)
    for function in model.functions:
        yield from _within(function.node)


def _within(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _within(graph.node)


def _domain(name: str) -> str:
    return "" if name in _OWN else name


def _named(operator: str, domain: str) -> str:
    return f"{domain}::{operator}" if domain else operator
