"""A process that reads and decodes images: orders in, pixels into slots, answers out (`orders` has the words).

python -m stopwatt.bulk.pipeline.decoder <descriptor>    # as the coordinator starts it: of its end of the connection
"""

import ctypes
import os
import select
import sys
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from time import perf_counter

from stopwatt.bulk.pipeline.orders import Begin, Decoded, Order
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.images.decoding import prepared, read
from stopwatt.images.item import Failed, Pixels
from stopwatt.images.video import Video, open_video
from stopwatt.measuring import process
from stopwatt.serving.contract import Preprocess
from stopwatt.serving.pixels import fitted

_SEND_EVERY_S = 0.05
"""Each message costs the coordinator a part of a core; images that are ready wait in the queue in any case."""
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 2**20
"""Freed memory that stays with the process, and is asked for again by the next image."""


def main() -> None:
    """Serve until the coordinator closes the connection."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)
    process.show_crashes()
    process.ignore_interrupts()
    process.be_first_victim()
    warnings.simplefilter("ignore")  # of Pillow, about images
    keep_memory()
    with Connection(descriptor) as connection, suppress(EOFError, ConnectionResetError, BrokenPipeError):
        begin: Begin = connection.recv()
        process.die_with(begin.parent)
        serve(connection, Decoder(begin.preprocess, Slots.attach(begin.slots)))


def keep_memory() -> None:
    """Have the C library keep the memory of one image for the next.

    glibc gives a freed picture of some megabytes back to the kernel, which clears and maps its pages anew for the next
    one: up to a thousand page faults an image, by how the heap happens to lie (`mallopt(3)`). Other C libraries stay
    as they are.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_TRIM_THRESHOLD, 2 * _KEPT_BYTES)


def serve(connection: Connection, decoder: "Decoder") -> None:
    """Answer orders.

    Raises:
        EOFError: The other end was closed.
        ConnectionResetError, BrokenPipeError: The other end died.
    """
    more = select.poll()
    more.register(connection, select.POLLIN)
    bundle: list[Decoded] = []
    due = 0.0
    while True:
        if bundle and not more.poll(0):
            connection.send(bundle)
            bundle = []
        orders: list[Order] = connection.recv()
        for order in orders:
            due = due if bundle else perf_counter() + _SEND_EVERY_S
            bundle.append(decoder.decode(order))
            if perf_counter() >= due:
                connection.send(bundle)
                bundle = []


class Decoder:
    """Puts images into slots.

    Args:
        preprocess: What the model takes.
        slots: Of that size.
    """

    def __init__(self, preprocess: Preprocess, slots: Slots) -> None:
        self._preprocess = preprocess
        self._slots = slots
        self._video: Video | None = None

    def decode(self, order: Order) -> Decoded:
        """Carry out an order. Whatever is wrong with the image is in the answer."""
        start = middle = perf_counter()
        if order.frame is None:
            content = read(order.path)
            middle = perf_counter()
            result = content if isinstance(content, Failed) else prepared(content, self._preprocess)
        else:
            image = self._frame(order.path, order.frame)
            result = image if isinstance(image, Failed) else fitted(image, self._preprocess)
        if isinstance(result, Failed):
            return Decoded(order.number, order.slot, None, result, middle - start, perf_counter() - middle)
        pixels, placement = result
        self._slots.pixels(order.slot)[:] = pixels
        return Decoded(order.number, order.slot, placement, None, middle - start, perf_counter() - middle)

    def _frame(self, path: str, number: int) -> Pixels | Failed:
        if self._video is None or self._video.path != path:
            if self._video is not None:
                self._video.close()
                self._video = None
            video = open_video(path)
            if isinstance(video, Failed):
                return video
            self._video = video
        return self._video.frame(number)


if __name__ == "__main__":
    main()
