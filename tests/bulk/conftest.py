"""Folders of small images, models in numpy, and runs of both."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stopwatt.bulk import run
from stopwatt.bulk.asked import Asked, Model
from stopwatt.bulk.pipeline import staff
from stopwatt.bulk.run import run_bulk

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from light_run import Unmetered  # noqa: E402  (in this folder)


class Listener:
    """Keeps what it is told, and does something at the n-th image."""

    def __init__(self):
        self.said, self.ticks = [], []

    def begin(self, images, done, layout):
        self.images, self.done, self.layout = images, done, layout

    def say(self, sentence):
        self.said.append(sentence)

    def tick(self, tick):
        self.ticks.append(tick)

    def end(self):
        pass


def make_photos(root, count, *, marked=(), broken=(), side=8):
    """A folder of images that all differ, with trouble at some numbers."""
    root.mkdir()
    random = np.random.default_rng(count)
    for number in range(count):
        path = root / f"{number:06d}.bmp"
        if number in broken:
            path.write_text("no image")
            continue
        pixels = random.integers(1, 254, (side, side, 3), dtype=np.uint8)
        if number in marked:
            pixels[0, 0] = (255, 0, 0)
        Image.fromarray(pixels).save(path)
    return root


def lighten(patch):
    """Workers start without torch, and nothing is metered."""
    patch.setattr(staff, "WORKER", "light_worker")
    patch.setattr(run, "Ticker", Unmetered)
    patch.setenv("PYTHONPATH", str(HERE))


def light_model(name):
    """Of `light_models`."""
    return Model(f"{HERE / 'light_models.py'}:{name}")


def files_of(folder):
    """Every file of results but those that hold times."""
    names = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = [path for path in names if path.name not in {"journal.jsonl", "summary.json", "ticks.jsonl"}]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.fixture
def photos(tmp_path):
    """`(count, marked=(), broken=(), side=8)`: a folder of images that all differ, with trouble at some numbers."""
    return lambda count, folder="photos", **trouble: make_photos(tmp_path / folder, count, **trouble)


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """Images, two of which are broken, and what this machine alone makes of them in batches of 3: `(folder, files)`."""
    root = tmp_path_factory.mktemp("alone")
    data = make_photos(root / "photos", 300, broken={9, 40})
    with pytest.MonkeyPatch.context() as patch:
        lighten(patch)
        run_bulk(Asked(str(data), light_model("detector"), root / "out", batch=3, per_image=True, ceilings=False))
    return data, files_of(root / "out")


@pytest.fixture
def many(photos):
    """`(count)`: a folder of so many images, of which 97 are different."""

    def make(count):
        root = photos(97, broken={13}, folder=f"many{count}")
        for number in range(97, count):
            os.link(root / f"{number % 97:06d}.bmp", root / f"{number:06d}.bmp")
        return root

    return make


@pytest.fixture
def light(monkeypatch):
    """Workers start without torch, and nothing is metered; `light("classifier")` is the model."""
    lighten(monkeypatch)
    return light_model


@pytest.fixture
def asking(light, tmp_path):
    """`(data, model="classifier", **changes)`: a request for two decoders and one worker with batches of 4."""

    def make(data, model="classifier", out="out", **changes):
        plain = Asked(str(data), light(model), tmp_path / out, decoders=2, workers=1, batch=4, ceilings=False)
        return replace(plain, **changes)

    return make


@pytest.fixture
def bulk(asking):
    """The same request, carried out: `(record, folder, listener)`."""

    def carry_out(data, model="classifier", **changes):
        asked, listener = asking(data, model, **changes), Listener()
        return run_bulk(asked, listener), asked.out, listener

    return carry_out


@pytest.fixture
def results():
    """`(folder)`: every file of results but those that hold times."""
    return files_of
