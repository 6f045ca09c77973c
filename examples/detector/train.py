"""Train the detector of shapes on a data set that `stopwatt data shapes` drew: minutes on one core of a CPU.

    stopwatt data shapes shapes --images 1600
    python examples/detector/train.py shapes

Writes `detector.safetensors` (half precision, 1.2 MB) and prints its accuracy on the part kept for validation. Equal
seeds, data and threads give equal weights.

    python examples/detector/train.py shapes --prune 0.5 --steps 200 --out narrow.safetensors
    stopwatt bench examples/detector/model.py:detector -p checkpoint=narrow.safetensors

takes half of the channels between layers out of the trained one, and trains what is left.
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from model import CONTRACT, HEIGHT, PREPROCESS, STRIDE, TRAINED, WIDTH, ShapeDetector, detector, scenes
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from stopwatt.images.accuracy import accuracy
from stopwatt.images.decoding import prepared, read
from stopwatt.records import Setup
from stopwatt.serving.coco import Annotations, read_annotations
from stopwatt.serving.contract import Detection, Placement
from stopwatt.serving.decoding import decoded
from stopwatt.serving.pixels import normalised
from stopwatt.techniques.prune import Prune

BATCH = 16
LEARNING_RATE, AFTER_PRUNING = 3e-3, 1e-3
MOST_OBJECTS = 12
ROWS, COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE
BOX_WEIGHT = 2.0
LEAST_WEIGHT = 0.3
"""How near to a centre a place must be to learn the box: the height of the centre's hill there."""


@dataclass(frozen=True, slots=True)
class Example:
    """An image as the model takes it, uint8 [256, 448, 3]; boxes [n, 4] as corners in its pixels; classes [n]."""

    image_id: int
    pixels: NDArray[np.uint8]
    placement: Placement
    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]


