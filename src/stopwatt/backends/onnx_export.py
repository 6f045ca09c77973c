"""A workload as an ONNX file with static shapes: exported from its module, or its own file with shapes filled in."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopwatt.backends.onnx_graph import fix_shapes, precision_of
from stopwatt.backends.probe import installed_version
from stopwatt.backends.quiet import quiet
from stopwatt.backends.requests import example_inputs, require_module
from stopwatt.backends.torch_runner import dtype_of, tensors
from stopwatt.errors import Unsupported
from stopwatt.records import Precision, Setup
from stopwatt.workloads.base import Arrays, Built

if TYPE_CHECKING:
    import torch

INLINE_LIMIT = 1 << 30
"""Weights beyond this many bytes go to a file of their own: one ONNX file holds 2 GiB at most."""


def write_onnx(built: Built, setup: Setup, calibration: Sequence[Arrays], path: Path, *, precision: Precision) -> None:
    """Write the workload as it is before quantisation.

    Args:
        built: The workload.
        setup: Named in errors; decides the batch.
        calibration: Its first set is what the module is traced with.
        path: Of the file to write.
        precision: Format of the graph; for int8 a graph in fp32 that is to be quantised.

    Raises:
        Unsupported: An operator has no ONNX mapping (named as the exporter names it), or the workload is an ONNX file
            that computes in another format.
    """
    example = example_inputs(built, setup, calibration)
    named = dict(zip(built.input_names, example, strict=True))
    if built.onnx is None:
        module = require_module(built, setup)
        _require_exporter(setup)
        _export(module, named, dtype_of(precision), setup, path)
    else:
        _copy(built.onnx, named, precision, setup, path)


def save(model: Any, path: Path) -> None:
    """Save a model, its weights beside it if they are large."""
    import onnx

    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > INLINE_LIMIT
    onnx.save(model, str(path), save_as_external_data=large, location=f"{path.name}.data" if large else None)


def _copy(source: Path, named: Mapping[str, Any], precision: Precision, setup: Setup, path: Path) -> None:
    import onnx

    model = onnx.load(str(source))
    native = precision_of(model)
    quantisable = native is Precision.FP32 and precision in {Precision.TF32, Precision.INT8}
    if precision is not native and not quantisable:
        raise Unsupported(
            f"{source.name} computes in {native}, {precision} was asked for: an ONNX file runs as it is",
            when=setup.label,
            now=f"use {native}" + (" or int8" if native is Precision.FP32 else ""),
        )
    save(fix_shapes(model, {name: array.shape for name, array in named.items()}), path)


def _require_exporter(setup: Setup) -> None:
    for package in ("onnx", "onnxscript"):
        if not installed_version(package):
            raise Unsupported(
                f"exporting to ONNX needs {package}", when=setup.label, now="pip install 'stopwatt[onnx]'"
            )


def _export(
    module: "torch.nn.Module", named: Mapping[str, Any], dtype: "torch.dtype", setup: Setup, path: Path
) -> None:
    with quiet():
        import torch

        inputs = tensors(tuple(named.values()), torch.device("cpu"), dtype)
        try:
            with torch.no_grad():
                program = torch.onnx.export(
                    module.to(dtype=dtype), inputs, input_names=list(named), dynamo=True, verbose=False
                )
        except torch.onnx.OnnxExporterError as error:
            raise _refusal(error, setup) from error
        if program is None:
            raise Unsupported("the ONNX exporter returned nothing", when=setup.label, now="use another backend")
        program.save(str(path), external_data=_bytes(module) > INLINE_LIMIT)


def _bytes(module: "torch.nn.Module") -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())


def _refusal(error: BaseException, setup: Setup) -> Unsupported:
    """The exporter's reason, which stands at the end of its chain of causes."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    missing = re.search(r"No ONNX function found for <OpOverload\(op='([^']+)', overload='([^']+)'\)>", text)
    if missing:
        operator = missing[1] if missing[2] == "default" else f"{missing[1]}.{missing[2]}"
        return Unsupported(
            f"ONNX has no mapping for operator {operator}",
            when=setup.label,
            now=f"write the model without {operator}, or use eager, compile or aoti",
        )
    return Unsupported(
        f"the module cannot be exported to ONNX: {type(error).__name__}: {text[:300]}",
        when=setup.label,
        now="use eager, compile or torchscript",
    )
