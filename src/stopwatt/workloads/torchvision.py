"""Classifiers of torchvision, untrained: `torchvision:resnet50`."""

from collections.abc import Callable, Iterable
from typing import Any

from stopwatt.workloads.library import Library, LibraryModel

_DEFAULT_PIXELS = 224


def _names() -> Iterable[str]:
    import torchvision

    names: Iterable[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _create(name: str) -> tuple[Any, int]:
    import torchvision

    build: Callable[..., Any] = torchvision.models.get_model
    extra = {"aux_logits": False} if name in {"googlenet", "inception_v3"} else {}
    return build(name, weights=None, **extra), 299 if name == "inception_v3" else _DEFAULT_PIXELS


TORCHVISION = Library(
    "torchvision",
    _names,
    _create,
    "pip install torchvision, in the version and from the index that belong to your torch",
)


def family(name: str) -> LibraryModel:
    """The family of one torchvision classifier. Nothing is imported before it is built."""
    return LibraryModel(TORCHVISION, name)
