"""Looks at a runtime without trusting it: whatever its import does, the answer is a `Support`."""

from collections.abc import Callable
from importlib import metadata

from stopwatt.backends.base import Support
from stopwatt.backends.quiet import quiet

_ALTERNATIVES = {"onnxruntime": ("onnxruntime-gpu",), "tensorrt": ("tensorrt-cu13", "tensorrt-cu12")}
"""Distributions that provide the same module under another name."""


def installed_version(distribution: str) -> str:
    """Version of an installed distribution, read without importing it; empty if there is none."""
    for name in (distribution, *_ALTERNATIVES.get(distribution, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


def probe(distribution: str, install: str, look: Callable[[], Support]) -> Support:
    """What `look` finds, or why it could not look.

    Args:
        distribution: Package that provides the runtime.
        install: What to give to pip when it is missing (`stopwatt[onnx]`).
        look: Imports the runtime and judges it.
    """
    version = installed_version(distribution)
    if not version:
        return Support(False, why=f"{distribution} is not installed", remedy=f"pip install '{install}'")
    try:
        with quiet():
            return look()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (a vendor's package may raise SystemExit or worse at import)
        text = " ".join(str(error).split())[:200]
        return Support(
            False,
            version,
            why=f"{distribution} {version} is installed but fails at import: {type(error).__name__}: {text}",
            remedy=f"pip install --force-reinstall '{distribution}=={version}'",
        )


def torch_support(device: str) -> Support:
    """Whether PyTorch itself can run on a device. Raises what importing torch raises."""
    import torch

    version = str(torch.__version__)
    if device.partition(":")[0] == "cpu" or torch.cuda.is_available():
        return Support(True, version)
    release = version.partition("+")[0]
    if torch.version.cuda is None:
        return Support(
            False,
            version,
            why=f"torch {version} is built without CUDA",
            remedy=f"pip install --force-reinstall 'torch=={release}'",
        )
    return Support(
        False,
        version,
        why="PyTorch sees no CUDA device",
        remedy="check the driver with nvidia-smi and CUDA_VISIBLE_DEVICES",
    )
