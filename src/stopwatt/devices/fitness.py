"""Is this machine fit to measure on, and did it stay so? Decided from facts alone, so that it can be tested for
machines that nobody owns.

Before a round a finding may refuse to start. After a round it never does: the trials exist and are kept, and the
finding stands beside them.
"""  # noqa: D205  (one sentence that does not fit on one line)

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stopwatt import units
from stopwatt.devices.facts import identity_differences
from stopwatt.devices.usage import CpuUsage, Usage
from stopwatt.records import Note, Scalar, Severity, Trouble

__all__ = ["REFUSES", "CpuUsage", "Judgement", "Usage", "judge", "usable_threads"]

REFUSES = frozenset({"cpu-quota", "foreign-gpu-process"})
"""Kinds of findings on which no measuring starts: with them, a number describes something else than the model."""

_BUSIEST = "ps -eo pid,pcpu,comm --sort=-pcpu | head"
_SLOW_CLOCKS = frozenset({"hpet", "acpi_pm", "jiffies"})
_SELF_CLOCKING = frozenset({"intel_pstate", "amd-pstate", "amd-pstate-epp", "intel_cpufreq"})
_STALL_PERCENT = 1.0
_STEAL_SHARE = 0.005
FOREIGN_SHARE = 0.05
"""Of all CPUs: what other processes may take before it is said."""
_LEAST_FREE = 0.05  # of memory


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict.

    Attributes:
        failures: Why nothing should be measured here and now.
        notes: What a reader of the numbers must know.
    """

    failures: tuple[Trouble, ...]
    notes: tuple[Note, ...]

    @property
    def fit(self) -> bool:
        """Whether measuring may start."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class _Situation:
    before: Mapping[str, Scalar]
    after: Mapping[str, Scalar]
    usage: Usage | None
    threads: int
    device: str

    def number(self, name: str) -> float | None:
        value = self.after.get(name, self.before.get(name))
        return None if value is None or isinstance(value, str) else float(value)

    def word(self, name: str) -> str:
        return str(self.after.get(name, self.before.get(name, "")))


_Rule = Callable[[_Situation], Note | None]


def usable_threads(facts: Mapping[str, Scalar]) -> int:
    """The most threads that this process can run at once: cores allowed, or whole cores of the quota, at least 1."""
    allowed = int(facts.get("cpu.allowed", facts.get("cpu.logical", 1)))
    return max(1, min(allowed, int(facts.get("cpu.quota", allowed))))


def judge(
    before: Mapping[str, Scalar],
    after: Mapping[str, Scalar] | None = None,
    *,
    usage: Usage | None = None,
    threads: int = 1,
    device: str = "cpu",
    allow: bool = False,
) -> Judgement:
    """Judge the environment of a round, before it (one argument) or after it.

    Args:
        before: Facts read before the round.
        after: Facts read after it.
        usage: What the machine did between the two.
        threads: Of the setup.
        device: Of the setup; the GPU matters only on `cuda`.
        allow: Turns what would refuse into notes.
    """
    situation = _Situation(before, after or {}, usage, threads, device)
    found = [note for rule in _RULES if (note := rule(situation)) is not None]
    may_refuse = after is None and usage is None and not allow
    refusing = [note for note in found if may_refuse and note.kind in REFUSES]
    return Judgement(
        failures=tuple(Trouble(note.text, "judging the machine", note.now) for note in refusing),
        notes=tuple(note for note in found if note not in refusing),
    )


def _cpu_quota(it: _Situation) -> Note | None:
    quota = it.number("cpu.quota")
    if quota is None or quota >= it.threads:
        return None
    now = f"--threads {int(quota)}" if quota >= 1 else "give the container at least one CPU (docker run --cpus 1)"
    text = (
        f"a control group allows {quota:g} cores and the setup runs {it.threads} threads: the kernel stops the process "
        "in every period, so the latencies would show the quota and not the model"
    )
    return Note("cpu-quota", text, now=now)


def _threads(it: _Situation) -> Note | None:
    allowed = it.number("cpu.allowed")
    if allowed is None or it.threads <= allowed:
        return None
    text = f"{it.threads} threads share {allowed:g} cores: they wait for each other, and latencies grow by multiples"
    return Note("too-many-threads", text, now=f"--threads {usable_threads(it.before)}")


def _load(it: _Situation) -> Note | None:
    load, cores = it.before.get("cpu.load"), it.before.get("cpu.logical")
    if it.usage is not None or load is None or cores is None or float(cores) - float(load) >= it.threads - 0.5:
        return None  # after a round its usage says what really ran beside it; the load average contains the round
    text = (
        f"the load average is {float(load):.1f} on {cores} cores and the setup wants {it.threads}: "
        "if the load goes on, latencies are too long by an unknown amount"
    )
    return Note("load", text, now=f"see what runs: {_BUSIEST}")


def _foreign_cpu(it: _Situation) -> Note | None:
    foreign = it.usage.foreign_cores if it.usage else None
    if it.usage is None or foreign is None or foreign - it.usage.resolution_cores < FOREIGN_SHARE * it.usage.cpus:
        return None
    text = (
        f"other processes kept {foreign:.1f} of the {it.usage.cpus} cores busy while the round ran: "
        "its latencies may be too long"
    )
    return Note("foreign-cpu", text, now=f"stop them and measure again; see what runs: {_BUSIEST}")


