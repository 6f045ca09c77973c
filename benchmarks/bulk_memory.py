"""Whether a bulk run needs more memory the longer it goes on: 20,000 images of 1920x1080."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from bulk_env.arms import Arm, command, draw, pack
from result import RESULTS, Page
from stopwatt.units import quantity

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "bulk"))

IMAGES, DIFFERENT, EARLY = 20_000, 200, 1_000
LIMIT = 200e6
"""Bytes of growth that are allowed."""
SHOWN = (1_000, 2_000, 5_000, 10_000, 15_000, 20_000)
EVERY_S = 0.5


def main(out: Path = RESULTS, images: int = IMAGES, early: int = EARLY) -> None:
    """Draw, run, watch, and write the page."""
    from resident import followed, growth

    with TemporaryDirectory() as name:
        folder = Path(name)
        photos = draw(folder / "shapes", DIFFERENT)
        repeat(photos, images)
        asked = command(Arm("run", pack(folder, "onnxruntime"), ("--no-ceilings",)), photos, folder / "out", images)
        process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen = followed(process, folder / "out" / "journal.jsonl", EVERY_S)
        assert process.returncode == 0, process.returncode
    write(out, seen, growth(seen, early), (images, early))


def repeat(photos: Path, images: int) -> None:
    """More names for the files that are there."""
    files = sorted(photos.iterdir())
    for number in range(len(files), images):
        os.link(files[number % len(files)], photos / f"{number:06d}{files[0].suffix}")


def write(out: Path, seen: list[tuple[int, int]], growth: int, counts: tuple[int, int]) -> None:
    """The page."""
    images, early = counts
    page = Page(
        "bulk-memory", f"Memory of a run of {images:,} images", "python benchmarks/run.py bulk-memory"
    )  # fmt: skip
    met = "is met" if growth <= LIMIT else "is not met"
    page.sentences = [
        f"{images:,} images of 1920x1080 ({DIFFERENT} different files under {images:,} names), the detector of "
        "`examples/detector` packed for onnxruntime, the run's own defaults. Resident memory of all processes "
        f"together, pages that several share counted once, read every {quantity(EVERY_S, 's')} until the results "
        "are written.",
        f"From image {early:,} on, the most that was used is {growth / 1e6:.1f} MB more than what was used then; "
        f"{LIMIT / 1e6:g} MB are allowed. The target {met}.",
        "Other programs may have had a part of the cores meanwhile: the page says nothing about time. The last reading "
        "is of the main process alone, which writes the results when all others have ended.",
    ]
    ends = [(first, last) for first, last in pairwise((0, *SHOWN)) if first < images]
    parts = {last: [size for done, size in seen if first < done <= last] for first, last in ends}
    rows = [(f"{last:,}", str(len(part)), _most(part), _last(part)) for last, part in parts.items()]
    page.tables = [("Memory in use, MB", ("up to image", "readings", "most", "last"), rows)]
    page.data = {"seen": seen, "growth_bytes": growth, "met": growth <= LIMIT}
    page.write(out)


def _most(sizes: list[int]) -> str:
    return f"{max(sizes) / 1e6:.1f}" if sizes else "-"


def _last(sizes: list[int]) -> str:
    return f"{sizes[-1] / 1e6:.1f}" if sizes else "-"


if __name__ == "__main__":
    main()
