"""Random numbers that are the same every time, and leave the caller's own generators as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within the block `torch`, `numpy.random` and `random` start from `seed`; afterwards they go on as before."""
    import torch

    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  (user code may use the legacy generator)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002  (as above)
            random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002  (as above)


def ready(module: "torch.nn.Module") -> "torch.nn.Module":
    """The same module in evaluation mode, fp32, on the host, without gradients."""
    return module.eval().float().cpu().requires_grad_(requires_grad=False)


def keep_signal(module: "torch.nn.Module") -> None:
    """Draw the weights of convolutions so that activations neither vanish nor explode (He et al. 2015, fan-in).

    Untrained normalisation layers keep mean 0 and variance 1: without this a deep network multiplies its input by
    nearly 0, its answers become ties and subnormals, and neither its speed nor its deviation is that of a real one.
    """
    import torch

    for part in module.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight, mode="fan_in", nonlinearity="relu")
        elif isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(part.weight)
            torch.nn.init.zeros_(part.bias)
