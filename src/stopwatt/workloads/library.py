"""What model libraries of other people have in common: a list of names, and a way to make an untrained model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stopwatt.errors import WorkloadError
from stopwatt.extensions import unknown
from stopwatt.records import Scalar, digest
from stopwatt.workloads.base import Arrays, Built, Param
from stopwatt.workloads.family import quiet, size
from stopwatt.workloads.inputs import images
from stopwatt.workloads.seeded import ready, seeded
from stopwatt.workloads.served import classification


@dataclass(frozen=True, slots=True)
class Library:
    """A model library.

    Attributes:
        name: Of its package.
        names: Imports it and lists its models.
        create: Imports it and makes one: `name -> (module, pixels of its images)`.
        remedy: What to do if it is missing or broken.
    """

    name: str
    names: Callable[[], Iterable[str]]
    create: Callable[[str], tuple[Any, int]]
    remedy: str


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A family with one model of a library."""

    library: Library
    model: str
    open_params = False
    runs_foreign_code = False

    @property
    def name(self) -> str:
        """As the user writes it."""
        return f"{self.library.name}:{self.model}"

    @property
    def summary(self) -> str:
        """One line."""
        return f"{self.model} of {self.library.name}, untrained"

    @property
    def params(self) -> Sequence[Param]:
        """What the model leaves open."""
        return (size("image", 0, "height and width in pixels; 0: as the model prefers", low=0, high=8192),)

    @property
    def packages(self) -> Sequence[str]:
        """The library's version changes the model."""
        return ("torch", self.library.name)

    def code(self) -> str:
        """Digest of the name: the code is the library's, whose version is among the packages."""
        return digest(self.name)

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Make the model.

        Raises:
            WorkloadError: The library is missing, or fails at import.
            UsageError: It has no such model; the nearest are offered.
        """
        known = self._imported(lambda: list(self.library.names()))
        if self.model not in known:
            raise unknown(f"{self.library.name} model", self.model, known)
        with seeded(seed):
            module, pixels = self._imported(lambda: self.library.create(self.model))
        image = int(params["image"]) or pixels

        def make_inputs(batch: int, generator: np.random.Generator) -> Arrays:
            return (images(batch, image, image, generator),)

        contract = classification(image)
        return Built(ready(module), make_inputs, ("images",), module=module, classifier=True, contract=contract)

    def _imported(self, step: Callable[[], Any]) -> Any:
        try:
            with quiet():
                return step()
        except Exception as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name == self.library.name
            raise WorkloadError(
                f"{self.library.name} is not installed"
                if missing
                else f"{self.library.name} cannot be used here: {type(error).__name__}: {error}",
                when=f"building {self.name}",
                now=self.library.remedy,
            ) from error
