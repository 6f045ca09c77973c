"""One NVIDIA GPU through torch.cuda.

host     --start(i)--call(i)--stop(i)--+------------- synchronize --->
stream        |event|###kernels###|event|
              '---- elapsed_ns[i] ----'
"""

from collections.abc import Callable
from typing import Any

from stopwatt.devices.facts import read_facts
from stopwatt.records import Measured, Reading, Scalar

_HIGHEST_CLOCK_HZ = 2.5e9
"""Above the boost clock of any GPU that torch supports (an H200 runs at 1.98 GHz)."""
_SIDE, _PRODUCTS = 8192, 64
"""Of the matrix that `exercise` multiplies by a vector, and how often: 128 MiB that no cache holds come from memory
each time. A product that is bound by memory keeps a board busy below its power cap, where a change of leakage would
turn into one of the clock (the same in bf16 on an H200: 546 W of 700, 0.16 % between two processes)."""


class CudaTimer:
    """Event pairs, all made before the first trial.

    They are recorded on the stream that is current when the timer is made: work that a backend puts on another
    stream is not between them (`measuring.devicetime` notices that the device goes on after the end event).

    Args:
        torch: The module.
        index: Number of the GPU.
        trials: Pairs to make.
    """

    def __init__(self, torch: Any, index: int, trials: int) -> None:
        with torch.cuda.device(index):
            self._stream = torch.cuda.current_stream(index)
            self._starts = [torch.cuda.Event(enable_timing=True) for _ in range(trials)]
            self._stops = [torch.cuda.Event(enable_timing=True) for _ in range(trials)]
            for event in (*self._starts, *self._stops):
                event.record(self._stream)  # the driver makes an event when it is first recorded
        self._stream.synchronize()

    def start(self, trial: int) -> None:
        """Record the start event of a trial."""
        self._starts[trial].record(self._stream)

    def stop(self, trial: int) -> None:
        """Record its end event."""
        self._stops[trial].record(self._stream)

    def has_begun(self, trial: int) -> bool:
        """Whether the device has reached the start event; does not wait."""
        return bool(self._starts[trial].query())

    def wait(self, trial: int) -> None:
        """Return when the device has reached the end event; other streams may still be at work."""
        self._stops[trial].synchronize()

    def elapsed_ns(self, trials: int) -> list[float]:
        """Nanoseconds between the events of the first `trials` trials; waits for them. Resolution about 0.5 us."""
        self._stream.synchronize()
        pairs = zip(self._starts[:trials], self._stops[:trials], strict=True)
        return [float(start.elapsed_time(stop)) * 1e6 for start, stop in pairs]


class Cuda:
    """One GPU, by the number that CUDA gives it. Making it creates the CUDA context.

    Args:
        index: Number of the GPU; `devices.resolve.device` checks that it exists.
    """

    kind = "cuda"
    warmup_seconds = 3.0

    def __init__(self, index: int) -> None:
        import torch

        self._torch: Any = torch
        self._index = index
        self.name = f"cuda:{index}"
        self._flush_buffer: Any = None

    def synchronize(self) -> None:
        """Return when all work on all streams of the GPU is done."""
        self._torch.cuda.synchronize(self._index)

    def timer(self, trials: int) -> CudaTimer:
        """Event pairs on the current stream."""
        return CudaTimer(self._torch, self._index, trials)

    def reset_peak_memory(self) -> None:
        """Start a new period of torch's allocator; what is allocated now counts from its beginning."""
        self.synchronize()
        self._torch.cuda.reset_peak_memory_stats(self._index)

    def peak_memory(self) -> Reading:
        """Bytes at the peak of torch's allocator, and all else that is in use on the GPU now.

        The first part is exact. The second holds the CUDA context, loaded kernels and the arenas of other runtimes,
        which keep their peak. So all runtimes are compared by the same number, that of a deployment. It is read from
        the GPU as a whole, because the driver does not tell the share of a process inside containers and MIG slices;
        another process on the GPU would be counted too, and makes the machine unfit (`devices.fitness`).
        """
        self.synchronize()
        free, total = self._torch.cuda.mem_get_info(self._index)
        outside = total - free - self._torch.cuda.memory_reserved(self._index)
        return Measured(float(self._torch.cuda.max_memory_allocated(self._index) + max(0, outside)), "B")

    def facts(self) -> dict[str, Scalar]:
        """The facts of host and GPU, and what torch says of the GPU and of its own settings."""
        properties = self._torch.cuda.get_device_properties(self._index)
        backends = self._torch.backends
        return {
            **read_facts(self.name, gpu_uuid=f"GPU-{properties.uuid}").values,
            "gpu.capability": f"{properties.major}.{properties.minor}",
            "gpu.multiprocessors": int(properties.multi_processor_count),
            "gpu.l2": int(properties.L2_cache_size),
            "torch.cuda": str(self._torch.version.cuda),
            "torch.cudnn": int(backends.cudnn.version() or 0),
            "torch.cudnn_benchmark": bool(backends.cudnn.benchmark),
            "torch.cudnn_deterministic": bool(backends.cudnn.deterministic),
        }

    def capture(self, work: Callable[[], object]) -> Callable[[], None]:
        """A CUDA graph of the work; its memory stays taken as long as what is returned is kept."""
        graph = self._torch.cuda.CUDAGraph()
        with self._torch.cuda.device(self._index), self._torch.cuda.graph(graph):
            work()
        replay: Callable[[], None] = graph.replay
        return replay

    def exercise(self) -> Callable[[], None]:
        """Products of one random matrix with one random vector, in half precision, on the current stream."""
        torch = self._torch
        dice = torch.Generator(device=self.name).manual_seed(0)
        matrix, vector = (
            torch.randn(_SIDE, columns, dtype=torch.float16, device=self.name, generator=dice) for columns in (_SIDE, 1)
        )
        result = torch.empty_like(vector)

        def work() -> None:
            for _ in range(_PRODUCTS):
                torch.mm(matrix, vector, out=result)  # `out` also keeps any automatic casting of the model away

        return work

    def flush_cache(self) -> None:
        """Fill the L2 cache with other data by writing twice its size; outside the timed region, for cold caches.

        The first call allocates the buffer: read `peak_memory` before.
        """
        if self._flush_buffer is None:
            size = 2 * self._torch.cuda.get_device_properties(self._index).L2_cache_size
            self._flush_buffer = self._torch.empty(size, dtype=self._torch.uint8, device=self.name)
        self._flush_buffer.zero_()

    def occupy(self, seconds: float) -> None:
        """Keep the current stream busy for about so long, so that the host can run ahead of the device.

        The kernel counts clock cycles; at a lower clock than the highest it only lasts longer.
        """
        with self._torch.cuda.device(self._index):
            self._torch.cuda._sleep(int(seconds * _HIGHEST_CLOCK_HZ))  # noqa: SLF001  (torch's own tests rely on it)
