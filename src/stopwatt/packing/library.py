"""`stopwatt.pack(...)`: the verb as a function."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

from stopwatt.arguments import check_path, integer, integers, numbers, scalar, text
from stopwatt.packing.opened import Opened
from stopwatt.packing.pack import Asked, Watcher, run_pack
from stopwatt.packing.preflight import Preflight
from stopwatt.records import Scalar


class _Silent:
    """A watcher that does nothing."""

    def announce(self, text: str) -> None:
        """Ignore."""

    def task(self, text: str) -> None:
        """Ignore."""

    def looked(self, preflight: Preflight) -> None:
        """Ignore."""

    def phase(self, name: str) -> None:
        """Ignore."""


def pack(
    workload: str,
    out: str | PathLike[str],
    *,
    params: Mapping[str, Scalar] | None = None,
    backend: str = "onnxruntime",
    precision: str = "fp32",
    batch: int | Sequence[int] = 1,
    device: str = "cpu",
    threads: int = 0,
    seed: int = 0,
    tolerance: float | None = None,
    force: bool = False,
    timeout_s: float = 3600.0,
    data: str | PathLike[str] = "",
    images: str | PathLike[str] | None = None,
    calibrate: int = 0,
    watcher: Watcher | None = None,
) -> Opened:
    """Convert a model for a runtime and write it, with all that is needed to trust and serve it, as one file.

    Args:
        workload: Name of a built-in family, or `file.py:function`, `model.onnx`, ...
        out: The file to write, `NAME.swpack`.
        params: Parameters of the workload.
        backend: One that converts: `onnxruntime`, `openvino`, `aoti`, `torchscript`, `tensorrt`.
        precision: `fp32`, `tf32`, `fp16`, `bf16` or `int8`.
        batch: Samples per call; one number or several, a converted model for each.
        device: `cpu`, `cuda`, `cuda:1`.
        threads: Host threads; 0 for all cores that may be used.
        seed: Of weights and inputs.
        tolerance: Largest deviation from fp32 eager that passes; the precision's own if absent.
        force: Whether a file of that name may be replaced.
        timeout_s: Seconds that one step may take.
        data: What int8 is calibrated on: images as `stopwatt run` takes them, or a file of arrays by input name.
        images: Folder of the images that a list or annotations name.
        calibrate: Samples that are drawn from the data; 0 for 128, or all where there are fewer.
        watcher: Told what happens.

    Returns:
        The pack, opened: `.manifest`, `.contract`, `.runner(batch)`.

    Raises:
        UsageError: The request cannot be met.
        Unsupported: The backend cannot take this model; `Refused`, with the operators, where that was seen before.
        StopwattError: The converted model does not run, or answers otherwise than fp32 eager.
        StoreError: The file cannot be written.
    """
    check_path("out", out)
    asked = Asked(
        workload=text("workload", workload, "a name, such as resnet"),
        out=Path(out),
        params={name: scalar(name, value) for name, value in (params or {}).items()},
        backend=text("backend", backend, "a name, such as onnxruntime"),
        precision=text("precision", precision, "a name, such as fp32"),
        batches=integers("batch", batch, "whole numbers, such as [1, 8]"),
        device=text("device", device, "cpu, cuda or cuda:1"),
        threads=integer("threads", threads, "a whole number; 0 for all cores"),
        seed=integer("seed", seed, "a whole number"),
        tolerance=None if tolerance is None else numbers("tolerance", tolerance, "a number")[0],
        force=force,
        timeout_s=numbers("timeout_s", timeout_s, "seconds")[0],
        data=fspath(data),
        images=None if images is None else Path(images),
        calibrate=integer("calibrate", calibrate, "a whole number; 0 for as many as usual"),
    )
    return run_pack(asked, watcher or _Silent())
