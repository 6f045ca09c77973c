"""The small trained classifier beside the detector: it names shapes that it never saw."""

import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "classifier"


@pytest.fixture
def crops(monkeypatch):
    """The module that draws."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    yield __import__("crops")
    sys.modules.pop("crops", None)


def test_the_weights_beside_the_model_name_shapes_that_training_never_saw(crops):
    import torch

    from stopwatt.serving.pixels import fitted, normalised
    from stopwatt.workloads.resolve import resolve

    built = resolve(f"{EXAMPLE / 'model.py'}:classifier").build({}, seed=0)
    assert built.classifier
    preprocess = built.contract.preprocess
    drawn = [one for number in range(40) for one in crops.crops(seed=99, number=number)]
    pixels = np.stack([fitted(pixels, preprocess)[0] for _, pixels in drawn])
    with torch.inference_mode():
        scores = built.module(torch.from_numpy(normalised(pixels, preprocess)))
    kinds = np.array([kind for kind, _ in drawn])
    assert len(kinds) > 150
    assert np.mean(scores.argmax(1).numpy() == kinds) > 0.9


def test_equal_seeds_cut_equal_crops_a_folder_a_class(crops, tmp_path):
    for name in ("one", "other"):
        assert crops.saved(tmp_path / name, 0, 7) > 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.png"))
    assert {path.parent.name for path in files} <= set(crops.KINDS)
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "other" / path).read_bytes()


def test_what_was_pruned_to_be_trained_on_is_loaded_as_narrow_as_it_was(monkeypatch, tmp_path):
    import torch
    from safetensors.torch import save_file

    monkeypatch.syspath_prepend(str(EXAMPLE))
    for name in ("train", "model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    train = __import__("train")
    try:
        module = train.pruned("0.5")
        assert all(one.requires_grad for one in module.parameters())
        save_file(module.state_dict(), tmp_path / "narrow.safetensors")
        loaded, pieces, _ = train.classifier(str(tmp_path / "narrow.safetensors"))
        whole, _, _ = train.classifier()
        inputs = pieces(2)
    finally:
        for name in ("train", "model"):
            sys.modules.pop(name, None)
    with torch.inference_mode():
        assert torch.equal(loaded(*inputs), module(*inputs))
    assert sum(one.numel() for one in loaded.parameters()) < 0.7 * sum(one.numel() for one in whole.parameters())
