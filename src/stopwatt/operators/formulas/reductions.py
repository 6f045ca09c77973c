"""Reductions and running sums: every element is read once, a few numbers (or as many) are given."""

from collections.abc import Callable, Mapping

from stopwatt.operators.formulas.call import Call, work
from stopwatt.operators.formulas.pointwise import each_element, pointwise
from stopwatt.operators.formulas.touched import numel
from stopwatt.operators.work import Family, Work

_ONE_STEP = """
    all amax amin any argmax argmin count_nonzero cummax cummin cumprod cumsum logcumsumexp mean nanmean nansum prod
    sum trace
"""
_TWO_STEPS = (
    "aminmax allclose dist equal logsumexp linalg_norm linalg_vector_norm norm frobenius_norm"  # a square, a comparison
)
_THREE_STEPS = "cosine_similarity"  # a product and a square of each element, each added up: 6 a pair
_FOUR_STEPS = "std std_mean var var_mean"  # sum; difference, square, sum
_EITHER = "max min"  # of a tensor, or of two at each place


def _reduction(steps: int) -> Callable[[Call], Work]:
    def formula(call: Call) -> Work:
        elements = sum(numel(one) for one in call.inputs)
        outputs = numel(call.outputs[0]) if call.outputs else 1
        return work(call, Family.REDUCTION, {"elements": elements, "outputs": outputs}, steps * elements)

    return formula


def _extreme(call: Call) -> Work:
    return pointwise(call) if call.overload in {"other", "out"} and len(call.inputs) > 1 else _reduction(1)(call)


def _diff(call: Call) -> Work:
    """Differences of neighbours, as often as `n` says."""
    return each_element(call, int(call.value(1, "n", 1)))


FORMULAS: Mapping[str, Callable[[Call], Work]] = {
    **dict.fromkeys(_ONE_STEP.split(), _reduction(1)),
    **dict.fromkeys(_TWO_STEPS.split(), _reduction(2)),
    **dict.fromkeys(_THREE_STEPS.split(), _reduction(3)),
    **dict.fromkeys(_FOUR_STEPS.split(), _reduction(4)),
    **dict.fromkeys(_EITHER.split(), _extreme),
    "diff": _diff,
}
