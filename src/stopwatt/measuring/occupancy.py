"""How full a GPU's multiprocessors were: estimated from the launches, in a pass of its own that is not timed.

The driver's management library does not say it, and the counters that measure it usually belong to the administrator.
What torch's tracer (Kineto, on CUPTI) tells of each kernel is an estimate: from its launch configuration and the
registers and shared memory that it asks for, how large a share of the warps that a multiprocessor can hold it may have
held. A kernel that waits for memory counts as full.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from stopwatt.records import Measured, Reading, Unavailable

CALLS = 20
"""Calls that are traced."""
NOT_ASKED = "not asked for: --occupancy traces some calls for it"

_ESTIMATE = "est. achieved occupancy %"


def estimate_occupancy(call: Callable[[Any], Any], sets: Sequence[Any], kind: str) -> Reading:
    """Trace some calls, and average the kernels' estimates by the time that they took.

    Args:
        call: Returns when the work is done.
        sets: Staged inputs that take turns.
        kind: Of the device.
    """
    if kind != "cuda":
        return Unavailable("only a GPU has an occupancy")
    try:
        return weighted(_traced(call, sets))
    except Exception as error:  # noqa: BLE001  (CUPTI refuses in many ways; the round's timings are done, and stay)
        return Unavailable(f"torch's tracer failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def weighted(events: Iterable[Mapping[str, Any]]) -> Reading:
    """Mean of the kernels' estimates in percent, weighted by their durations.

    Args:
        events: Of a Chrome trace; those of kernels have `cat`, `dur` and `args`.
    """
    time = total = 0.0
    kernels = 0
    for event in events:
        if event.get("cat") == "kernel":
            kernels += 1
            estimate = event.get("args", {}).get(_ESTIMATE)
            if estimate is not None:
                time += float(event["dur"])
                total += float(event["dur"]) * float(estimate)
    if time > 0:
        return Measured(total / time, "%")
    if kernels:
        return Unavailable(f"torch's tracer saw {kernels} kernels, but tells no occupancy of them")
    return Unavailable("torch's tracer saw no kernel: the driver may keep its counters to the administrator")


def _traced(call: Callable[[Any], Any], sets: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as trace:
        for inputs in islice(cycle(sets), CALLS):
            call(inputs)
    with tempfile.TemporaryDirectory(prefix="stopwatt-trace-") as folder:
        path = Path(folder) / "trace.json"
        trace.export_chrome_trace(str(path))
        events: Sequence[Mapping[str, Any]] = json.loads(path.read_bytes())["traceEvents"]
    return events
