"""The detector that this project trained: what it promises as a workload, and how it learns."""

import sys
from pathlib import Path

import numpy as np
import pytest

from stopwatt.bulk.scene import KINDS, scene
from stopwatt.images.accuracy import accuracy
from stopwatt.serving.coco import AnnotatedImage, Annotations, Truth
from stopwatt.serving.contract import Decoding, Placement, Task
from stopwatt.serving.decoding import decoded
from stopwatt.serving.pixels import fitted, normalised
from stopwatt.workloads.resolve import resolve

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "detector"
SCENES = 24


@pytest.fixture(scope="module")
def built():
    return resolve(f"{FOLDER / 'model.py'}:detector").build({}, 0)


@pytest.fixture
def training(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import train

    yield train
    for name in ("train", "model"):
        sys.modules.pop(name, None)


def test_it_is_a_workload_with_a_contract_and_inputs_that_fit_it(built):
    assert (built.contract.task, built.contract.decoding) == (Task.DETECT, Decoding.DETR)
    assert built.contract.labels == KINDS
    (images,) = built.make_inputs(2, np.random.default_rng(0))
    assert (images.shape, images.dtype) == ((2, 3, 256, 448), np.float32)


def test_it_finds_most_shapes_in_scenes_it_never_saw(built):
    import torch

    found, objects, images = {}, {}, []
    for number in range(1, SCENES + 1):
        drawn = scene(960, 540, (123, number))
        pixels, placement = fitted(drawn.pixels, built.contract.preprocess)
        batch = torch.from_numpy(normalised(pixels[None], built.contract.preprocess))
        with torch.inference_mode():
            outputs = [one.numpy() for one in built.module(batch)]
        found[number] = decoded(outputs, built.contract, [placement])[0].detections
        objects[number] = tuple(Truth(one.x, one.y, one.width, one.height, one.kind + 1) for one in drawn.shapes)
        images.append(AnnotatedImage(number, f"{number}.jpg", 960, 540))
    truth = Annotations(tuple(images), objects, dict(enumerate(KINDS, 1)))
    assert accuracy(found, truth).ap50 > 0.8


def test_an_image_has_the_same_answer_in_any_batch(built):
    import torch

    (images,) = built.make_inputs(3, np.random.default_rng(1))
    with torch.inference_mode():
        together = built.module(torch.from_numpy(images))
        alone = [built.module(torch.from_numpy(images[[place]])) for place in range(3)]
    for output, ones in zip(together, zip(*alone, strict=True), strict=True):
        assert torch.allclose(output, torch.cat(ones), atol=1e-3, rtol=1e-3)


def test_mirrored_images_keep_their_objects_in_their_boxes(training):
    pixels = np.full((256, 448, 3), 90, np.uint8)
    pixels[20:50, 300:380] = 200
    one = training.Example(
        1, pixels, Placement(448, 252), np.array([[300, 20, 380, 50]], np.float32), np.array([0], np.int64)
    )
    generator, seen = np.random.default_rng(0), set()
    for _ in range(30):
        varied, boxes = training.varied(one, generator)
        x0, y0, x1, y1 = boxes[0].astype(int)
        inside = varied[y0:y1, x0:x1]
        assert inside.shape[:2] == (30, 80)
        assert np.ptp(inside) == 0
        assert (varied[:252] == inside[0, 0]).all(axis=2).sum() == 30 * 80
        seen.add((x0, y0))
    assert len(seen) == 4


def test_the_loss_is_least_where_the_answer_is_right(training):
    import torch

    boxes = torch.zeros(1, training.MOST_OBJECTS, 4)
    kinds = torch.full((1, training.MOST_OBJECTS), -1)
    boxes[0, 0], kinds[0, 0] = torch.tensor([100.0, 60.0, 180.0, 120.0]), 2
    places = training.ShapeDetector().places
    near = training.near_centres(boxes / training.STRIDE, kinds, places)
    heat = torch.full((1, len(KINDS), *places.shape[1:]), -9.0)
    heat[0, 2][near[0, 0] == 1] = 9.0
    corners = boxes[0, 0] / training.STRIDE
    sides = torch.cat((places - corners[:2, None, None], corners[2:, None, None] - places)).clamp(min=0)[None]
    right = training.losses(heat, sides, boxes, kinds, places)
    other_class = training.losses(heat.roll(1, 1), sides, boxes, kinds, places)
    smaller = training.losses(heat, sides * 0.8, boxes, kinds, places)
    assert right[0] < 0.01 < other_class[0]
    assert right[1] < 0.01 < smaller[1]
