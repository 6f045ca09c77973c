"""Captures as plain values: what `ops capture --json` prints."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from stopwatt.operators.capture import Capture, LeafCall
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.summary import counts_of

SCHEMA = 1
"""Version of `captures_document`."""


def captures_document(captures: Sequence[Capture]) -> dict[str, Any]:
    """Captures as plain values; seconds, bytes."""
    return {"schema": SCHEMA, "captures": [_capture(one) for one in captures]}


def _capture(capture: Capture) -> dict[str, Any]:
    setup = capture.setup
    gaps_s = float(capture.gaps_ns.sum()) / 1e9 if capture.gaps_ns.size else None
    return {
        "workload": capture.workload.source,
        "params": dict(capture.workload.params),
        "backend": setup.backend_label,
        "precision": str(setup.precision),
        "batch": setup.batch,
        "device": setup.device,
        "threads": setup.threads,
        "parameters": capture.parameters,
        "weight_bytes": capture.weight_bytes,
        "calls": int(capture.sequence.size),
        "forward_s": capture.seconds.get("forward"),
        "capture_s": capture.seconds.get("capture"),
        "gaps_s": gaps_s,
        "operators": [_operator(one, n) for one, n in zip(capture.operators, counts_of(capture), strict=True)],
        "sequence": capture.sequence.tolist(),
        "places": capture.places.tolist(),
        "modules": [asdict(one) for one in capture.modules],
        "leaves": [_leaf(one) for one in capture.leaves],
        "kernels": [asdict(one) for one in capture.kernels],
        "facts": dict(capture.facts),
        "software": dict(capture.software),
        "notes": list(capture.notes),
    }


def _operator(operator: Operator, count: int) -> dict[str, Any]:
    work = work_of(operator)
    return {
        "key": operator.key,
        "name": operator.name,
        "count": count,
        "family": str(work.family),
        "flops": work.flops,
        "bytes": work.bytes,
        "weight_bytes": work.weight_bytes,
        "inputs": [_tensor(one) | {"strides": list(one.strides), "role": str(one.role)} for one in operator.tensors],
        "outputs": [_tensor(one) for one in operator.outputs],
        "obstacle": operator.obstacle or None,
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": tensor.dtype}


def _leaf(leaf: LeafCall) -> dict[str, Any]:
    return {
        "module": leaf.module,
        "inputs": [_tensor(one) for one in leaf.inputs],
        "outputs": [_tensor(one) for one in leaf.outputs],
        "begin": leaf.begin,
        "end": leaf.end,
    }
