"""New tensors: nothing is read, everything is written, but for what is left as it was found."""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_FILLED = """
    arange eye fill full full_like hann_window hamming_window linspace logspace new_full new_ones
    new_zeros normal normal_functional ones ones_like rand rand_like randint randint_like randn randn_like random
    randperm scalar_tensor tril_indices triu_indices uniform zero zeros zeros_like exponential
"""
_EMPTY = "empty empty_like empty_permuted empty_strided new_empty new_empty_strided resize"


def _filled(call: Call) -> Work:
    return work(call, Family.CREATION, {"elements": numel(call.output)}, 0, reads=())


def _empty(call: Call) -> Work:
    """Memory without values: nothing is written."""
    return work(call, Family.CREATION, {"elements": numel(call.output)}, 0, reads=(), writes=0.0)


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(_FILLED.split(), _filled),
    **dict.fromkeys(_EMPTY.split(), _empty),
}