def main() -> None:
    """Train, write, evaluate."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("data", type=Path, help="folder that stopwatt data shapes made")
    options.add_argument("--out", type=Path, default=TRAINED)
    options.add_argument("--steps", type=int, default=1200)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--prune", default="", help="share of channels to take out of the trained one, to begin with")
    asked = options.parse_args()
    if asked.prune and asked.out == TRAINED:
        options.error("--prune begins with the weights that would be replaced: name another file with --out")
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    began = time.monotonic()
    examples = list(loaded(asked.data, "train.json", asked.threads))
    print(f"{len(examples)} images read after {time.monotonic() - began:.0f} s", flush=True)
    module = pruned(asked.prune) if asked.prune else ShapeDetector()
    rate = AFTER_PRUNING if asked.prune else LEARNING_RATE
    train(module, examples, steps=asked.steps, rate=rate, generator=np.random.default_rng(asked.seed), began=began)
    save_file({name: value.half().contiguous() for name, value in module.state_dict().items()}, asked.out)
    evaluate(asked.data, asked.out, asked.threads)
    print(f"{asked.out}: {asked.out.stat().st_size} bytes after {time.monotonic() - began:.0f} s")


def loaded(data: Path, part: str, threads: int) -> Iterator[Example]:
    """The images of a part of the data set, read exactly as `stopwatt run` reads them."""
    annotations = read_annotations(data / part)
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda image: example(data, annotations, image.id, image.file_name), annotations.images)


def example(data: Path, annotations: Annotations, image_id: int, name: str) -> Example:
    """One image with its objects, both in pixels of the input."""
    pixels, placement = prepared(read(str(data / name)), PREPROCESS)
    objects = annotations.objects.get(image_id, ())
    corners = [(one.x, one.y, one.x + one.width, one.y + one.height) for one in objects]
    boxes = np.array(corners, np.float32).reshape(-1, 4) * np.array([placement.scale_x, placement.scale_y] * 2)
    kinds = np.array([one.category - 1 for one in objects], np.int64)
    return Example(image_id, pixels, placement, boxes.astype(np.float32), kinds)


def pruned(share: str) -> ShapeDetector:
    """The trained detector without a share of its channels, ready to be trained on."""
    module, _, _ = detector()
    example = tuple(one.numpy() for one in scenes(1))
    done = Prune().apply(module, Prune().check(share), Setup(), [example])
    return cast("ShapeDetector", done.module).requires_grad_()


def train(
    module: ShapeDetector,
    examples: list[Example],
    *,
    steps: int,
    rate: float,
    generator: np.random.Generator,
    began: float,
) -> None:
    """Adam with weight decay, one cycle of the learning rate."""
    module.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    for step in range(1, steps + 1):
        images, boxes, kinds = batch(examples, generator)
        with torch.autocast("cpu", torch.bfloat16):
            heat, sides = module.raw(images.contiguous(memory_format=torch.channels_last))
        of_heat, of_boxes = losses(heat.float(), sides.float(), boxes, kinds, module.places)
        optimiser.zero_grad()
        (of_heat + BOX_WEIGHT * of_boxes).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 20.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            passed = time.monotonic() - began
            print(f"step {step} of {steps}: {of_heat:.3f} + {of_boxes:.3f} after {passed:.0f} s", flush=True)
    module.eval()


def batch(examples: list[Example], generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Images as the model takes them, boxes [B, 12, 4] in its pixels, and classes [B, 12], -1 where there is none."""
    images = np.empty((BATCH, HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.zeros((BATCH, MOST_OBJECTS, 4), np.float32)
    kinds = np.full((BATCH, MOST_OBJECTS), -1, np.int64)
    for place, number in enumerate(generator.integers(len(examples), size=BATCH)):
        one = examples[number]
        images[place], boxes[place, : len(one.boxes)] = varied(one, generator)
        kinds[place, : len(one.kinds)] = one.kinds
    return torch.from_numpy(normalised(images, PREPROCESS)), torch.from_numpy(boxes), torch.from_numpy(kinds)


def varied(one: Example, generator: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mirrored, with channels in another order, as a negative, or not. No kind of shape becomes another by that."""
    placement, boxes = one.placement, one.boxes.copy()
    height, width = round(placement.height * placement.scale_y), round(placement.width * placement.scale_x)
    inner = one.pixels[:height, :width, generator.permutation(3)]
    across, down, negative = generator.integers(2, size=3)
    if across:
        inner, boxes[:, [0, 2]] = inner[:, ::-1], width - boxes[:, [2, 0]]
    if down:
        inner, boxes[:, [1, 3]] = inner[::-1], height - boxes[:, [3, 1]]
    pixels = one.pixels.copy()
    pixels[:height, :width] = 255 - inner if negative else inner
    return pixels, boxes


def losses(heat: Tensor, sides: Tensor, boxes: Tensor, kinds: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Focal loss of the heat maps (Law and Deng 2018), and generalised IoU (Rezatofighi et al. 2019) around centres.

    Args:
        heat: Logits [B, 6, 32, 56].
        sides: Distances in strides [B, 4, 32, 56].
        boxes: Corners in pixels [B, 12, 4].
        kinds: Classes [B, 12], -1 for none.
        places: Centres of the places in strides, x and y, [2, 32, 56].
    """
    near = near_centres(boxes / STRIDE, kinds, places)
    target = torch.stack([(near * (kinds == kind)[..., None, None]).amax(1) for kind in range(heat.shape[1])], 1)
    chance = heat.sigmoid().clamp(1e-4, 1 - 1e-4)
    hit = (1 - chance) ** 2 * chance.log() * (target == 1)
    miss = (1 - target) ** 4 * chance**2 * (1 - chance).log() * (target < 1)
    count = (kinds >= 0).sum().clamp(min=1)
    weight, owner = near.max(1)
    weight = weight * (weight > LEAST_WEIGHT)
    owners = owner.flatten(1)[..., None].expand(-1, -1, 4)
    wanted = (boxes / STRIDE).gather(1, owners).transpose(1, 2).unflatten(2, (ROWS, COLUMNS))
    corners = torch.cat((places - sides[:, :2], places + sides[:, 2:]), dim=1)
    of_boxes = (weight * (1 - generalised_iou(corners, wanted))).sum() / weight.sum().clamp(min=1)
    return -(hit + miss).sum() / count, of_boxes


def near_centres(boxes: Tensor, kinds: Tensor, places: Tensor) -> Tensor:
    """A hill of height 1 at the place of each object's centre, [B, 12, 32, 56]; as wide as the object is."""
    low, high = boxes[..., :2], boxes[..., 2:]
    peak = ((low + high) / 2).floor() + 0.5
    width = ((high - low) * 0.12).clamp(min=0.5)
    distance = (places - peak[..., None, None]) / width[..., None, None]
    return torch.exp(-(distance**2).sum(2) / 2) * (kinds >= 0)[..., None, None]


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """Of boxes [B, 4, ...] as corners, the upper left one first."""
    (ax, ay, bx, by), (cx, cy, dx, dy) = one.unbind(1), other.unbind(1)
    overlap = (torch.minimum(bx, dx) - torch.maximum(ax, cx)).clamp(min=0)
    overlap = overlap * (torch.minimum(by, dy) - torch.maximum(ay, cy)).clamp(min=0)
    union = (bx - ax) * (by - ay) + (dx - cx) * (dy - cy) - overlap
    around = (torch.maximum(bx, dx) - torch.minimum(ax, cx)) * (torch.maximum(by, dy) - torch.minimum(ay, cy))
    return overlap / union.clamp(min=1e-6) - (around - union) / around.clamp(min=1e-6)


def evaluate(data: Path, checkpoint: Path, threads: int) -> None:
    """Print the accuracy of what was written, on the part that was kept for validation."""
    module, _, _ = detector(str(checkpoint))
    found: dict[int, tuple[Detection, ...]] = {}
    for one in loaded(data, "val.json", threads):
        with torch.inference_mode():
            outputs = module(torch.from_numpy(normalised(one.pixels[None], PREPROCESS)))
        found[one.image_id] = decoded([output.numpy() for output in outputs], CONTRACT, [one.placement])[0].detections
    score = accuracy(found, read_annotations(data / "val.json"))
    classes = ", ".join(f"{name} {value:.3f}" for name, value in score.by_category.items())
    print(f"AP {score.ap:.3f}, AP50 {score.ap50:.3f}, AP75 {score.ap75:.3f} on {len(found)} images ({classes})")


if __name__ == "__main__":
    main()
