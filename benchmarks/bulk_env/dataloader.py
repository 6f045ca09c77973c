"""A model over a folder with PyTorch's DataLoader: `dataloader.py PACK IMAGES OUT LIMIT THREADS`."""

import sys
import time
from pathlib import Path
from typing import Any

import torch
from loops import BATCH, Detector, report, write
from torch.utils.data import DataLoader, Dataset

from stopwatt.images.decoding import prepared, read

WORKERS = 2
PREFETCH = 4
"""Batches of each worker that wait, as many as a bulk run lets wait."""


class Photos(Dataset[Any]):
    """Images as the model takes them."""

    def __init__(self, paths: list[Path], preprocess: Any) -> None:
        self._paths, self._preprocess = paths, preprocess

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        pixels, placement = prepared(read(str(self._paths[number])), self._preprocess)
        return number, torch.from_numpy(pixels), placement


def collated(rows: Any) -> Any:
    """A batch; its pixels go through shared memory."""
    numbers, pixels, placements = zip(*rows, strict=True)
    return numbers, torch.stack(pixels), placements


def main(pack: str, images: str, out: str, limit: str, threads: str) -> None:
    """Do it."""
    torch.set_num_threads(int(threads))
    detector = Detector(pack, int(threads))
    photos = Photos(sorted(Path(images).iterdir())[: int(limit)], detector.contract.preprocess)
    loader = DataLoader(
        photos, batch_size=BATCH, num_workers=WORKERS, prefetch_factor=PREFETCH, collate_fn=collated
    )  # fmt: skip
    results = {}
    began = time.monotonic()
    for numbers, pixels, placements in loader:
        results.update(detector(numbers, pixels.numpy(), placements))
    print(report(len(results), began, time.monotonic()))
    write(results, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
