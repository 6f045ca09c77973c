"""`stopwatt pack` and `stopwatt unpack`: a converted model, with what it takes to trust and serve it, in one file."""

import json as json_text
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import TARGET, AsJson, Batches, HostThreads, OnDevice, Params

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stopwatt.packing.check import Checked
    from stopwatt.reporting.pack import PackProgress

PACK = Group("The pack", sort_key=2)
INT8 = Group("What int8 is calibrated on", sort_key=3)


def pack(
    workload: Annotated[
        str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, FILE.onnx, FILE.pt2.")
    ],
    /,
    *,
    out: Annotated[Path, Parameter(group=PACK, help="The file to write, NAME.swpack.")],
    backend: Annotated[
        str, Parameter(group=TARGET, help="onnxruntime, openvino, aoti, torchscript or tensorrt; NAME:VARIANT.")
    ] = "onnxruntime",
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16, bf16 or int8.")] = "fp32",
    batch: Batches = "1",
    param: Params = (),
    contract: Annotated[
        Path | None,
        Parameter(group=TARGET, help="YAML or JSON: what the images of a .onnx or .pt2 file or a folder are."),
    ] = None,
    device: OnDevice = "cpu",
    threads: HostThreads = 0,
    seed: Annotated[int, Parameter(group=TARGET, help="Seeds weights and inputs.")] = 0,
    tolerance: Annotated[
        float | None,
        Parameter(group=PACK, help="Largest deviation from fp32 eager that passes; by precision if absent."),
    ] = None,
    force: Annotated[bool, Parameter(group=PACK, negative="", help="Replace the file if it is there already.")] = False,
    timeout: Annotated[str, Parameter(group=PACK, help="Longest time for one step (1h).")] = "1h",
    data: Annotated[
        str,
        Parameter(group=INT8, help="Images as `stopwatt run` takes them, or arrays by input name (.npz, .csv, ...)."),
    ] = "",
    images: Annotated[
        Path | None, Parameter(group=INT8, help="Folder of the images that annotations or a list name.")
    ] = None,
    calibrate: Annotated[int, Parameter(group=INT8, help="Samples that are drawn from the data; 0: 128, or all.")] = 0,
    json: AsJson = False,
) -> None:
    """Convert a model for a runtime and write it, with all that is needed to trust and serve it, as one file.

    Three examples:

        stopwatt pack resnet --out resnet.swpack

        stopwatt pack examples/detector/model.py:detector --precision int8 --data shapes --out detector.swpack

        stopwatt pack model.onnx --backend openvino --out onnx.swpack --json
    """
    from stopwatt.cli.options import batches, parameters
    from stopwatt.packing.pack import Asked, run_pack
    from stopwatt.packing.preflight import Refused
    from stopwatt.reporting.pack import pack_document, preflight_document
    from stopwatt.units import parse
    from stopwatt.workloads.contracted import contracted

    source = workload if contract is None else contracted(contract, workload)
    asked = Asked(
        source, out, parameters(param), backend, precision, batches(batch), device, threads, seed, tolerance,
        force, parse(timeout, "s"), data, images, calibrate,
    )  # fmt: skip
    with progress() as watcher:
        try:
            opened = run_pack(asked, watcher)
        except Refused as refused:
            if json:
                print(json_text.dumps(preflight_document(refused.preflight), indent=2))
            raise
    if json:
        print(json_text.dumps(pack_document(opened), indent=2))
    else:
        from stopwatt.reporting.console import console_for
        from stopwatt.reporting.pack import show_pack

        show_pack(console_for(sys.stdout), opened)


def unpack(
    path: Annotated[Path, Parameter(help="A file that `stopwatt pack` wrote.")],
    /,
    *,
    check: Annotated[
        bool, Parameter(group=PACK, negative="", help="Run its models here and compare their answers again.")
    ] = False,
    out: Annotated[Path | None, Parameter(group=PACK, help="Copy its files to this folder, made anew.")] = None,
    device: Annotated[
        str, Parameter(group=TARGET, help="Where to run it: cpu, cuda, cuda:1; as packed if empty.")
    ] = "",
    threads: Annotated[int, Parameter(group=TARGET, help="Host threads; 0: as packed.")] = 0,
    timeout: Annotated[str, Parameter(group=PACK, help="Longest time for one model (1h).")] = "1h",
    json: AsJson = False,
) -> None:
    """Check a pack's checksums and say what it is; run it again, or take it apart.

    Three examples:

        stopwatt unpack resnet.swpack

        stopwatt unpack resnet.swpack --check

        stopwatt unpack resnet.swpack --out resnet-files --json
    """
    from stopwatt.packing.check import check_pack
    from stopwatt.packing.copying import copy_files
    from stopwatt.packing.opened import open_pack
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.pack import pack_document, show_checked, show_pack
    from stopwatt.units import parse

    opened = open_pack(path)
    if out is not None:
        copy_files(opened, out)
    checked: tuple[Checked, ...] = ()
    if check:
        with progress() as watcher:
            checked = check_pack(opened, watcher, device=device, threads=threads, timeout_s=parse(timeout, "s"))
    if json:
        print(json_text.dumps(pack_document(opened, checked), indent=2))
        return
    console = console_for(sys.stdout)
    show_pack(console, opened)
    if checked:
        show_checked(console, opened, checked)
    if out is not None:
        console.print(f"{out}: {len(opened.manifest.files)} files", soft_wrap=True, markup=False)


@contextmanager
def progress() -> "Iterator[PackProgress]":
    """A line that says how the packing goes."""
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.pack import PackProgress

    line = PackProgress(console_for(sys.stderr))
    line.begin(0, 0)
    try:
        yield line
    finally:
        line.end()
