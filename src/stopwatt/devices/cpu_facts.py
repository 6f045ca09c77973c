"""Facts of the processor: what it is, how much of it this process may use, and what sets its clock."""

from collections.abc import Iterator

from stopwatt.devices import cgroup
from stopwatt.devices.fact import Fact, Machine, Role
from stopwatt.devices.host import Host, cpu_list, fields
from stopwatt.records import Scalar, Unavailable

_SYS = "sys/devices/system/cpu"
_ISA = (
    "avx", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_bf16", "amx_int8", "amx_fp16",
    "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2",
)  # fmt: skip
_ARM_NAMES = ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision")


def allowed_cpus(host: Host) -> frozenset[int]:
    """Numbers of the CPUs that this process may run on (affinity and cpuset); empty where they cannot be read."""
    return cpu_list(fields(host.text("proc/self/status"), ":").get("Cpus_allowed_list", ""))


def _model(machine: Machine) -> Scalar | Unavailable:
    named = next((cpu["model name"] for cpu in machine.cpus if "model name" in cpu), "")
    if named or not machine.host.is_this_machine:
        return named or Unavailable("/proc/cpuinfo names no model")
    import cpuinfo  # takes a second, so only where the quick way found nothing (most Arm machines)

    return str(cpuinfo.get_cpu_info().get("brand_raw", "")) or Unavailable("neither /proc/cpuinfo nor CPUID names it")


def _stepping(machine: Machine) -> Scalar | Unavailable:
    cpu = machine.cpus[0] if machine.cpus else {}
    names = ("vendor_id", "cpu family", "model", "stepping") if "vendor_id" in cpu else _ARM_NAMES
    parts = [cpu[name] for name in names if name in cpu]
    return " ".join(parts) if parts else Unavailable("/proc/cpuinfo does not say")


def _flags(machine: Machine) -> frozenset[str]:
    cpu = machine.cpus[0] if machine.cpus else {}
    return frozenset((cpu.get("flags") or cpu.get("Features") or "").split())


def _isa(machine: Machine) -> Scalar | Unavailable:
    flags = _flags(machine)
    if not flags:
        return Unavailable("/proc/cpuinfo lists no instruction sets")
    return " ".join(name for name in _ISA if name in flags) or "none of those that matter"


def _logical(machine: Machine) -> Scalar | Unavailable:
    return len(machine.cpus) or Unavailable("/proc/cpuinfo lists no CPU")


def _physical(machine: Machine) -> Scalar | Unavailable:
    """Cores with a core number of their own; from /sys where /proc/cpuinfo has no topology (Arm)."""
    cores = {(cpu["physical id"], cpu["core id"]) for cpu in machine.cpus if {"physical id", "core id"} <= cpu.keys()}
    if cores:
        return len(cores)
    groups = (machine.host.text(f"{_SYS}/cpu{cpu['processor']}/topology/thread_siblings_list") for cpu in machine.cpus)
    return len({group for group in groups if group}) or Unavailable("the kernel does not tell the topology")


def _allowed(machine: Machine) -> Scalar | Unavailable:
    return len(allowed_cpus(machine.host)) or Unavailable("/proc/self/status does not tell the affinity")


def _quota(machine: Machine) -> Scalar | Unavailable:
    quota = cgroup.cpu_quota(machine.host)
    return Unavailable("no control group sets one") if quota is None else quota


def _of_each_allowed(machine: Machine, name: str) -> Iterator[str]:
    for number in sorted(allowed_cpus(machine.host)):
        text = machine.host.text(f"{_SYS}/cpu{number}/cpufreq/{name}")
        if text:
            yield text


def _common(machine: Machine, name: str) -> Scalar | Unavailable:
    values = sorted(set(_of_each_allowed(machine, name)))
    return ", ".join(values) or Unavailable("no cpufreq here: firmware or the hypervisor sets the clock")


def _governor(machine: Machine) -> Scalar | Unavailable:
    return _common(machine, "scaling_governor")


def _scaling_driver(machine: Machine) -> Scalar | Unavailable:
    return _common(machine, "scaling_driver")


def _preference(machine: Machine) -> Scalar | Unavailable:
    return _common(machine, "energy_performance_preference")


def _max_clock(machine: Machine) -> Scalar | Unavailable:
    clocks = [int(text) / 1000 for text in _of_each_allowed(machine, "cpuinfo_max_freq")]
    return max(clocks) if clocks else Unavailable("no cpufreq here: firmware or the hypervisor sets the clock")


def _turbo(machine: Machine) -> Scalar | Unavailable:
    no_turbo = machine.host.number(f"{_SYS}/intel_pstate/no_turbo")
    if no_turbo is not None:
        return no_turbo == 0
    boost = machine.host.number(f"{_SYS}/cpufreq/boost")
    return Unavailable("the kernel does not tell") if boost is None else boost == 1


