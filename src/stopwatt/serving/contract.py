"""The contract between a model and whoever serves it: pixels in, meaning out."""

from dataclasses import dataclass, field
from enum import StrEnum


class Task(StrEnum):
    """What a model is for."""

    DETECT = "detect"  # boxes with classes and scores
    CLASSIFY = "classify"  # classes with scores
    EMBED = "embed"  # one vector for each image
    RAW = "raw"  # the outputs as they are


class Fit(StrEnum):
    """How an image of any size becomes one of the model's size."""

    LETTERBOX = "letterbox"  # keeps its ratio; padded at the right and at the bottom
    STRETCH = "stretch"  # loses its ratio
    CROP = "crop"  # keeps its ratio; its centre is cut out


class Decoding(StrEnum):
    """What the outputs of a model are, in order; B images, N places."""

    BOXES = "boxes"  # boxes [B, N, 4] as x0 y0 x1 y1 in pixels of the input, scores [B, N] 0 to 1, classes [B, N]
    DETR = "detr"  # logits [B, N, classes], boxes [B, N, 4] as centre, width, height in shares of the input; sigmoid
    LOGITS = "logits"  # [B, classes]; softmax
    VECTOR = "vector"  # [B, width]
    ARRAYS = "arrays"  # any


@dataclass(frozen=True, slots=True)
class Preprocess:
    """From an image file to the input of a model.

    Attributes:
        height, width: Of the input, in pixels.
        fit: How an image of another size gets there. Bilinear, antialiased where it shrinks.
        mean, std: Of each channel, in shares of 255: the model sees `(pixel / 255 - mean) / std`.
        padding: Value of the pixels that a letterbox adds.
        inside: Whether the packed model takes bytes, uint8 [B, height, width, 3] RGB, and normalises them itself; else
            it takes float32 [B, 3, height, width], normalised.
    """

    height: int
    width: int
    fit: Fit = Fit.LETTERBOX
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    padding: int = 114
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """What a model is given and what it means.

    Attributes:
        task: What it is for.
        preprocess: What it is given.
        decoding: What its outputs are.
        labels: Names of the classes, in order; empty where nobody knows them.
        category_ids: What annotations call the classes, in order; empty for 1, 2, 3, ...
        threshold: Least score of what is reported.
        most: Detections (or classes) of an image that are reported at most.
    """

    task: Task
    preprocess: Preprocess
    decoding: Decoding
    labels: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()
    threshold: float = 0.05
    most: int = 100


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in the input that was made of it: `x_input = x_image * scale_x + left`.

    Attributes:
        width, height: Of the image.
        scale_x, scale_y: Pixels of the input for a pixel of the image.
        left, top: Where the image's corner lies in the input; below 0 where it was cropped.
    """

    width: int
    height: int
    scale_x: float = 1.0
    scale_y: float = 1.0
    left: float = 0.0
    top: float = 0.0

    def __reduce__(self) -> "tuple[type[Placement], tuple[int, int, float, float, float, float]]":
        """Pickled as a call, in a third of a frozen dataclass's time: one goes with every image."""
        return Placement, (self.width, self.height, self.scale_x, self.scale_y, self.left, self.top)


@dataclass(frozen=True, slots=True)
class Detection:
    """One object, in pixels of the image; x and y of its upper left corner, clipped to the image.

    Its category is what annotations call the class (`Contract.category_ids`).
    """

    x: float
    y: float
    width: float
    height: float
    score: float
    category: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a model said of one image; one of the three, as the task has it.

    Attributes:
        detections: By falling score.
        classes: Class number and score, by falling score.
        arrays: Raw outputs or the vector, one array an output without the batch: (dtype, shape, bytes).
    """

    detections: tuple[Detection, ...] = ()
    classes: tuple[tuple[int, float], ...] = ()
    arrays: tuple[tuple[str, tuple[int, ...], bytes], ...] = field(default=())
