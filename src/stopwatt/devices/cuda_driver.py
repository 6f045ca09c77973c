"""What NVIDIA's driver says of a GPU without making a context on it, for processes that do not compute there."""

import ctypes
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LIBRARY = "libcuda.so.1"
_L2_CACHE_SIZE = 38
"""`CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE` (cuda.h)."""


@cache
def l2_bytes(index: int = 0) -> int:
    """Size of the level 2 cache of a GPU; 0 where the driver does not say.

    Args:
        index: As CUDA counts the GPUs that are visible here.
    """
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError:
        return 0
    gpu, size = ctypes.c_int(), ctypes.c_int()
    steps: tuple[Callable[[], int], ...] = (
        lambda: driver.cuInit(0),
        lambda: driver.cuDeviceGet(ctypes.byref(gpu), index),
        lambda: driver.cuDeviceGetAttribute(ctypes.byref(size), _L2_CACHE_SIZE, gpu),
    )
    return size.value if all(step() == 0 for step in steps) else 0
