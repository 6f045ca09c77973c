"""How to run a setup in one's own program: a few lines of Python."""

from stopwatt.records import Cell, Precision, Setup

_TORCH_DTYPE = {Precision.FP16: "torch.float16", Precision.BF16: "torch.bfloat16"}
PACKED = ("onnxruntime", "openvino", "torchscript", "aoti", "tensorrt")
"""Backends whose converted model a pack holds."""


def snippet(cell: Cell, pack: str = "") -> str:
    """Lines that load and call the model of a cell as it was measured.

    Args:
        cell: The setup.
        pack: The pack that holds it; empty where there is none.
    """
    setup = cell.setup
    if setup.backend in PACKED:
        return _of_pack(setup, pack or "best.swpack")
    return _of_module(cell)


def _of_pack(setup: Setup, pack: str) -> str:
    return "\n".join(
        (
            "from stopwatt.packing.opened import open_pack",
            "",
            f"runner = open_pack({pack!r}).runner({setup.batch}, {setup.device!r}, {setup.threads})",
            "with runner.active():",
            "    outputs = runner.fetch(runner.call(runner.stage(inputs)))  # inputs: a tuple of numpy arrays",
        )
    )


def _of_module(cell: Cell) -> str:
    setup = cell.setup
    params = dict(cell.workload.params)
    lines = [
        "import torch",
        "from stopwatt.techniques.catalogue import apply",
        "from stopwatt.records import Precision, Setup",
        "from stopwatt.workloads.resolve import resolve",
        "",
        f"torch.set_num_threads({setup.threads})",
        f"built = resolve({cell.workload.source!r}).build({params!r}, seed={cell.protocol.seed})",
    ]
    if setup.techniques:
        what = f"Precision({str(setup.precision)!r}), {setup.batch}, {setup.device!r}, techniques={setup.techniques!r}"
        lines.append(f"setup = Setup({setup.backend!r}, {setup.variant!r}, {what})")
        lines.append("built, _ = apply(built, setup, ())")
    else:
        lines.remove("from stopwatt.techniques.catalogue import apply")
        lines.remove("from stopwatt.records import Precision, Setup")
    dtype = f", {_TORCH_DTYPE[setup.precision]}" if setup.precision in _TORCH_DTYPE else ""
    lines.append(f"model = built.module.to({setup.device!r}{dtype})")
    if setup.backend == "compile":
        mode = f", mode={setup.variant!r}" if setup.variant else ""
        lines.append(f"model = torch.compile(model{mode}, dynamic=False)")
    lines += ["with torch.inference_mode():", "    outputs = model(*inputs)  # inputs: tensors of the workload"]
    return "\n".join(lines)
