"""Classifiers of timm, untrained: `timm:convnext_tiny`."""

from collections.abc import Iterable
from typing import Any

from stopwatt.workloads.library import Library, LibraryModel


def _names() -> Iterable[str]:
    import timm

    names: Iterable[str] = timm.list_models()
    return names


def _create(name: str) -> tuple[Any, int]:
    import timm

    model = timm.create_model(name, pretrained=False)
    return model, int(model.default_cfg["input_size"][-1])


TIMM = Library(
    "timm",
    _names,
    _create,
    "pip install timm, with the torchvision that belongs to your torch",
)


def family(name: str) -> LibraryModel:
    """The family of one timm classifier. Nothing is imported before it is built."""
    return LibraryModel(TIMM, name)
