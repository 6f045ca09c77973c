"""`stopwatt data`: data sets that need no download."""

import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stopwatt.errors import UsageError

SCHEMA = 1
"""Version of what `--json` prints."""

data = App(
    name="data",
    help="Draw data sets to run models on: images with annotations in COCO's format.",
    help_epilogue="First try: stopwatt data shapes shapes --images 100 --size 640x360",
)


@data.command
def shapes(
    out: Path,
    /,
    *,
    images: int = 2000,
    size: str = "1920x1080",
    seed: int = 0,
    val: float = 0.1,
    threads: int = 0,
    force: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Draw scenes of overlapping shapes with texture and noise: JPEG files, and their boxes in COCO's format.

    Equal seeds give equal files, byte by byte, with the same versions of Pillow and numpy.

    Three examples:

        stopwatt data shapes shapes --images 100 --size 640x360

        stopwatt data shapes tiny --images 1000 --size 64x64 --val 0

        stopwatt data shapes again --images 20 --size 320x180 --seed 7 --json

    Args:
        out: The folder to make: images/, annotations.json, and its two parts train.json and val.json.
        images: How many.
        size: WIDTHxHEIGHT of each, in pixels.
        seed: Fixes everything in them.
        val: Share of the images that is kept for val.json.
        threads: Images drawn at once; 0 for one on each core that may be used.
        force: Write into a folder that is not empty; files of the same names are replaced.
        json: Print what was drawn as JSON.

    """
    from stopwatt.bulk.shapes import ShapesAsked, write_shapes
    from stopwatt.measuring.load import usable_cores
    from stopwatt.units import quantity

    width, height = _size(size)
    asked = ShapesAsked(images, width, height, seed, val)
    if threads < 0:
        raise UsageError(f"--threads {threads} is below 0", now="use 0 for all cores, or a number of threads")
    with _progress(images) as tell:
        written = write_shapes(out, asked, threads or len(usable_cores()), tell, overwrite=force)
    if json:
        print(json_format.dumps({"schema": SCHEMA, **asdict(asked), **asdict(written), "folder": str(out)}))
        return
    parts = f"{written.train} for training, {written.val} for validation"
    print(f"{out}: {images} images ({parts}), {written.shapes} shapes, {quantity(written.size, 'B')}")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"cannot read {text!r} as a size", now="write WIDTHxHEIGHT, such as 640x360")
    return int(width), int(height)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, which leaves nothing behind; silence elsewhere."""
    from rich.progress import Progress

    from stopwatt.reporting.console import console_for

    console = console_for(sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("drawing", total=total)
        yield lambda done: progress.update(task, completed=done)
