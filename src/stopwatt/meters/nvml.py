"""NVIDIA GPUs through NVML: energy counter, power, clocks and what lowers them, temperature, load, memory, neighbours.

NVML API reference (docs.nvidia.com/deploy/nvml-api). What a GPU cannot say is found out by asking it once, not by its
name. All energy is that of the whole board, its memory included.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stopwatt.devices import nvml as driver
from stopwatt.devices.host import Host
from stopwatt.devices.resolve import kind_of
from stopwatt.energy import About, Scope
from stopwatt.meters import neighbours
from stopwatt.meters.base import Gone, Instrument, Reading
from stopwatt.records import Unavailable

POLL_S = 0.01
"""To read the counter once took 4 ms on an H200, now and then 30 ms; it ticks every 20 to 100 ms."""
_MILLI = 1000
_FIELDS = {"power": "NVML_FI_DEV_POWER_AVERAGE", "power_instant": "NVML_FI_DEV_POWER_INSTANT"}
_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
"""Of `nvmlValue_t`, in the order of `nvmlValueType_t`."""
_LAST_WORDS = ("GPU_IS_LOST", "UNINITIALIZED", "DRIVER_NOT_LOADED", "RESET_REQUIRED", "NOT_FOUND")
"""Errors after which a GPU says nothing more."""

_PARTLY = "its instant power may see a part of the time only (25 ms of every 100 ms on A100 and H100)"
_USAGE = (
    "its power is that of nvmlDeviceGetPowerUsage: the mean of the last second on most GPUs since Ampere, that of a "
    "moment on others"
)
_ORDER = (
    "CUDA may number different GPUs otherwise than the driver: set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name a UUID in "
    "CUDA_VISIBLE_DEVICES"
)
_MIG = "the GPU is in MIG mode: its counter is that of the whole board, whoever uses it"

Query = Callable[[], float]


class Gpu:
    """One board.

    Args:
        nvml: The module `pynvml`, initialised.
        about: What is known of it.
        joules: Reads its counter; `None` where it has none.
        queries: Channel -> what reads it.
        processes: Numbers of the compute processes on it; `None` where the driver does not tell.
        ours: Tells ours from others.
    """

    def __init__(
        self,
        nvml: Any,
        about: About,
        *,
        joules: Query | None,
        queries: Mapping[str, Query],
        processes: Callable[[], list[int]] | None,
        ours: neighbours.Neighbours,
    ) -> None:
        self.about = about
        self._nvml = nvml
        self._joules = joules
        self._queries = queries
        self._processes = processes
        self._ours = ours

    def follow(self, pid: int) -> None:
        """This process is measured from now on, with its descendants."""
        self._ours.follow(pid)

    def count(self) -> float | None:
        """Joules since the driver was loaded; `None` without a counter, or where it cannot be read now.

        Raises:
            Gone: The GPU is lost.
        """
        return None if self._joules is None else self._ask(self._joules)

    def state(self) -> Reading:
        """All but the counter.

        Raises:
            Gone: The GPU is lost.
        """
        found = {name: self._ask(query) for name, query in self._queries.items()}
        there = None if self._processes is None else self._ask(self._processes)
        found["others"] = None if there is None else self._ours.others(there)
        return {name: value for name, value in found.items() if value is not None}

    def close(self) -> None:
        """The library ends with the process; other GPUs may still be read."""

    def _ask(self, query: Callable[[], Any]) -> Any:
        try:
            return query()
        except self._nvml.NVMLError as error:
            last = (getattr(self._nvml, f"NVML_ERROR_{name}", None) for name in _LAST_WORDS)
            if getattr(error, "value", None) in set(last) - {None}:
                raise Gone(f"NVML: {error}") from None
            return None


class Nvml:
    """Finds the GPUs.

    Args:
        module: What to use as `pynvml`; by default the one that is installed, if it is NVIDIA's.
        host: The machine; by default the one that we run on.
    """

    name = "nvml"
    scopes = (Scope.GPU,)
    verified = True

    def __init__(self, module: Any = None, host: Host | None = None) -> None:
        self._module = module
        self._host = host or Host()

    def find(self, device: str = "") -> tuple[Instrument, ...] | Unavailable:
        """One instrument for each GPU, or that of the device."""
        if device and kind_of(device) != "cuda":
            return ()
        why = "" if self._module else _why_none()
        if why:
            return Unavailable(why)
        nvml = self._module or _library()
        try:
            nvml.nvmlInit()
            handles = _boards(nvml, device, self._host)
            return tuple(_gpu(nvml, handle, self._host) for handle in handles) or Unavailable("the driver has no GPU")
        except (nvml.NVMLError, driver.Unreadable) as error:
            return Unavailable(f"NVML: {error}")


def _why_none() -> str:
    """Why the library must not be used; empty if it may."""
    return driver.unofficial_module() if driver.driver_is_present() else "no NVIDIA driver is loaded on this machine"


def _library() -> Any:
    import pynvml

    return pynvml


def _boards(nvml: Any, device: str, host: Host) -> list[Any]:
    """Handles of all GPUs, or of CUDA's device; of the board for a part of it."""
    if not device:
        return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    selector = driver.selector_of(int(device.partition(":")[2] or 0), host.env)
    handle = driver.handle_of(nvml, selector)
    return [nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle) if selector.startswith("MIG-") else handle]


