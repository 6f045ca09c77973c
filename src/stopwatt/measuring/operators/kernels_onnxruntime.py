"""Nodes of an ONNX Runtime session after its graph optimisations, as the session's own profiler times them."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stopwatt.backends.onnxruntime import profiling_runner
from stopwatt.measuring.operators.kernels_torch import gathered
from stopwatt.operators.capture import Kernel
from stopwatt.records import Setup
from stopwatt.workloads.base import Arrays

_ENDING = "_kernel_time"


def profiled(folder: Path, arrays: Arrays, setup: Setup, calls: int) -> list[Kernel]:
    """Nodes of a call; counts and seconds are means of so many calls after two others.

    Args:
        folder: Of the converted model.
        arrays: One set of inputs.
        setup: As which it is run.
        calls: So many are watched.
    """
    with tempfile.TemporaryDirectory(prefix="stopwatt-") as private:
        runner, end = profiling_runner(folder, setup, Path(private) / "profile")
        staged = runner.stage(arrays)
        for _ in range(calls + 2):
            runner.call(staged)
        events = json.loads(Path(end()).read_text())
        runner.close()
    return nodes_of(events, calls)


def nodes_of(events: Sequence[Mapping[str, Any]], calls: int) -> list[Kernel]:
    """Nodes from the events of a profile whose last `calls` runs count."""
    times = sorted((one for one in events if _is_node(one)), key=lambda one: one["ts"])
    begin = _begin_of(events, calls)
    counted = [one for one in times if one["ts"] >= begin]
    kinds = {_name(one): (str(one["args"]["op_name"]), _dtype(one["args"])) for one in counted}
    named = gathered(((_name(one), one["dur"] / 1e6) for one in counted), calls, on_device=False)
    return [Kernel(one.name, kinds[one.name][0], one.count, one.seconds, dtype=kinds[one.name][1]) for one in named]


def _dtype(told: Mapping[str, Any]) -> str:
    """Element type of a node's first input; empty for a node that has none."""
    first: Mapping[str, Any] = next(iter(told.get("input_type_shape") or ({},)))
    name = next(iter(first), "")
    return "float32" if name == "float" else str(name)


def _begin_of(events: Sequence[Mapping[str, Any]], calls: int) -> float:
    runs = sorted(float(one["ts"]) for one in events if one.get("name") == "model_run")
    return runs[-calls] if len(runs) >= calls else 0.0


def _is_node(event: Mapping[str, Any]) -> bool:
    return event.get("cat") == "Node" and str(event.get("name")).endswith(_ENDING)


def _name(event: Mapping[str, Any]) -> str:
    return str(event["name"]).removesuffix(_ENDING)
