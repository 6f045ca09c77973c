"""Train the classifier of shapes on the crops that `crops.py` drew: about a minute on one core of a CPU.

    python examples/classifier/crops.py crops
    python examples/classifier/train.py crops

Writes `classifier.safetensors` (half precision) and prints its accuracy on the part kept for validation. Equal seeds,
crops and threads give equal weights.

    python examples/classifier/train.py crops --prune 0.5 --steps 150 --out narrow.safetensors
    stopwatt bench examples/classifier/model.py:classifier -p checkpoint=narrow.safetensors

takes half of the channels between layers out of the trained one, and trains what is left.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from model import CONTRACT, PREPROCESS, SIDE, TRAINED, ShapeClassifier, classifier, pieces
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from stopwatt.images.pictures import image_of
from stopwatt.images.source import open_source
from stopwatt.records import Setup
from stopwatt.serving.pixels import normalised
from stopwatt.techniques.prune import Prune

BATCH = 96
LEARNING_RATE, AFTER_PRUNING = 4e-3, 1e-3
Pixels = NDArray[np.uint8]
Kinds = NDArray[np.int64]


def main() -> None:
    """Train, write, evaluate."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("crops", type=Path, help="folder that crops.py made")
    options.add_argument("--out", type=Path, default=TRAINED)
    options.add_argument("--steps", type=int, default=400)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--prune", default="", help="share of channels to take out of the trained one, to begin with")
    asked = options.parse_args()
    if asked.prune and asked.out == TRAINED:
        options.error("--prune begins with the weights that would be replaced: name another file with --out")
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    began = time.monotonic()
    pixels, kinds = loaded(asked.crops / "train")
    print(f"{len(kinds)} crops read after {time.monotonic() - began:.0f} s", flush=True)
    module = pruned(asked.prune) if asked.prune else ShapeClassifier()
    rate = AFTER_PRUNING if asked.prune else LEARNING_RATE
    generator = np.random.default_rng(asked.seed)
    train(module, pixels, kinds, steps=asked.steps, rate=rate, generator=generator, began=began)
    save_file({name: value.half().contiguous() for name, value in module.state_dict().items()}, asked.out)
    evaluate(asked.crops / "val", asked.out)
    print(f"{asked.out}: {asked.out.stat().st_size} bytes after {time.monotonic() - began:.0f} s")


def loaded(folder: Path) -> tuple[Pixels, Kinds]:
    """Crops as the model takes them before they are normalised, uint8 [n, 48, 48, 3], and their classes [n]."""
    items = open_source(str(folder)).items
    pixels, kinds = np.empty((len(items), SIDE, SIDE, 3), np.uint8), np.empty(len(items), np.int64)
    for item in items:
        pixels[item.number], _ = image_of(item, PREPROCESS)
        kinds[item.number] = CONTRACT.labels.index(Path(item.name).parent.name)
    return pixels, kinds


def pruned(share: str) -> nn.Module:
    """The trained classifier without a share of its channels, ready to be trained on."""
    module, _, _ = classifier()
    example = tuple(one.numpy() for one in pieces(1))
    return Prune().apply(module, Prune().check(share), Setup(), [example]).module.requires_grad_()


def train(
    module: nn.Module,
    pixels: Pixels,
    kinds: Kinds,
    *,
    steps: int,
    rate: float,
    generator: np.random.Generator,
    began: float,
) -> None:
    """Adam with weight decay, one cycle of the learning rate, smoothed labels."""
    module.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    for step in range(1, steps + 1):
        chosen = generator.integers(len(kinds), size=BATCH)
        images = torch.from_numpy(normalised(varied(pixels[chosen], generator), PREPROCESS))
        scores = module(images.contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(scores, torch.from_numpy(kinds[chosen]), label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}: {loss:.3f} after {time.monotonic() - began:.0f} s", flush=True)
    module.eval()


def varied(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Each turned by quarters, mirrored, with channels in another order, as a negative, or not."""
    result = np.empty_like(pixels)
    for place, one in enumerate(pixels):
        turned = np.rot90(one, generator.integers(4))[..., generator.permutation(3)]
        mirrored = turned[:, ::-1] if generator.integers(2) else turned
        result[place] = 255 - mirrored if generator.integers(2) else mirrored
    return result


def evaluate(folder: Path, checkpoint: Path) -> None:
    """Print the accuracy of what was written, on the part that was kept for validation."""
    module, _, _ = classifier(str(checkpoint))
    pixels, kinds = loaded(folder)
    with torch.inference_mode():
        best = module(torch.from_numpy(normalised(pixels, PREPROCESS))).argmax(1).numpy()
    by_class = [f"{name} {np.mean(best[kinds == place] == place):.3f}" for place, name in enumerate(CONTRACT.labels)]
    print(f"accuracy {np.mean(best == kinds):.4f} on {len(kinds)} crops ({', '.join(by_class)})")


if __name__ == "__main__":
    main()
