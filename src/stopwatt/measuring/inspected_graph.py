"""What runtimes lack for an ONNX graph, with the place in the model that each node came from."""

from ast import literal_eval
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopwatt.backends.exporters import ONNX
from stopwatt.backends.runtimes import RUNTIMES, Lack, lacking_in, nodes_of
from stopwatt.operators.inspection import Inspection, Refusal
from stopwatt.workloads.served import INSIDE

_SCOPES, _KINDS = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
"""Under which torch's exporter notes, for each node, the modules around it and what it was made of."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node came from: module, the module's class, and the node of the graph that was exported."""

    module: str = ""
    kind: str = ""
    origin: str = ""


Lacks = Sequence[tuple[Lack, Place]]


def asked(path: Path, device: str) -> dict[str, Lacks]:
    """What each runtime lacks for a model; runtimes that cannot be asked are left out."""
    places = {node.name: _place(node) for node in nodes_of(path) if node.name}
    answers = {runtime: lacking_in(runtime, path, device) for runtime in RUNTIMES}
    return {
        runtime: [(lack, places.get(lack.node, Place())) for lack in lacks]
        for runtime, lacks in answers.items()
        if lacks is not None
    }


def of_file(path: Path, device: str) -> Inspection:
    """An ONNX file as runtimes see it. How long its operators take is not known: nothing has run it yet."""
    calls = Counter(f"{node.domain}::{node.op_type}" for node in nodes_of(path))
    refusals = {runtime: refused_nodes(lacks, {}) for runtime, lacks in asked(path, device).items()}
    return Inspection(calls.total(), len(calls), {ONNX: (), **refusals}, file=True)


def refused_nodes(lacks: Lacks, shares: Mapping[str, float]) -> tuple[Refusal, ...]:
    """One of each operator and module, the longest-lasting first.

    Args:
        lacks: Nodes with their places.
        shares: Of the time of one call, by the node of the exported graph that a node came from.
    """
    groups: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for lack, place in lacks:
        groups[lack.operator, place.module, place.kind, lack.why].append(place.origin)
    found = [
        Refusal(operator, module, kind, len(origins), _share(origins, shares), why)
        for (operator, module, kind, why), origins in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: -(one.share or 0.0)))


def _share(origins: Sequence[str], shares: Mapping[str, float]) -> float | None:
    """Of all nodes that these came from, each once; `None` where one is not known."""
    known = {origin: shares.get(origin) for origin in origins}
    found = [share for share in known.values() if share is not None]
    return sum(found) if len(found) == len(known) else None


def _place(node: Any) -> Place:
    noted = {one.key: one.value for one in node.metadata_props}
    try:
        scopes, kinds = (list(map(str, literal_eval(noted.get(name, "[]")))) for name in (_SCOPES, _KINDS))
    except (ValueError, SyntaxError):
        return Place()
    if len(scopes) < 2 or len(kinds) != len(scopes):  # noqa: PLR2004  (the module, and what was called in it)
        return Place()
    *_, module, origin = scopes
    inner = "" if module == INSIDE else module.removeprefix(f"{INSIDE}.")
    return Place(inner, kinds[-2].rpartition(".")[2], origin)
