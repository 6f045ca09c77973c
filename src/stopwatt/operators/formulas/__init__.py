"""What operators have to do, from their shapes alone: one module for each group of families.

What counts: of products, convolutions, attention and recurrent layers a multiply-add as two operations, and nothing
else (biases, gates, softmax within attention), as papers and `torch.utils.flop_counter` count; of all others the
elementary steps of each element. What pads, masks or repeats counts too; of causal attention only pairs that are
needed. Bytes are the least that must be moved: what is read from each storage once, what is written once.
"""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas import (
    attention,
    convolution,
    creation,
    lookups,
    movement,
    normalisation,
    ordering,
    pointwise,
    pooling,
    products,
    recurrent,
    reductions,
)
from stopwatt.operators.formulas.call import Call, Unforeseen, is_view, opened, work
from stopwatt.operators.operator import Operator
from stopwatt.operators.work import Family, Work

_GROUPS = (
    products, attention, convolution, recurrent, normalisation, pointwise, reductions, pooling, lookups, movement,
    creation, ordering,
)  # fmt: skip

FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    name: formula for group in _GROUPS for name, formula in group.FORMULAS.items()
}
"""By the operator's plain name (`Call.name`)."""

_RESHAPED_IN_PLACE = frozenset(
    {"as_strided", "detach", "requires_grad", "squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze"}
)
"""Operators with a trailing underscore that change how a tensor is seen, not what it holds."""


def work_of(operator: Operator) -> Work:
    """What a call has to do.

    Whether it is a view is decided by aliasing: all that it gives shares storage with what it is given, and it does not
    write there.

    Args:
        operator: As captured, with what it gave.

    Returns:
        Always an answer: of the family `OTHER` and without operations where no formula knows the operator, or not in
        this form; bytes are known even then.
    """
    call = opened(operator)
    if is_view(call) or call.name in _RESHAPED_IN_PLACE or _is_idle(call):
        return work(call, Family.VIEW, {}, 0, reads=(), writes=0.0)
    formula = FORMULAS.get(call.name, _unknown)
    try:
        return formula(call)
    except (Unforeseen, LookupError, TypeError, ValueError):  # a form that another version of torch may have
        return _unknown(call)


def _unknown(call: Call) -> Work:
    return work(call, Family.OTHER, {}, None)


def _is_idle(call: Call) -> bool:
    """Dropout that writes in place, outside of training: nothing is read or written."""
    return "dropout" in call.name and call.in_place and call.value(2, "train") is False
