"""What two loops over the same images have in common: the model, what its outputs mean, the file, the report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stopwatt.packing.opened import open_pack
from stopwatt.serving.coco import as_results
from stopwatt.serving.contract import Placement
from stopwatt.serving.decoding import decoded

BATCH = 8


class Detector:
    """A packed model, loaded and called once."""

    def __init__(self, pack: str, threads: int) -> None:
        opened = open_pack(pack)
        self._runner = opened.runner(BATCH, "cpu", threads)
        assert opened.contract is not None
        self.contract = opened.contract
        size = self.contract.preprocess
        self._outputs(np.zeros((BATCH, size.height, size.width, 3), np.uint8))

    def __call__(
        self, numbers: Sequence[int], pixels: Any, placements: Sequence[Placement]
    ) -> list[tuple[int, list[Any]]]:
        """Results of each image; a batch that is not full is filled up with copies of its last image."""
        missing = BATCH - len(numbers)
        if missing:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)])
        found = decoded(self._outputs(pixels), self.contract, placements)
        return [(number, [*as_results(one, number + 1)]) for number, one in zip(numbers, found, strict=True)]

    def _outputs(self, pixels: Any) -> Any:
        return self._runner.fetch(self._runner.call(self._runner.stage((pixels,))))


def report(images: int, began: float, ended: float) -> str:
    """For the benchmark that started this, as a bulk run counts: the model is ready when the first image is begun."""
    return json.dumps({"images": images, "images_per_s": images / (ended - began)})


def write(results: dict[int, list[Any]], out: Path) -> None:
    """One file in COCO's format, in the order of the images."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "detections.json").write_text(json.dumps([one for number in sorted(results) for one in results[number]]))
