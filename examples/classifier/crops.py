"""Draw what the classifier learns: single shapes cut out of the scenes of `stopwatt data shapes`, a folder a class.

    python examples/classifier/crops.py crops

makes `crops/train/disc/00012-3.png` and so on, and `crops/val/...` from other scenes. Equal seeds give equal files.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stopwatt.bulk.scene import KINDS, Shape, scene

WIDTH, HEIGHT = 400, 300
MARGIN = 0.15
"""What is shown around a shape, as a share of its longer side."""


def main() -> None:
    """Draw both parts."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--scenes", type=int, default=1200, help="with about six shapes each")
    options.add_argument("--val", type=float, default=0.2, help="share of the scenes that training never sees")
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    kept = round(asked.scenes * asked.val)
    for part, numbers in (("val", range(kept)), ("train", range(kept, asked.scenes))):
        count = sum(saved(asked.folder / part, asked.seed, number) for number in numbers)
        print(f"{asked.folder / part}: {count} crops", flush=True)


def saved(folder: Path, seed: int, number: int) -> int:
    """Write the crops of one scene; how many."""
    count = 0
    for count, (kind, pixels) in enumerate(crops(seed, number), 1):
        place = folder / KINDS[kind]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:05}-{count}.png")
    return count


def crops(seed: int, number: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Class and pixels, uint8 [side, side, 3], of each shape in a scene that does not reach over the border."""
    drawn = scene(WIDTH, HEIGHT, (seed, number))
    for one in drawn.shapes:
        rows, columns = _square(one)
        if rows.start >= 0 and columns.start >= 0 and rows.stop <= HEIGHT and columns.stop <= WIDTH:
            yield one.kind, np.ascontiguousarray(drawn.pixels[rows, columns])


def _square(one: Shape) -> tuple[slice, slice]:
    side = round((1 + 2 * MARGIN) * max(one.width, one.height))
    top, left = one.y + (one.height - side) // 2, one.x + (one.width - side) // 2
    return slice(top, top + side), slice(left, left + side)


if __name__ == "__main__":
    main()