def _smt(machine: Machine) -> Scalar | Unavailable:
    active = machine.host.number(f"{_SYS}/smt/active")
    return Unavailable("the kernel does not tell") if active is None else active == 1


def _virtual(machine: Machine) -> Scalar | Unavailable:
    flags = _flags(machine)
    if "hypervisor" in flags or machine.host.exists("sys/hypervisor/type"):
        return True
    product = machine.host.text("sys/class/dmi/id/product_name")
    if product is None and not flags:
        return Unavailable("neither CPU flags nor firmware tell")
    return any(word in (product or "") for word in ("KVM", "Virtual", "VMware", "QEMU", "HVM domU"))


def _clock_source(machine: Machine) -> Scalar | Unavailable:
    source = machine.host.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
    return source or Unavailable("the kernel does not tell")


def _numa(machine: Machine) -> Scalar | Unavailable:
    online = machine.host.text("sys/devices/system/node/online")
    return len(cpu_list(online)) if online else Unavailable("the kernel does not tell")


def sensors(host: Host) -> Iterator[str]:
    """Files with the temperature of the CPU in 0.001 °C."""
    for chip in host.children("sys/class/hwmon"):
        if host.text(f"sys/class/hwmon/{chip}/name") in {"coretemp", "k10temp", "zenpower"}:
            yield f"sys/class/hwmon/{chip}/temp1_input"
    for zone in host.children("sys/class/thermal"):
        if host.text(f"sys/class/thermal/{zone}/type") in {"x86_pkg_temp", "cpu-thermal", "cpu_thermal"}:
            yield f"sys/class/thermal/{zone}/temp"


def _temperature(machine: Machine) -> Scalar | Unavailable:
    for sensor in sensors(machine.host):
        millidegrees = machine.host.number(sensor)
        if millidegrees is not None:
            return millidegrees / 1000
    return Unavailable("no sensor of the CPU is visible")


def _thermal_throttles(machine: Machine) -> Scalar | Unavailable:
    """Throttling events since boot: of each package once, for its CPUs repeat the counter; so the largest."""
    counts = [
        machine.host.number(f"{_SYS}/cpu{number}/thermal_throttle/package_throttle_count")
        for number in allowed_cpus(machine.host)
    ]
    known = [count for count in counts if count is not None]
    return max(known) if known else Unavailable("the CPU does not count them")


def _load(machine: Machine) -> Scalar | Unavailable:
    words = (machine.host.text("proc/loadavg") or "").split()
    return float(words[0]) if words else Unavailable("/proc/loadavg cannot be read")


CPU_FACTS: tuple[Fact, ...] = (
    Fact("cpu.model", "CPU", str, "", Role.IDENTITY, _model),
    Fact("cpu.stepping", "CPU vendor, family, model, stepping", str, "", Role.IDENTITY, _stepping),
    Fact("cpu.isa", "vector instructions", str, "", Role.IDENTITY, _isa),
    Fact("cpu.logical", "logical cores", int, "", Role.IDENTITY, _logical),
    Fact("cpu.physical", "physical cores", int, "", Role.IDENTITY, _physical),
    Fact("cpu.allowed", "cores this process may use", int, "", Role.IDENTITY, _allowed),
    Fact("cpu.quota", "CPU quota (cores)", float, "", Role.IDENTITY, _quota),
    Fact("cpu.numa_nodes", "NUMA nodes", int, "", Role.IDENTITY, _numa),
    Fact("cpu.smt", "SMT", bool, "", Role.IDENTITY, _smt),
    Fact("cpu.virtual", "virtual machine", bool, "", Role.IDENTITY, _virtual),
    Fact("cpu.governor", "governor", str, "", Role.IDENTITY, _governor),
    Fact("cpu.scaling_driver", "clock driver", str, "", Role.CONTEXT, _scaling_driver),
    Fact("cpu.preference", "energy preference", str, "", Role.IDENTITY, _preference),
    Fact("cpu.turbo", "turbo", bool, "", Role.IDENTITY, _turbo),
    Fact("cpu.max_clock", "highest clock", float, "MHz", Role.CONTEXT, _max_clock),
    Fact("cpu.clock_source", "clock source", str, "", Role.CONTEXT, _clock_source),
    Fact("cpu.temperature", "CPU temperature", float, "°C", Role.CONTEXT, _temperature),
    Fact("cpu.thermal_throttles", "thermal throttling since boot", int, "", Role.CONTEXT, _thermal_throttles),
    Fact("cpu.load", "load average, 1 min", float, "", Role.CONTEXT, _load),
)
