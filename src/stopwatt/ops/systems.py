"""The systems of an aiconfigurator package: a folder of tables for each, and a YAML file of what its device does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from stopwatt.errors import UsageError
from stopwatt.operators.table import DeviceSpecs

_PLACES = (".", "systems", "aiconfigurator_core/systems")  # of the folder that holds `data` and the YAML files
_FLOPS: Mapping[str, str] = MappingProxyType(
    {
        "float32_tc_flops": "float32",
        "bfloat16_tc_flops": "bfloat16",
        "float16_tc_flops": "float16",
        "fp8_tc_flops": "float8_e4m3fn",
        "int8_tc_flops": "int8",
        "fp4_tc_flops": "float4_e2m1fn",
    }
)


@dataclass(frozen=True, slots=True)
class System:
    """One system.

    Attributes:
        name: As its folder has it: `h200_sxm`.
        data: Folder of its tables; may be missing.
        specs: What its file says of one device.
    """

    name: str
    data: Path
    specs: DeviceSpecs


def find_systems(folder: Path, wanted: Collection[str] = ()) -> list[System] | None:
    """The systems of a package that is unpacked in a folder, sorted; `None` where there is no package.

    Args:
        folder: The package, or its folder `systems`.
        wanted: Names; all without any.

    Raises:
        UsageError: A wanted one is not there, or a file cannot be read.
    """
    for place in _PLACES:
        inside = folder / place
        data = inside / "data"
        files = sorted(inside.glob("*.yaml")) if data.is_dir() else []
        if found := {path.stem: one for path in files if (one := _system(path, data)) is not None}:
            break
    else:
        return None
    unknown = sorted(set(wanted) - found.keys())
    if unknown:
        raise UsageError(
            f"there is no system {', '.join(unknown)}", when=str(inside), now=f"there are {', '.join(found)}"
        )
    return [one for name, one in found.items() if not wanted or name in wanted]


def _system(path: Path, data: Path) -> System | None:
    """The system of a YAML file; `None` where it is about something else."""
    try:
        document = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(
            f"the file of a system cannot be read: {error}", when=str(path), now="fetch the package again"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("gpu"), dict):
        return None
    return System(path.stem, data / path.stem, _specs(path, document["gpu"]))


def _specs(path: Path, device: Mapping[str, Any]) -> DeviceSpecs:
    try:
        return DeviceSpecs(
            path.stem,
            {dtype: float(device[name]) for name, dtype in _FLOPS.items() if name in device},
            bandwidth=float(device.get("mem_bw", 0.0)),
            power_w=float(device.get("power", 0.0)),
            source=f"aiconfigurator {path.name}",
        )
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the file of a system has something else where a number should be: {error}",
            when=str(path),
            now="fetch the package again",
        ) from error
