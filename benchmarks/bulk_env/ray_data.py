"""A model over a folder with Ray Data: `ray_data.py PACK IMAGES OUT LIMIT THREADS`."""

import json
import os
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import ray
from loops import BATCH, Detector, report, write

from stopwatt.images.decoding import prepared, read
from stopwatt.packing.opened import open_pack
from stopwatt.serving.contract import Placement

DECODERS, MODELS = 2, 1
BLOCK = 4 * BATCH
"""Images of a task: so many that its cost is small beside them."""


class Decode:
    """An actor that decodes. A plain function would be fused with the model into one actor, and run in turn with it."""

    def __init__(self, pack: str, ready: str) -> None:
        contract = open_pack(pack).contract
        assert contract is not None
        self._preprocess = contract.preprocess
        while not Path(ready).exists():  # so that the clock starts where a bulk run's does
            time.sleep(0.01)

    def __call__(self, batch: Any) -> Any:
        """Pixels as the model takes them."""
        began = time.monotonic()
        made = [prepared(read(path), self._preprocess) for path in batch["path"]]
        pixels, placements = zip(*made, strict=True)
        return {
            "number": batch["number"],
            "pixels": np.stack(pixels),
            "placement": np.array([astuple(one) for one in placements]),
            "began": np.full(len(made), began),
        }


class Model:
    """An actor with the model."""

    def __init__(self, pack: str, threads: int, ready: str) -> None:
        self._detector = Detector(pack, threads)
        Path(ready).touch()

    def __call__(self, batch: Any) -> Any:
        """Results as texts: rows of a table."""
        placements = [Placement(int(one[0]), int(one[1]), *map(float, one[2:])) for one in batch["placement"]]
        found = self._detector(batch["number"].tolist(), np.ascontiguousarray(batch["pixels"]), placements)
        texts = np.array([json.dumps(one) for _, one in found], object)
        ended = np.full(len(found), time.monotonic())
        return {"number": batch["number"], "results": texts, "began": batch["began"], "ended": ended}


def main(pack: str, images: str, out: str, limit: str, threads: str) -> None:
    """Do it."""
    Path(out).mkdir(parents=True, exist_ok=True)
    ready = str(Path(out) / "ready")
    found = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    here = {"env_vars": {"PYTHONPATH": found, "OMP_NUM_THREADS": threads}}
    ray.init(
        "local", num_cpus=DECODERS + MODELS, include_dashboard=False, logging_level="ERROR", log_to_driver=False,
        runtime_env=here,
    )  # fmt: skip
    ray.data.DataContext.get_current().enable_progress_bars = False
    paths = sorted(Path(images).iterdir())[: int(limit)]
    rows = [{"number": number, "path": str(path)} for number, path in enumerate(paths)]
    stream = (
        ray.data.from_items(rows, override_num_blocks=max(1, len(rows) // BLOCK))
        .map_batches(Decode, batch_size=BATCH, concurrency=DECODERS, fn_constructor_args=(pack, ready))
        .map_batches(Model, batch_size=BATCH, concurrency=MODELS, fn_constructor_args=(pack, int(threads), ready))
    )
    results, began, ended = {}, [], []
    for batch in stream.iter_batches(batch_size=None):
        results.update(zip(batch["number"].tolist(), map(json.loads, batch["results"]), strict=True))
        began += batch["began"].tolist()
        ended += batch["ended"].tolist()
    write(results, Path(out))
    print(report(len(results), min(began), max(ended)), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
