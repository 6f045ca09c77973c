"""Whether a pack can run here: the device, the machine that native code was made for, and the runtime's version."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass

from stopwatt.backends import catalogue
from stopwatt.backends.probe import installed_version
from stopwatt.devices.facts import read_facts
from stopwatt.devices.resolve import kind_of
from stopwatt.errors import EnvironmentUnfit
from stopwatt.packing.manifest import Manifest
from stopwatt.records import Scalar

ARCH = "arch"
_OF_CODE = ("cpu.model", "cpu.isa", "gpu.name")
"""Facts that native code depends on, besides the architecture."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a pack cannot run here, and what would help."""

    what: str
    now: str


def machine_of(device: str) -> dict[str, Scalar]:
    """The facts of this machine that native code depends on."""
    facts = read_facts(device).values
    return {ARCH: platform.machine(), **{name: facts[name] for name in _OF_CODE if name in facts}}


def require_fit(manifest: Manifest, device: str, where: str) -> None:
    """Refuse a pack that cannot run here.

    Args:
        manifest: Of the pack.
        device: On which it shall run.
        where: Named in the error.

    Raises:
        EnvironmentUnfit: With the reason and the remedy.
    """
    runtime = catalogue.get(manifest.setup.backend).packages[0]
    found = misfit(manifest, device, machine_of(device), runtime, installed_version(runtime))
    if found is not None:
        raise EnvironmentUnfit(found.what, when=where, now=found.now)


def misfit(manifest: Manifest, device: str, machine: Mapping[str, Scalar], runtime: str, version: str) -> Misfit | None:
    """Why a pack cannot run on a machine; `None` where it can.

    Args:
        manifest: Of the pack.
        device: On which it shall run.
        machine: As `machine_of` describes it.
        runtime: Package that runs it.
        version: Of that package; empty where it is not installed.
    """
    setup = manifest.setup
    if kind_of(device) != kind_of(setup.device):
        return Misfit(
            f"the pack was made for {setup.device}, {device} was asked for",
            f"use --device {kind_of(setup.device)}, or pack the model again with --device {device}",
        )
    made = manifest.software.get(runtime, "")
    if not version:
        return Misfit(f"{runtime} is not installed", f"pip install '{runtime}=={made}'")
    if manifest.native and (release(version) != release(made)):
        return Misfit(
            f"the pack holds native code for {runtime} {made}, {version} is installed", _either(runtime, made)
        )
    if release(version)[:2] < release(made)[:2]:
        return Misfit(f"the pack was made with {runtime} {made}, {version} is older", _either(runtime, made))
    return _other_machine(manifest, machine) if manifest.native else None


def release(version: str) -> tuple[int, ...]:
    """`(2, 13, 0)` of `2.13.0+cpu`."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _either(runtime: str, version: str) -> str:
    return f"pip install '{runtime}=={version}', or pack the model again with what is installed"


def _other_machine(manifest: Manifest, machine: Mapping[str, Scalar]) -> Misfit | None:
    made = manifest.machine
    again = "pack the model again on this machine, or take a pack of a portable backend (onnxruntime, openvino)"
    if made.get(ARCH) != machine.get(ARCH):
        return Misfit(f"the pack holds native code for {made.get(ARCH)}, this is {machine.get(ARCH)}", again)
    if kind_of(manifest.setup.device) == "cuda" and made.get("gpu.name") != machine.get("gpu.name"):
        here = machine.get("gpu.name", "GPU that does not tell its name")
        return Misfit(f"the pack holds native code for a {made.get('gpu.name')}, this is a {here}", again)
    lacking = sorted(_words(made) - _words(machine))
    if lacking:
        return Misfit(f"the pack holds native code that needs {', '.join(lacking)}, which this CPU lacks", again)
    return None


def _words(machine: Mapping[str, Scalar]) -> set[str]:
    return set(str(machine.get("cpu.isa", "")).split())
