"""The backends by name. Nothing here imports a runtime."""

from collections.abc import Sequence
from dataclasses import replace

from stopwatt import extensions
from stopwatt.backends.base import Backend
from stopwatt.backends.probe import installed_version
from stopwatt.backends.requests import require_setup
from stopwatt.records import Setup
from stopwatt.techniques import catalogue as techniques


def names() -> list[str]:
    """Names of all registered backends, in the order of registration."""
    return list(extensions.registered("backends"))


def get(name: str) -> Backend:
    """A backend by name.

    Raises:
        UsageError: No such backend; the nearest names are offered.
        StopwattError: The backend's own module fails at import.
    """
    backend: Backend = extensions.load("backends", name)()
    return backend


def read(text: str) -> Setup:
    """The backend, variant and techniques of `compile:max-autotune+fold-batchnorm`, on a device where it runs at all.

    Raises:
        UsageError: No such backend, variant or technique; the nearest are offered.
    """
    named = Setup.of_label(text.strip())
    named = replace(named, techniques=techniques.canonical(named.techniques))
    require_setup(get(named.backend), placed := replace(named, device=_any_device(named.backend)))
    return placed


def _any_device(name: str) -> str:
    """A device on which the backend runs at all, so that only name and variant are judged."""
    return "cpu" if get(name).precisions("cpu") else "cuda"


def check_combination(backend: Backend, setup: Setup) -> None:
    """Whether the backend could run a setup's variant, precision and techniques on its device, whatever the workload.

    Raises:
        UsageError: No such variant.
        Unsupported: Not this precision on this device, or a technique does not go with it; with reason and remedy.
    """
    require_setup(backend, setup)
    techniques.require(setup)


def software(backend: Backend, family_packages: Sequence[str] = ()) -> dict[str, str]:
    """Versions of the installed distributions that a cell runs on: the backend's and the workload family's."""
    versions = {package: installed_version(package) for package in sorted({*backend.packages, *family_packages})}
    return {package: version for package, version in versions.items() if version}
