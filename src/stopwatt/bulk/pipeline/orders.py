"""What the coordinator and a decoder say to each other, over one `multiprocessing` connection.

    coordinator -> Begin, once; then lists of `Order`, as many and as often as it likes
    decoder     -> lists of `Decoded`, one for every order, in the order of the orders

A list of answers comes when there is nothing more to do, or some times a second: answers neither wait for slow
images behind them nor cost a message each where images are tiny. So they may be of several lists of orders, or of a
part of one. A slot is the decoder's from the order to the answer. When the connection is closed, or the coordinator
dies, the decoder ends.

The messages are pickles: both ends are processes of one run and of one version, and nobody else reaches the socket.
"""

from dataclasses import dataclass
from typing import NamedTuple

from stopwatt.images.item import Failed, Item
from stopwatt.serving.contract import Placement, Preprocess


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message.

    Attributes:
        parent: Process whose end is the decoder's.
        slots: `Slots.name`.
        preprocess: What the model takes.
    """

    parent: int
    slots: str
    preprocess: Preprocess


class Order(NamedTuple):
    """Decode this image into this slot. A tuple, since there are 10^5 of them.

    Attributes:
        number: Of the item; comes back with the answer.
        slot: Which the decoder alone touches until it answers.
        path: Of the file.
        frame: Place in a video; `None` for a file of one image.
    """

    number: int
    slot: int
    path: str
    frame: int | None = None


class Decoded(NamedTuple):
    """What became of an order; exactly one of `placement` and `failed` is there.

    Attributes:
        number, slot: As ordered.
        placement: Where the image lies in its slot.
        failed: Why there is nothing; the slot then holds anything.
        read_s: Seconds until the content was in memory; 0 for a frame, which is read while it is decoded.
        decode_s: Seconds from there until the image was in its slot.
    """

    number: int
    slot: int
    placement: Placement | None
    failed: Failed | None
    read_s: float
    decode_s: float


def order_of(item: Item, slot: int) -> Order:
    """The order to put an item into a slot."""
    return Order(item.number, slot, item.path, item.frame)
