"""Order: sorting, the largest few, what is not zero. Operations are the comparisons that are needed at least."""

import math
from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_SELECTED = """
    argwhere bincount bucketize histc isin kthvalue median mode multinomial nanmedian nonzero nonzero_numpy quantile
    searchsorted topk
"""
_UNIQUE = "_unique _unique2 unique_consecutive unique_dim"


def _sorted(call: Call) -> Work:
    """Along one dimension: `log2(n!)` comparisons tell all orders of n apart, about n log2 n."""
    given = call.tensor(0, "self")
    dim = call.operator.keywords.get("dim", call.value(1, "dim", -1))
    return _ordered(call, given.shape[int(dim)] if given.shape else 1)


def _unique(call: Call) -> Work:
    """All elements of the tensor."""
    return _ordered(call, numel(call.tensor(0, "self")))


def _ordered(call: Call, row: int) -> Work:
    elements, kept = numel(call.tensor(0, "self")), numel(call.output)
    return work(call, Family.ORDER, {"elements": elements, "kept": kept}, elements * math.log2(max(row, 1)))


def _selected(call: Call) -> Work:
    """Every element is looked at once, and some are kept."""
    elements = numel(call.tensor(0, "self"))
    return work(call, Family.ORDER, {"elements": elements, "kept": numel(call.output)}, elements)


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(("sort", "argsort", "msort"), _sorted),
    **dict.fromkeys(_UNIQUE.split(), _unique),
    **dict.fromkeys(_SELECTED.split(), _selected),
}
