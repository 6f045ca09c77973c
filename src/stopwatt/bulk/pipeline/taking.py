"""How a lane comes to the pixels of a group: decoders have put them into slots, or it reads and decodes for itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stopwatt.bulk.keeping.lines import line
from stopwatt.bulk.pipeline.groups import Row
from stopwatt.bulk.pipeline.orders import Order
from stopwatt.bulk.pipeline.serve import Pixels
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.bulk.records import Stage
from stopwatt.serving.contract import Placement, Preprocess


@dataclass(slots=True)
class Taken:
    """A group's images.

    Attributes:
        numbers, pixels, placements: Of those that have pixels.
        rows: Of the others.
        seconds: Of work by stage.
    """

    numbers: Sequence[int]
    pixels: Sequence[Pixels]
    placements: Sequence[Placement]
    rows: list[Row] = field(default_factory=list)
    seconds: dict[Stage, float] = field(default_factory=dict)


class Taker(Protocol):
    """Who takes the images of a group.

    Attributes:
        ahead: Groups of which pixels may be needed at the same time.
    """

    ahead: int

    def take(self, images: Sequence[Any]) -> Taken:
        """The images of `Group.images`."""
        ...


class FromSlots:
    """Images that decoders have put into slots; they stay there until the group is answered."""

    ahead = 2

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    def take(self, images: Sequence[tuple[int, int, Placement]]) -> Taken:
        """Where they are."""
        numbers = [number for number, _, _ in images]
        return Taken(numbers, [self._slots.pixels(slot) for _, slot, _ in images], [one for _, _, one in images])


class FromFiles:
    """Images that are read and decoded here and now, into memory for one group."""

    ahead = 1

    def __init__(self, preprocess: Preprocess, batch: int) -> None:
        from stopwatt.bulk.pipeline.decoder import Decoder

        self._slots = Slots.create(batch, preprocess.height, preprocess.width)
        self._decoder = Decoder(preprocess, self._slots)

    def take(self, images: Sequence[Order]) -> Taken:
        """Decode them."""
        answers = [self._decoder.decode(order._replace(slot=place)) for place, order in enumerate(images)]
        good = [(one.number, one.slot, one.placement) for one in answers if one.placement is not None]
        taken = FromSlots(self._slots).take(good)
        taken.rows = [(one.number, True, line(one.number, None, one.failed)) for one in answers if one.failed]
        taken.seconds = {
            Stage.READ: sum(one.read_s for one in answers),
            Stage.DECODE: sum(one.decode_s for one in answers),
        }
        return taken
