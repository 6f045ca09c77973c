"""Whether the answers of a model mean what its contract says, seen before anything is converted."""

from stopwatt.errors import WorkloadError
from stopwatt.measuring.bundle import Bundle
from stopwatt.serving.contract import Placement
from stopwatt.serving.decoding import WrongOutputs, decoded


def require_meaning(bundle: Bundle, source: str) -> None:
    """Refuse a model whose answers cannot be read.

    Args:
        bundle: Inputs and the reference's answers.
        source: As the user wrote it.

    Raises:
        WorkloadError: Number, shape or values of the outputs are not what the contract says.
    """
    contract = bundle.contract
    if contract is None:
        return
    size = Placement(contract.preprocess.width, contract.preprocess.height)
    outputs = bundle.outputs[0]
    try:
        decoded(outputs, contract, [size] * len(bundle.inputs[0][0]))
    except WrongOutputs as error:
        raise WorkloadError(
            f"the outputs of {source} are not what its contract says: {error.what}",
            when=error.when,
            now="mend decoding or labels of the contract, or the model; docs/pack.md lists what each decoding expects",
        ) from error
