"""What exporters would make of a model, found out before any of them is asked: as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.records import Trouble


@dataclass(frozen=True, slots=True)
class Refusal:
    """Operators of one name in one module that an exporter has nothing for.

    Attributes:
        operator: As the exporter names it (`aten::fft_rfft`).
        module: Where it is called (`encoder.layers.0.mixer`), and the class of that; empty for the model itself.
        kind: The module's class.
        count: Calls in one call of the model.
        share: Of the time of one call; `None` where that could not be measured.
        why: In the exporter's words.
    """

    operator: str
    module: str
    kind: str
    count: int
    share: float | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model as exporters see it.

    Attributes:
        operators: Calls of operators in the exported graph.
        kinds: Different operators among them.
        refusals: By exporter (`onnx`, `aoti`) and by runtime (`onnxruntime`, `openvino`, `tensorrt`): what it has
            nothing for; one that could not be asked is missing.
        trouble: Why there is no graph.
        file: Whether the model is an ONNX file: there is no module that could be exported in another way.
    """

    operators: int = 0
    kinds: int = 0
    refusals: Mapping[str, tuple[Refusal, ...]] = field(default_factory=dict)
    trouble: Trouble | None = None
    file: bool = False
