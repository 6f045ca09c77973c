"""Operators that a function calls, taken down as captures do."""

from stopwatt.measuring.operators.arguments import Encoder, Storages, storage_of
from stopwatt.measuring.operators.interception import intercepting


def operators_of(function, *inputs, weights=()):
    """One operator for each call, in order; under inference mode, so that composite operators come whole."""
    import torch

    storages = Storages()
    storages.weights.update(map(storage_of, weights))
    storages.inputs.update(storage_of(one) for one in inputs if isinstance(one, torch.Tensor))
    encoder, sequence = Encoder("cpu", storages), []

    def handler(operator, args, kwargs):
        call = encoder.before(operator, args, kwargs)
        answer = operator(*args, **kwargs)
        sequence.append(encoder.after(call, answer))
        return answer

    with torch.inference_mode(), intercepting(handler):
        function(*inputs)
    return [encoder.operators[number] for number in sequence]


def only(function, *inputs, weights=()):
    """The one operator that a function calls."""
    (found,) = operators_of(function, *inputs, weights=weights)
    return found


def state_of(module):
    """Parameters and buffers."""
    return [*module.parameters(), *module.buffers()]
