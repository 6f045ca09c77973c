"""The most that a device does through torch: matrix products of any size, and copies that no cache holds.

A model cannot be asked to do more than this, so what it does is shown as a share of it. Data sheets say more than any
program reaches, on clocks that are not those of this machine: no figure here comes from one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stopwatt.backends.torch_runner import configure, dtype_of
from stopwatt.devices.base import Device
from stopwatt.devices.resolve import device as find_device
from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.faults import out_of_memory, translate, write_down
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.throughput import run_windows
from stopwatt.records import Measured, Precision, Protocol, Samples, Status, Warmup

if TYPE_CHECKING:
    import torch

SOURCE = "ceilings"
"""What stands in the place of a workload in the cell of a ceiling."""
MATMUL, COPY = "matmul", "copy"
"""Series of a ceiling's measurement: operations a second and bytes a second, one value a window."""
MATMUL_SIZE, COPY_BYTES = "matmul_size", "copy_bytes"
"""Readings beside them: side of the matrices, and bytes that one copy moves."""

PRECISIONS = {
    "cpu": (Precision.FP32, Precision.FP16, Precision.BF16),
    "cuda": (Precision.FP32, Precision.TF32, Precision.FP16, Precision.BF16),
}
"""By kind of device. In int8 torch has no product that all devices offer."""

RULES = Protocol(
    rounds=1,
    trials=0,
    trial_seconds=None,
    min_trials=0,
    warmup=Warmup(min_calls=0, window_calls=0, window_seconds=0.0, window_cap_seconds=0.0, cap_seconds=0.0),
    input_sets=1,
    throughput_windows=7,
    throughput_seconds=0.1,
)
"""Seven windows of a tenth of a second, each, after the time that the device's clocks take to settle."""

SMALLEST_SIDE, LARGEST_SIDE, BUFFER = "smallest_side", "largest_side", "buffer"
"""Parameters: between which sides, doubling, the best product is looked for; and bytes of the buffer that is copied."""

_LONGEST_CALL = 2.5  # in windows: a window of few long calls is long
_PILOT_CALLS = 3


def measure_ceilings(job: Job, phases: Phases) -> Answer:
    """Measure matrix products and copies in the cell's precision, on its device, with its threads."""
    try:
        return _measure(job, phases)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (a broken torch may raise anything)
        write_down(error)
        status, trouble = translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds)


def _measure(job: Job, phases: Phases) -> Answer:
    setup, rules, params = job.cell.setup, job.cell.protocol, job.cell.workload.params
    with phases.phase("import"):
        device = find_device(setup.device)
        configure(setup)
    with phases.phase(MATMUL):
        dtype, sides = dtype_of(setup.precision), _doubling(int(params[SMALLEST_SIDE]), int(params[LARGEST_SIDE]))
        size = _best_size(device, dtype, sides, _LONGEST_CALL * rules.throughput_seconds)
        operations = _windows(device, _product(device, dtype, size), _operations(size), rules)
    with phases.phase(COPY):
        copy, moved = _copy(device, int(params[BUFFER]))
        bytes_a_second = _windows(device, copy, moved, rules)
    return Answer(
        Status.OK,
        samples={MATMUL: Samples(operations, "FLOP/s"), COPY: Samples(bytes_a_second, "B/s")},
        readings={MATMUL_SIZE: Measured(size, "1"), COPY_BYTES: Measured(moved, "B")},
        phases=phases.seconds,
        facts=device.facts(),
    )


def _doubling(low: int, high: int) -> list[int]:
    sides = [low]
    while 2 * sides[-1] <= high:
        sides.append(2 * sides[-1])
    return sides


def _best_size(device: Device, dtype: "torch.dtype", sides: Sequence[int], longest_s: float) -> int:
    """Side of the square matrices whose product is the quickest for its size, among those that do not take too long."""
    rates: dict[int, float] = {}
    for size in sides:
        try:
            seconds = _seconds(device, _product(device, dtype, size))
        except Exception as error:
            if out_of_memory(error) and rates:
                break
            raise
        if seconds > longest_s and rates:
            break
        rates[size] = _operations(size) / seconds
    return max(rates, key=lambda size: rates[size])


def _operations(size: int) -> int:
    return 2 * size**3


def _product(device: Device, dtype: "torch.dtype", size: int) -> Callable[[], object]:
    """Random values: products of zeros draw less power and may run faster."""
    import torch

    left, right = (torch.randn(size, size, device=device.name).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    return lambda: torch.mm(left, right, out=out)


def _copy(device: Device, size: int) -> tuple[Callable[[], object], int]:
    """A copy between buffers that no cache holds, and the bytes that it moves: each is read once and written once."""
    import torch

    source = torch.arange(size // 4, dtype=torch.float32, device=device.name)
    target = torch.empty_like(source)
    return lambda: target.copy_(source), 2 * source.numel() * source.element_size()


def _seconds(device: Device, call: Callable[[], object]) -> float:
    """Of the quickest of a few calls, each waited for."""
    call()
    device.synchronize()
    found = []
    for _ in range(_PILOT_CALLS):
        begin = now_ns()
        call()
        device.synchronize()
        found.append((now_ns() - begin) / 1e9)
    return min(found)


def _windows(device: Device, call: Callable[[], object], work: int, rules: Protocol) -> NDArray[np.float64]:
    """Work a second of each window."""
    settling = device.warmup_seconds if rules.warmup.min_seconds is None else rules.warmup.min_seconds
    end = now_ns() + round(settling * 1e9)
    while now_ns() < end:
        call()
        device.synchronize()
    windows, seconds = rules.throughput_windows, rules.throughput_seconds
    return run_windows(lambda _: call(), device.synchronize, [None], batch=work, windows=windows, seconds=seconds)
