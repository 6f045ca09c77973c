"""Images as a model takes them, read and fitted exactly as `stopwatt run` does it."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stopwatt.datasets.base import Sample, Takes, Unreadable
from stopwatt.errors import UsageError
from stopwatt.images.decoding import read
from stopwatt.images.item import Failed, Item
from stopwatt.images.items import Items
from stopwatt.images.pictures import image_of
from stopwatt.serving.contract import Placement
from stopwatt.serving.pixels import normalised


@dataclass(frozen=True, slots=True)
class Images:
    """Images of a folder, a list, annotations or a video.

    Attributes:
        described: What they are.
        items: In order.
        annotations: File that says what is in them; `None` where they do not come from one.
    """

    described: str
    items: Items
    annotations: Path | None = None

    def __len__(self) -> int:
        return len(self.items)

    def digest(self, numbers: Sequence[int]) -> str:
        """Of the files; of a video's frame the name and size of the video and the place in it."""
        total = hashlib.sha256()
        for number in numbers:
            total.update(hashlib.sha256(_content(self.items[number])).digest())
        return total.hexdigest()

    def sample(self, number: int, takes: Takes) -> Sample | Unreadable:
        """An image as bytes [height, width, 3] or normalised floats [3, height, width], as the contract has it.

        Raises:
            UsageError: The model does not say what images it takes.
        """
        found = self.placed(number, takes)
        return found if isinstance(found, Unreadable) else found[0]

    def placed(self, number: int, takes: Takes) -> tuple[Sample, Placement] | Unreadable:
        """The same, and where the image lies in what the model is given.

        Raises:
            UsageError: The model does not say what images it takes.
        """
        if takes.contract is None:
            raise UsageError(
                "the model does not say what images it takes",
                when=f"reading the {self.described}",
                now="say it in a file, --contract FILE, or return (module, inputs, Contract(...)) from the function "
                f"that builds it; or name arrays called {', '.join(takes.names)} (.npz, .safetensors, .parquet)",
            )
        preprocess = takes.contract.preprocess
        image = image_of(self.items[number], preprocess)
        if isinstance(image, Failed):
            return Unreadable(self.items[number].name, image.why)
        pixels, placement = image
        return (pixels if preprocess.inside else normalised(pixels[None], preprocess)[0],), placement


def _content(item: Item) -> bytes:
    if item.frame is not None:
        name = os.path.basename(item.path)  # noqa: PTH119  (as the items have it)
        return f"{name} {os.path.getsize(item.path)} {item.frame}".encode()  # noqa: PTH202  (as above)
    content = read(item.path)
    return content.why.encode() if isinstance(content, Failed) else content