def _gpu(nvml: Any, handle: Any, host: Host) -> Gpu:
    """Ask a GPU everything once; what it does not answer is not asked again."""

    def joules() -> float:
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / _MILLI

    def processes() -> list[int]:
        return [int(one.pid) for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]

    queries = {name: query for name, query in _queries(nvml, handle) if not _refusal(nvml, query)}
    averaged = "usage" not in queries or "power" in queries
    usage = queries.pop("usage", None)
    if usage is not None:
        queries.setdefault("power", usage)
    no_counter, no_list = _refusal(nvml, joules), _refusal(nvml, processes)
    match = neighbours.numbers_match(host)
    quirks = (
        (_PARTLY, "power_instant" in queries),
        (_USAGE, not averaged),
        (f"it has no energy counter: {no_counter}", bool(no_counter)),
        (f"the driver does not tell who uses it: {no_list}", bool(no_list)),
        (neighbours.QUIRK, not match and not no_list),
        (_ORDER, _may_be_another(nvml, host)),
    )
    about = About(
        f"gpu-{nvml.nvmlDeviceGetIndex(handle)}",
        Scope.GPU,
        "NVML",
        str(nvml.nvmlDeviceGetUUID(handle)),
        poll_s=POLL_S,
        quirks=tuple(text for text, holds in quirks if holds),
        refused=_MIG if _is_divided(nvml, handle) else "",
    )
    there = [] if no_list else processes()
    return Gpu(
        nvml,
        about,
        joules=None if no_counter else joules,
        queries=queries,
        processes=None if no_list else processes,
        ours=neighbours.Neighbours(host, there, own=os.getppid(), match=match),
    )


def _queries(nvml: Any, handle: Any) -> Iterator[tuple[str, Query]]:
    """What a GPU may be able to say, in the units of `energy.CHANNELS`; `usage` is a power of uncertain meaning."""
    for name, constant in _FIELDS.items():
        if hasattr(nvml, constant):
            yield name, _field_query(nvml, handle, getattr(nvml, constant))
    yield "usage", lambda: nvml.nvmlDeviceGetPowerUsage(handle) / _MILLI
    yield "power_limit", lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / _MILLI
    yield "sm_clock", lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
    yield "memory_clock", lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM))
    yield "temperature", lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    yield "utilisation", lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    yield "memory_used", lambda: float(nvml.nvmlDeviceGetMemoryInfo(handle).used)
    yield "slowdown", lambda: float(nvml.nvmlDeviceGetCurrentClocksEventReasons(handle))


def _field_query(nvml: Any, handle: Any, field: int) -> Query:
    return lambda: _field(nvml, handle, field) / _MILLI


def _field(nvml: Any, handle: Any, field: int) -> float:
    """A field value; one that failed says so inside, not by raising."""
    (answer,) = nvml.nvmlDeviceGetFieldValues(handle, [field])
    if answer.nvmlReturn != nvml.NVML_SUCCESS:
        raise nvml.NVMLError(answer.nvmlReturn)
    value = float(getattr(answer.value, _MEMBERS[answer.valueType]))
    if not value:  # no board draws nothing
        raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)
    return value


def _refusal(nvml: Any, query: Callable[[], Any]) -> str:
    """What the driver says instead of an answer; empty if it answers."""
    try:
        query()
    except nvml.NVMLError as error:
        return f"NVML: {error}"
    return ""


def _is_divided(nvml: Any, handle: Any) -> bool:
    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0])
    except nvml.NVMLError:  # a GPU that cannot be divided
        return False


def _may_be_another(nvml: Any, host: Host) -> bool:
    """Whether CUDA, which counts the fastest GPU first, may count otherwise than the driver."""
    named = not host.env.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip().isdigit()
    if named or host.env.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return False
    handles = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount()))
    return len({nvml.nvmlDeviceGetName(handle) for handle in handles}) > 1
