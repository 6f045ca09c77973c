"""Memory that decoders fill with images and workers read, without a copy between them.

    the coordinator   Slots.create(...)   it alone knows which slot is free, being filled, or being read
    decoders, workers Slots.attach(name)  the name comes over their connection

The memory is an anonymous file (`memfd_create`), which others open through the coordinator's own descriptor. It has no
place in any file system, so there is nothing to remove: the kernel frees it with the last process that uses it,
whichever way these processes end.
"""

import mmap
import os
from typing import Self

import numpy as np

from stopwatt import units
from stopwatt.bulk.pipeline.room import memory_left
from stopwatt.errors import EnvironmentUnfit
from stopwatt.images.item import Pixels

_MOST = 0.75
"""Share of the memory that is left."""


class Slots:
    """Slots of shared memory, one image each. Use `create` or `attach`.

    Attributes:
        name: What `attach` takes, in processes that the creator's are visible to: its children.
        all: uint8 [slots, height, width, 3].
    """

    def __init__(self, descriptor: int, name: str, shape: tuple[int, int, int]) -> None:
        self._descriptor = descriptor
        self.name = name
        self._memory = mmap.mmap(descriptor, _bytes(shape))
        self.all: Pixels = np.frombuffer(self._memory, np.uint8).reshape(*shape, 3)

    @classmethod
    def create(cls, count: int, height: int, width: int) -> Self:
        """Memory for `count` images of one size; all of it is claimed now.

        Raises:
            EnvironmentUnfit: There is not enough memory.
        """
        shape = (count, height, width)
        left = memory_left()
        if left is not None and _bytes(shape) > _MOST * left:  # the kernel would end processes to find it
            raise _too_many(shape, f"{units.quantity(left, 'B')} are left, for models too")
        descriptor = os.memfd_create("stopwatt-slots", os.MFD_CLOEXEC)
        try:
            os.posix_fallocate(descriptor, 0, _bytes(shape))  # what is not claimed now would be a fatal signal later
            name = f"/proc/{os.getpid()}/fd/{descriptor}:{count}x{height}x{width}"
            return cls(descriptor, name, shape)
        except OSError as error:
            os.close(descriptor)
            raise _too_many(shape, str(error.strerror)) from error

    @classmethod
    def attach(cls, name: str) -> Self:
        """The slots of another process, which must be alive.

        Raises:
            OSError: It is not, or its slots are closed.
        """
        path, _, size = name.rpartition(":")
        count, height, width = (int(number) for number in size.split("x"))
        return cls(os.open(path, os.O_RDWR | os.O_CLOEXEC), name, (count, height, width))

    def __len__(self) -> int:
        return len(self.all)

    def pixels(self, slot: int) -> Pixels:
        """The image of a slot itself, uint8 [height, width, 3]: valid until the slot is given back."""
        image: Pixels = self.all[slot]
        return image

    def close(self) -> None:
        """Let nobody attach any more. The memory goes when the last array that shows it does."""
        os.close(self._descriptor)


def _bytes(shape: tuple[int, int, int]) -> int:
    count, height, width = shape
    return count * height * width * 3


def _too_many(shape: tuple[int, int, int], why: str) -> EnvironmentUnfit:
    count, height, width = shape
    return EnvironmentUnfit(
        f"there is no memory for a queue of {count} images: {why}",
        when=f"{count} images of {width}x{height} are {units.quantity(_bytes(shape), 'B')}",
        now="make --queue smaller",
    )
