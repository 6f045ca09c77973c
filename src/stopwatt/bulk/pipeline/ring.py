"""The memory between decoders and models: how many images it holds, and how many of its places a layout uses."""

from collections.abc import Callable
from dataclasses import replace

from stopwatt.bulk.pipeline.layout import spare_slots
from stopwatt.bulk.pipeline.room import memory_left
from stopwatt.bulk.pipeline.slots import Slots
from stopwatt.bulk.records import Layout
from stopwatt.errors import EnvironmentUnfit
from stopwatt.serving.contract import Preprocess
from stopwatt.units import quantity

_SHARE = 0.5
"""Of the memory that is left; the rest is for decoders, models, and the files that they read."""


class Ring:
    """Slots for a layout, and for larger ones; without a queue there are none.

    Args:
        lanes: How many models there are.

    Attributes:
        slots: `None` where there is no queue, or before `open`.
    """

    def __init__(self, lanes: Callable[[], int]) -> None:
        self._lanes = lanes
        self.slots: Slots | None = None

    @property
    def name(self) -> str:
        """As processes attach to it; empty where there is none."""
        return "" if self.slots is None else self.slots.name

    def __len__(self) -> int:
        return 0 if self.slots is None else len(self.slots)

    def open(self, layout: Layout, preprocess: Preprocess, *, may_grow: bool) -> Layout:
        """Claim the memory.

        Args:
            layout: With a queue.
            preprocess: What the model takes.
            may_grow: Whether the layout may become a larger one in mid-run.

        Returns:
            The layout, with a shorter queue where there is no memory for this one.

        Raises:
            EnvironmentUnfit: There is none for a batch.
        """
        most = self._most(layout, preprocess)
        others = self.used(layout) - max(layout.queue, layout.batch)
        layout = replace(layout, queue=max(1, min(layout.queue, most - others)))
        used = self.used(layout)
        count = max(used, spare_slots(used, image_bytes(preprocess))) if may_grow else used
        self.slots = Slots.create(min(count, most), preprocess.height, preprocess.width)
        return layout

    def used(self, layout: Layout) -> int:
        """Places for what waits, for what the lanes work on, and for what is being decoded."""
        return max(layout.queue, layout.batch) + layout.batch * self._lanes() + layout.decoders

    def longest(self, layout: Layout) -> int:
        """What the queue of a layout can become."""
        return 0 if self.slots is None else len(self.slots) - self.used(layout) + layout.queue

    def _most(self, layout: Layout, preprocess: Preprocess) -> int:
        """Slots that there is memory for, at least a batch."""
        left = memory_left()
        if left is None:
            return 1 << 30
        most = int(_SHARE * left) // image_bytes(preprocess)
        if most < layout.batch:
            images = f"{layout.batch} images of {preprocess.width}x{preprocess.height}"
            needed = quantity(layout.batch * image_bytes(preprocess), "B")
            raise EnvironmentUnfit(
                f"there is no memory for a batch of {layout.batch} images",
                when=f"{images} take {needed}; half of the {quantity(left, 'B')} that are left may be used",
                now="make --batch smaller, or end what else uses memory here",
            )
        return most

    def close(self) -> None:
        """Let nobody attach any more."""
        if self.slots is not None:
            self.slots.close()


def image_bytes(preprocess: Preprocess) -> int:
    """Of one image as the model takes it."""
    return preprocess.height * preprocess.width * 3