def _steal(it: _Situation) -> Note | None:
    share = it.usage.steal_share if it.usage else None
    if share is None or share < _STEAL_SHARE:
        return None
    text = (
        f"the hypervisor kept {share:.1%} of the CPU time for others: single trials are too long, the tail most of all"
    )
    return Note("steal", text, now="measure on a dedicated machine, or compare medians only")


def _throttled(it: _Situation) -> Note | None:
    if it.usage is None or not it.usage.throttled_count:
        return None
    lost = units.quantity(it.usage.throttled_s or 0.0, "s")
    text = (
        f"a control group stopped this process {it.usage.throttled_count} times ({lost}) for its CPU quota: "
        "the slow trials show the quota and not the model"
    )
    return Note("cpu-throttled", text, now="use fewer --threads, or raise the quota (docker update --cpus)")


def _thermal(it: _Situation) -> Note | None:
    then, now = it.before.get("cpu.thermal_throttles"), it.after.get("cpu.thermal_throttles")
    if then is None or now is None or int(now) <= int(then):
        return None
    text = f"the CPU throttled itself {int(now) - int(then)} times for heat: later trials ran at a lower clock"
    return Note("cpu-heat", text, now="improve the cooling, or pause between rounds")


def _governor(it: _Situation) -> Note | None:
    governor = it.word("cpu.governor")
    if governor in {"", "performance"}:
        return None
    now = "sudo cpupower frequency-set --governor performance"
    if "powersave" in governor and it.word("cpu.scaling_driver") not in _SELF_CLOCKING:
        return Note(
            "governor", "the governor powersave holds the clock at its lowest: every latency is too long", now=now
        )
    text = f"the governor {governor} lets the clock follow the load: short or paced calls run slower than long series"
    return Note("governor", text, Severity.INFO, now)


def _clock_source(it: _Situation) -> Note | None:
    source = it.word("cpu.clock_source")
    if source not in _SLOW_CLOCKS:
        return None
    text = (
        f"the kernel reads time from {source}, which takes about a microsecond: calls of a few microseconds look longer"
    )
    return Note("slow-clock", text, now="see `dmesg | grep -i tsc` for why the kernel does not trust the TSC")


def _memory(it: _Situation) -> Note | None:
    stalled, free, total = (it.number(f"memory.{name}") for name in ("stalled", "available", "total"))
    if stalled is not None and stalled >= _STALL_PERCENT:
        text = (
            f"tasks waited for memory in {stalled:.0f} % of the last 10 s: trials may contain page reclaim or swapping"
        )
    elif free is not None and total and free / total < _LEAST_FREE:
        text = f"only {units.quantity(free, 'B')} of memory are free: trials may contain page reclaim or swapping"
    else:
        return None
    return Note("memory-pressure", text, now="stop what uses the memory: ps -eo pid,rss,comm --sort=-rss | head")


def _faults(it: _Situation) -> Note | None:
    if it.usage is None or not it.usage.major_faults:
        return None
    text = f"{it.usage.major_faults} pages came from a disk while the trials ran: those trials contain the disk"
    return Note("page-faults", text, now="free memory, or warm up longer")


def _battery(it: _Situation) -> Note | None:
    if it.word("power.source") != "battery":
        return None
    return Note("battery", "the machine runs on its battery: clocks are lower and vary", now="plug it in")


def _foreign_gpu(it: _Situation) -> Note | None:
    count = it.number("gpu.others")
    if it.device == "cpu" or not count:
        return None
    text = (
        f"{count:.0f} other process(es) use this GPU: {it.word('gpu.other_names')}; "
        "latencies and memory would contain their work"
    )
    return Note(
        "foreign-gpu-process", text, now="wait for them or choose another GPU (--device cuda:1); see `nvidia-smi`"
    )


def _gpu_slowdown(it: _Situation) -> Note | None:
    reasons = it.word("gpu.slowdown")
    if it.device == "cpu" or reasons in {"", "none"}:
        return None
    text = f"the GPU lowers its clock ({reasons}): latencies are longer than at the clock that it could reach"
    if reasons == "power cap":
        return Note("gpu-slowdown", text, Severity.INFO, "see `nvidia-smi -q -d PERFORMANCE,POWER`")
    return Note("gpu-slowdown", text, now="improve the cooling or the power supply; see `nvidia-smi -q -d PERFORMANCE`")


def _gpu_unwatched(it: _Situation) -> Note | None:
    if it.device == "cpu" or it.number("gpu.others") is not None:
        return None
    text = "the driver does not tell which processes use this GPU: a neighbour would go unnoticed"
    return Note("gpu-unwatched", text, now="`stopwatt doctor --device cuda` says why")


def _changed(it: _Situation) -> Note | None:
    shared = it.before.keys() & it.after.keys()
    differences = list(
        identity_differences(*({name: facts[name] for name in shared} for facts in (it.before, it.after)))
    )
    if not differences:
        return None
    text = f"the machine changed while the round ran ({'; '.join(differences)}): its trials do not belong together"
    return Note("environment-changed", text, now="measure again, and leave the machine's settings alone meanwhile")


_RULES: tuple[_Rule, ...] = (
    _cpu_quota, _foreign_gpu, _throttled, _threads, _load, _foreign_cpu, _steal, _thermal, _governor,
    _clock_source, _memory, _faults, _battery, _gpu_slowdown, _gpu_unwatched, _changed,
)  # fmt: skip
