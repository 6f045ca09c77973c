"""Whether and on what a pack is calibrated, found out before minutes of work."""

from pathlib import Path

from stopwatt.backends.base import Backend
from stopwatt.datasets.opening import calibration_of
from stopwatt.errors import UsageError
from stopwatt.records import Calibration, Precision


def calibration_for(
    backend: Backend, precision: str, data: str, *, images: Path | None, samples: int, seed: int
) -> Calibration | None:
    """The samples that int8 shall be calibrated on; `None` where no data are named.

    Args:
        backend: That converts.
        precision: That was asked for.
        data: As `datasets.opening.open_data` takes it; empty for the workload's own inputs.
        images: Folder of the images that the data name.
        samples: How many; 0 for as many as usual.
        seed: Of the draw.

    Raises:
        UsageError: There are no such data, or nothing here would use them.
    """
    if not data:
        if samples or images is not None:
            raise UsageError("nothing says what to calibrate on", now="name the data: --data DATA")
        return None
    if precision != Precision.INT8:
        raise UsageError(
            f"only int8 is calibrated, {precision} was asked for",
            when="--data",
            now="add --precision int8, or leave --data away",
        )
    if not getattr(backend, "calibrates", False):
        raise UsageError(
            f"{backend.name} takes the ranges of int8 from each call as it comes: it calibrates on nothing",
            when="--data",
            now="leave --data away, or use --backend onnxruntime, openvino or aoti",
        )
    return calibration_of(data, images=images, samples=samples, seed=seed)
