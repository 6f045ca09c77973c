"""What each tool says, read from its own output."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopwatt.units import interval, quantity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool said.

    Attributes:
        median_s: The median as the tool reports it.
        says: Its own statement of uncertainty.
        trials: How many times it is the median of; `None` where the tool does not say.
        offers: Names of everything that its result holds.
        versions: Of the packages that ran it.
    """

    median_s: float
    says: str = ""
    trials: int | None = None
    offers: frozenset[str] = frozenset()
    versions: dict[str, str] = field(default_factory=dict)


def paths(document: Any, prefix: str = "") -> Iterator[str]:
    """`rows.metrics.latency.low` for every value that is there (not null) in a JSON document."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from paths(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(document, list) and document:
        yield from {path for one in document for path in paths(one, prefix)}
    elif document is not None:
        yield prefix


def read_bare(text: str, folder: Path) -> Answer:  # noqa: ARG001  (one interface)
    """The median of the bare loop."""
    document = json.loads(text.splitlines()[-1])
    return Answer(document["median_s"], trials=document["n"], versions=document["versions"])


def read_torch(text: str, folder: Path) -> Answer:  # noqa: ARG001  (one interface)
    """What `torch.utils.benchmark.Measurement` holds."""
    document = json.loads(text.splitlines()[-1])
    says = f"IQR {quantity(document['iqr_s'], 's')} (spread of the trials)"
    return Answer(document["median_s"], says, len(document["raw_times_s"]), frozenset(document["offers"]))


def read_optimum(text: str, folder: Path) -> Answer:  # noqa: ARG001  (one interface)
    """The report of optimum-benchmark."""
    report = json.loads((folder / "benchmark_report.json").read_text())
    latency = report["forward"]["latency"]
    says = f"stdev {quantity(latency['stdev'], 's')} (spread of the trials)"
    return Answer(latency["p50"], says, latency["count"], frozenset(paths(report)))


def read_onnxruntime(text: str, folder: Path) -> Answer:
    """The summary that onnxruntime's bert_perf_test writes beside the model, and names last."""
    named = re.findall(r"Test summary is saved to (.+)", text)
    with (folder / named[-1]).open(newline="") as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    trials = int(row["test_cases"]) * int(row["test_times"])
    return Answer(float(row["Latency_P50"]) / 1000, "none", trials, frozenset(row))


def read_stopwatt(text: str, folder: Path) -> Answer:  # noqa: ARG001  (one interface)
    """The JSON of `stopwatt bench`.

    Raises:
        ValueError: The row has no latency; its reason.
    """
    document = json.loads(text)
    latency = document["rows"][0]["metrics"]["latency"]
    if latency["value"] is None:
        raise ValueError(document["rows"][0]["reason"] or latency["why"])
    bounded = latency["low"] is not None
    says = (
        f"{interval(latency['value'], latency['low'], latency['high'], 's')}, 95 %, {latency['method']}"
        if bounded
        else f"none: {latency['why']}"
    )
    return Answer(latency["value"], says, latency["n"], frozenset(paths(document)))
