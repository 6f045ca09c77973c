"""What each number means: its unit, which way is better, and one line for people."""

from collections.abc import Mapping
from dataclasses import dataclass

from stopwatt.energy import SCOPES, Scope


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means.

    Attributes:
        unit: Unit of the summarised value.
        better: `lower` or `higher`.
        meaning: One line for people.
    """

    name: str
    unit: str
    better: str
    meaning: str


def _energy_metrics() -> tuple[Metric, ...]:
    """Of each scope the energy and the power; of GPU boards and CPU packages also what follows from them."""
    metrics: list[Metric] = []
    for scope, name in SCOPES.items():
        metrics += [
            Metric(f"energy_{scope}", "J", "lower", f"{name}: energy a sample, all of it, queue kept full"),
            Metric(f"power_{scope}", "W", "lower", f"{name}: mean power while the queue was kept full"),
        ]
        if scope is not Scope.DRAM:
            metrics += [
                Metric(f"power_active_idle_{scope}", "W", "lower", f"{name}: power with the model loaded and no call"),
                Metric(f"power_idle_{scope}", "W", "lower", f"{name}: power before the process of the round started"),
                Metric(f"energy_net_{scope}", "J", "lower", f"{name}: energy a sample beyond the active-idle power"),
                Metric(f"efficiency_{scope}", "samples/J", "higher", f"{name}: samples for each joule of all energy"),
                Metric(f"energy_delay_{scope}", "J s", "lower", f"{name}: energy a sample x time a sample"),
            ]
    return tuple(metrics)


ACCURACY, ACCURACY_LOSS = "accuracy", "accuracy_loss"
ANSWERS = "accuracy_answers"
"""Raw values behind an accuracy: of each labelled sample whether it is right, or the accuracy of resamples."""
TOP1, MEAN_AP = "top-1", "mAP@[.50:.95]"
"""What an accuracy is: of classes the share of samples whose best class is the label, of detections COCO's average."""
CPU_ESTIMATE = "energy_cpu_estimated"
"""Not measured: CPU time x watts of a core as a data sheet has them, on request only."""

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("latency", "s", "lower", "host to host, one request at a time, synchronised after each call"),
        Metric("mean_latency", "s", "lower", "a mean that somebody else measured; its trials are not there"),
        Metric("response", "s", "lower", "paced arrivals: from when each request was due to the end of its call"),
        Metric("overruns", "cycles", "lower", "paced requests that were not done when the next one was due"),
        Metric("device_time", "s", "lower", "device clock only, launch gaps hidden"),
        Metric("throughput", "samples/s", "higher", "saturated queue, one synchronise at the end of each window"),
        Metric("cold_start", "s", "lower", "import, load and first call, with conversion and compile caches warm"),
        Metric("first_cold_start", "s", "lower", "import, load and first call, with empty compile caches"),
        Metric(
            "convert_time",
            "s",
            "lower",
            "turning the model into the runtime's own format, once, ahead of time",
        ),
        Metric("host_memory", "B", "lower", "peak resident memory of the process while it ran the model"),
        Metric("page_faults", "1", "lower", "memory pages that a call takes from the system anew"),
        Metric("device_memory", "B", "lower", "peak memory on the device while the model ran"),
        Metric(
            "occupancy",
            "%",
            "higher",
            "share of a GPU's warps that its kernels may have held, estimated from their launches",
        ),
        Metric(
            "deviation",
            "1",
            "lower",
            "largest absolute difference to the reference / largest reference value",
        ),
        Metric(ACCURACY, "1", "higher", "labelled samples that are answered right (mAP of detections), 0 to 1"),
        Metric(ACCURACY_LOSS, "1", "lower", "by how much that is less than with fp32 eager, on the same samples"),
        *_energy_metrics(),
        Metric(CPU_ESTIMATE, "J", "lower", "estimated, not measured: CPU time a sample x watts of a core as declared"),
    )
}
