"""The runs of `bulk_gpu`."""

from dataclasses import dataclass

BY_HAND = "by hand"
"""One command a GPU, each with a part of the images."""
BESIDE = 3
"""Turn of the run on one GPU of a machine that has several: what these are set beside."""


@dataclass(frozen=True)
class Arm:
    """One run.

    Attributes:
        images: How many; so that it lasts long enough for a share of the time to mean something.
        backend: That runs the model in place, or that it is packed for.
        precision: Of the model.
        batch: Images of a call.
        workers: Processes with a model; `BY_HAND` has one command for each GPU.
        devices: GPUs.
        queue: Whether decoders put images into a queue; else workers decode.
        turn: Which of several equal ones.
    """

    images: int
    backend: str = "eager"
    precision: str = "bf16"
    batch: int = 8
    workers: int | str = 1
    devices: int = 1
    queue: bool = True
    turn: int = 1

    @property
    def key(self) -> str:
        """Names it."""
        parts = (self.backend, self.precision, f"b{self.batch}", f"w{self.workers}", f"g{self.devices}")
        return "-".join((*parts, "queue" if self.queue else "direct", str(self.turn))).replace(" ", "-")


PACKED = ("torchscript", "aoti")
ONE = (
    Arm(3000), Arm(3000, workers=2), Arm(3000, workers=4),
    Arm(4000, "eager+channels-last"), Arm(4000, "eager+channels-last", workers=2), Arm(4000, "compile"),
    Arm(4000, "compile", workers=2), Arm(4000, "compile+channels-last"),
    Arm(900, precision="fp32"), Arm(1500, precision="tf32"), Arm(3000, precision="fp16"),
    Arm(600, queue=False), Arm(1500, workers=4, queue=False),
    Arm(1500, batch=1), Arm(3000, batch=32), Arm(3000, "cudagraph"), Arm(3000, turn=2),
    Arm(1500, batch=1, workers=4), Arm(3000, "torchscript"), Arm(4000, "aoti"),
)  # fmt: skip
"""On one GPU, in this order."""


def several(devices: int) -> tuple[Arm, ...]:
    """On so many GPUs: a process each, one process for all, and commands by hand."""
    counts = [count for count in (2, 4, 8) if count <= devices]
    each = [Arm(3000 * count, workers=count, devices=count) for count in counts]
    return (
        Arm(3000, turn=BESIDE), each[-1], Arm(6000, workers=1, devices=devices),
        Arm(2000, batch=1, workers=1, devices=devices), Arm(1500 * devices, batch=1, workers=devices, devices=devices),
        Arm(3000 * devices, workers=BY_HAND, devices=devices), *each[:-1],
        Arm(4000 * devices, "compile", workers=devices, devices=devices),
        Arm(8000, "compile", workers=1, devices=devices),
    )  # fmt: skip
