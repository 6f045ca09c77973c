"""Zeus's own monitor on a replayed counter, in an environment that has Zeus and nothing of ours.

Standard input: a JSON list of `{"seconds": [...], "joules": [...], "windows": [[begin, end], ...]}`, a counter by its
ticks. Standard output: `{"version": ..., "joules": [[joules of each window], ...]}`.

NVML is answered by functions put in place of those of NVIDIA's own module, which Zeus calls; time is the replay's.
Everything between is Zeus: `ZeusMonitor.begin_window` and `end_window` read the counter at the very ends of a window.
"""

import bisect
import json
import sys
import warnings
from importlib.metadata import version

import pynvml


class Replay:
    """One GPU whose counter says what was recorded."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seconds: list[float] = []
        self.joules: list[float] = []

    def counter_mj(self, _handle: object) -> int:
        """The counter in millijoules, as of now."""
        return round(1e3 * self.joules[bisect.bisect_right(self.seconds, self.now) - 1])


def not_supported(*_arguments: object) -> None:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def install(replay: Replay) -> None:
    """Answer the calls that Zeus makes for a GPU of the Hopper generation."""
    pynvml.nvmlInit = lambda: None
    pynvml.nvmlShutdown = lambda: None
    pynvml.nvmlDeviceGetCount = lambda: 1
    pynvml.nvmlDeviceGetHandleByIndex = lambda index: index
    pynvml.nvmlDeviceGetName = lambda _handle: "replayed"
    pynvml.nvmlDeviceGetC2cModeInfoV = not_supported
    pynvml.nvmlDeviceGetArchitecture = lambda _handle: pynvml.NVML_DEVICE_ARCH_HOPPER
    pynvml.nvmlDeviceGetTotalEnergyConsumption = replay.counter_mj


def main() -> None:
    replay = Replay()
    install(replay)
    from zeus.monitor import energy

    energy.time = lambda: replay.now
    warnings.simplefilter("ignore")  # "measured as zero" is in the figures
    monitor = energy.ZeusMonitor(gpu_indices=[0], cpu_indices=[])
    answers = []
    for case in json.load(sys.stdin):
        replay.seconds, replay.joules = case["seconds"], case["joules"]
        answers.append([window(monitor, replay, *ends) for ends in case["windows"]])
    json.dump({"version": version("zeus"), "joules": answers}, sys.stdout)


def window(monitor: object, replay: Replay, begin: float, end: float) -> float:
    replay.now = begin
    monitor.begin_window("window", sync_execution=False)
    replay.now = end
    return monitor.end_window("window", sync_execution=False).gpu_energy[0]


if __name__ == "__main__":
    main()
