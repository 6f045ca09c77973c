"""Recurrent layers: each matrix of weights times the input or the state, for every step of every sample.

Gates are element-wise and not counted. An LSTM layer comes to 8 h (x + h) operations a step and sample
(Hochreiter & Schmidhuber 1997), with a projection and both directions to what their matrices hold.
"""

from collections.abc import Callable, Mapping, Sequence

from stopwatt.operators.formulas.call import Call, Unforeseen, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.operator import Tensor
from stopwatt.operators.work import Family, Work

_GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
_MODES = ("rnn_relu", "rnn_tanh", "lstm", "gru")  # as oneDNN's and cuDNN's operators of torch number them
_MATRIX = 2


def _work(call: Call, kind: str, tokens: int, steps: int, weights: Sequence[Tensor], *, directions: int = 1) -> Work:
    """The work of layers whose first two matrices are those of the input and of the state of the first layer."""
    matrices = [one for one in weights if len(one.shape) == _MATRIX]
    if len(matrices) < _MATRIX:
        raise Unforeseen("weights that are packed")
    gates = _GATES[kind]
    hidden = matrices[0].shape[0] // gates
    from_input = sum(1 for one in matrices if one.shape[0] == gates * hidden)  # without projections
    dims = {
        "steps": steps,
        "batch": tokens // max(steps, 1),
        "inputs": matrices[0].shape[1],
        "hidden": hidden,
        "layers": from_input // _MATRIX // directions,
        "directions": directions,
        "gates": gates,
    }
    return work(call, Family.RECURRENT, dims, 2 * tokens * sum(numel(one) for one in matrices), kind=kind)


def _layers(call: Call) -> Work:
    """`lstm.input`: padded sequences; `lstm.data`: packed ones, `[tokens, inputs]` and samples of each step."""
    given = call.tensor(0, "input")
    if call.overload == "data":
        steps, tokens = call.tensor(1, "batch_sizes").shape[0], given.shape[0]
        weights, bidirectional = call.tensors(3, "params"), call.value(8, "bidirectional")
    else:
        time = 1 if call.value(8, "batch_first") else 0
        steps, tokens = given.shape[time], given.shape[0] * given.shape[1]
        weights, bidirectional = call.tensors(2, "params"), call.value(7, "bidirectional")
    return _work(call, call.name, tokens, steps, weights, directions=2 if bidirectional else 1)


def _onednn(call: Call) -> Work:
    """One layer in one direction."""
    given = call.tensor(0, "input")
    time = 1 if call.value(14, "batch_first") else 0
    weights = [call.tensor(1, "weight0"), call.tensor(2, "weight1")]
    kind = _MODES[call.value(9, "mode")]
    return _work(call, kind, given.shape[0] * given.shape[1], given.shape[time], weights)


def _cudnn(call: Call) -> Work:
    given, sizes = call.tensor(0, "input"), call.value(14, "batch_sizes", ())
    time = 1 if call.value(10, "batch_first") else 0
    steps, tokens = (len(sizes), given.shape[0]) if sizes else (given.shape[time], given.shape[0] * given.shape[1])
    directions = 2 if call.value(13, "bidirectional") else 1
    kind = _MODES[call.value(6, "mode")]
    return _work(call, kind, tokens, steps, call.tensors(1, "weight"), directions=directions)


def _cell(call: Call) -> Work:
    """One step of one layer."""
    weights = [call.tensor(2, "w_ih"), call.tensor(3, "w_hh")]
    return _work(call, call.name.removesuffix("_cell"), call.tensor(0, "input").shape[0], 1, weights)


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(_GATES, _layers),
    **{f"{name}_cell": _cell for name in _GATES},
    "mkldnn_rnn_layer": _onednn,
    "_cudnn_rnn": _cudnn,
}
