"""What each tool gives beside a median, and where anyone can see it: in its own output, or in its installed source."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("stopwatt", "optimum-benchmark", "torch.utils.benchmark", "onnxruntime")
_LAUNCHER = "optimum_benchmark/launchers/process/launcher.py"
_LATENCY = "optimum_benchmark/trackers/latency.py"
_SCENARIO = "optimum_benchmark/scenarios/inference/config.py"
_OPTIMUM_CLI = "optimum_benchmark/cli.py"
_TIMER = "torch/utils/benchmark/utils/timer.py"
_PERF = "onnxruntime/transformers/bert_perf_test.py"
_POLLING = "while isolated_process.is_alive() and not parent_connection.poll():\n                pass"
_TEN_CALLS = "warmup_runs: int = field(\n        default=10"


@dataclass(frozen=True, slots=True)
class Shows:
    """The tool's result holds this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Hides:
    """No name in the tool's result fits this pattern."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Source:
    """An installed file holds this text."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One cell of the table.

    Attributes:
        answer: `yes`, `partly` or `no`.
        why: What there is, in a few words.
        check: What must hold for the claim to stand.
    """

    answer: str
    why: str
    check: Shows | Hides | Source


_NO_INTERVAL = Hides(r"(?i)(^|\W|_)(low|high|ci|interval)($|\W|_)")
_NO_PROCESSES = Hides(r"(?i)rounds|replicat|processes")
_NO_PARITY = Hides(r"(?i)deviation|parity|correct|accura")
_NO_COMPARISON = Hides(r"(?i)speedup|compar|baseline")
_NO_RESUME = Hides(r"(?i)resume|unfinished")

FEATURES: Mapping[str, tuple[Claim, Claim, Claim, Claim]] = {
    "raw trials kept": (
        Claim("yes", "in a database, exported one row a trial", Source("stopwatt/cli/export.py", "one row a trial")),
        Claim("yes", "in the report", Shows("forward.latency.values")),
        Claim("yes", "one time per block of calls, in memory", Shows("raw_times")),
        Claim("no", "seven figures only", Hides(r"(?i)values|raw|trials|samples$")),
    ),
    "interval of the median": (
        Claim("yes", "across processes, 95 %", Shows("rows.metrics.latency.low")),
        Claim("no", "standard deviation of the trials", _NO_INTERVAL),
        Claim("no", "quartiles of the trials", _NO_INTERVAL),
        Claim("no", "", _NO_INTERVAL),
    ),
    "a process of its own": (
        Claim(
            "yes", "the parent sleeps meanwhile", Source("stopwatt/sweeping/executors/worker.py", "subprocess.Popen")
        ),
        Claim("yes", "the parent polls without a pause meanwhile", Source(_LAUNCHER, _POLLING)),
        Claim("no", "the caller's process", Source(_TIMER, "self._timer.timeit(number)")),
        Claim("yes", "", Source(_PERF, "multiprocessing.Process(")),
    ),
    "several processes (rounds)": (
        Claim("yes", "", Shows("rows.rounds_ok")),
        Claim("no", "", _NO_PROCESSES),
        Claim("no", "", _NO_PROCESSES),
        Claim("no", "", _NO_PROCESSES),
    ),
    "warm-up verified": (
        Claim("yes", "to a steady state, or a warning", Source("stopwatt/measuring/warmup.py", "steady")),
        Claim("no", "10 calls", Source(_SCENARIO, _TEN_CALLS)),
        Claim("no", "the calls that find the block size", Source(_TIMER, "This also serves as a warmup")),
        Claim("no", "one call", Source(_PERF, "Use a random input as warm up")),
    ),
    "answers checked": (
        Claim("yes", "against fp32 eager, before and after", Shows("rows.metrics.deviation.value")),
        Claim("no", "", _NO_PARITY),
        Claim("no", "", _NO_PARITY),
        Claim("no", "", _NO_PARITY),
    ),
    "percentiles guarded by n": (
        Claim("yes", "says how many trials it needs", Shows("rows.metrics.latency_p99.9.needs")),
        Claim("no", "p99 of any number of trials", Shows("forward.latency.p99")),
        Claim("no", "no percentiles beyond quartiles", Hides(r"(?i)(^|_)p9\d|percentile")),
        Claim("no", "P99 of any number of trials", Shows("Latency_P99")),
    ),
    "memory": (
        Claim("yes", "peak of the process", Shows("rows.metrics.host_memory.value")),
        Claim("yes", "as an option", Source(_SCENARIO, "memory: bool = field(default=False")),
        Claim("no", "", Hides(r"(?i)memory|rss")),
        Claim("no", "", Hides(r"(?i)memory|rss")),
    ),
    "throughput": (
        Claim("yes", "of a saturated queue", Shows("rows.metrics.throughput.value")),
        Claim("partly", "batch / mean latency", Source(_LATENCY, "volume / latency.mean")),
        Claim("no", "", Hides(r"(?i)throughput|qps")),
        Claim("partly", "batch / mean latency", Source(_PERF, "batch_size * (1000.0 / average_latency)")),
    ),
    "comparison with a verdict": (
        Claim("yes", "speed-up with interval and verdict", Source("stopwatt/stats/ratios.py", "class Verdict")),
        Claim("no", "", _NO_COMPARISON),
        Claim("partly", "a table, no verdict", Source("torch/utils/benchmark/utils/compare.py", "class Compare")),
        Claim("no", "", _NO_COMPARISON),
    ),
    "resumes": (
        Claim("yes", "at the round where it stopped", Source("stopwatt/running.py", "find_unfinished")),
        Claim("partly", "skips a folder that has a report", Source(_OPTIMUM_CLI, "Benchmark was already conducted")),
        Claim("no", "", _NO_RESUME),
        Claim("no", "", _NO_RESUME),
    ),
}
"""By feature, one claim for each of `TOOLS`."""


def holds(claim: Claim, offers: Iterable[str], roots: Iterable[Path]) -> bool | None:
    """Whether a claim stands; `None` where nothing is there to look at.

    Args:
        claim: What is said of a tool.
        offers: The names in the tool's result; none where it could not be run.
        roots: Folders in which packages are installed.
    """
    names = list(offers)
    check = claim.check
    if isinstance(check, Source):
        files = [root / check.file for root in roots if (root / check.file).is_file()]
        return any(check.text in file.read_text() for file in files) if files else None
    if not names:
        return None
    if isinstance(check, Shows):
        return any(name == check.name or name.startswith(f"{check.name}.") for name in names)
    return not any(re.search(check.pattern, name) for name in names)


def judged(offers: Mapping[str, Iterable[str]], roots: Iterable[Path]) -> list[dict[str, object]]:
    """Every claim with its check and whether it stood here."""
    places = list(roots)
    return [
        {
            "feature": feature,
            "tool": tool,
            "answer": claim.answer,
            "why": claim.why,
            "check": f"{type(claim.check).__name__}: {': '.join(_parts(claim))}",
            "holds": holds(claim, offers.get(tool, ()), places),
        }
        for feature, claims in FEATURES.items()
        for tool, claim in zip(TOOLS, claims, strict=True)
    ]


def _parts(claim: Claim) -> tuple[str, ...]:
    check = claim.check
    if isinstance(check, Source):
        return check.file, check.text
    return (check.name,) if isinstance(check, Shows) else (check.pattern,)
