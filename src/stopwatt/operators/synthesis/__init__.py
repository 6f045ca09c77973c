"""Operators made from their sizes: what `formulas.work_of` reads from a call, the other way round.

Many calls have the same sizes; made is the plainest one of them, laid out as a model's own modules would call it:
dense, weights as weights, nothing in place. What sizes do not tell takes what models usually have (a bias in `linear`,
none in a convolution).
"""

from collections.abc import Callable, Mapping

from stopwatt.errors import Unsupported
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Operator
from stopwatt.operators.synthesis import pointwise, products, recurrent, rows, spatial
from stopwatt.operators.synthesis.parts import Sizes, refused
from stopwatt.operators.work import DIMENSIONS, Family

MADE: Mapping[Family, Mapping[str, Callable[[Sizes], Operator]]] = {
    Family.GEMM: products.PRODUCTS,
    Family.ATTENTION: products.ATTENTION,
    Family.CONVOLUTION: spatial.CONVOLUTIONS,
    Family.POOLING: spatial.POOLING,
    Family.RECURRENT: recurrent.RECURRENT,
    Family.NORM: rows.NORMS,
    Family.SOFTMAX: rows.SOFTMAX,
    Family.REDUCTION: rows.REDUCTIONS,
    Family.EMBEDDING: rows.EMBEDDINGS,
    Family.ELEMENTWISE: pointwise.POINTWISE,
    Family.MOVEMENT: pointwise.MOVEMENTS,
}
"""By family and kind. Views, creation, order and what has no formula cannot be made from sizes."""


def operator_of(family: Family, kind: str, dims: Mapping[str, float], dtype: str) -> Operator:
    """An operator with that work.

    Args:
        family: Of `MADE`.
        kind: As `Work.kind`.
        dims: As `Work.dims`: all of the family's, whole numbers.
        dtype: Element type of its operands.

    Returns:
        One whose `work_of` has this family, this kind and these sizes, and, where it has operands, this type.

    Raises:
        Unsupported: No operator is made of that family or kind, or none can have these sizes.
    """
    if family not in MADE:
        raise Unsupported(
            f"operators of the family {family} cannot be made from sizes",
            now=f"capture a model that calls one; made are {', '.join(MADE)}",
        )
    made = MADE[family].get(kind)
    if made is None:
        raise Unsupported(
            f"{kind!r} cannot be made from sizes", when=f"family {family}", now=f"made are {', '.join(MADE[family])}"
        )
    operator = made(_sizes(family, kind, dims, dtype))
    found = work_of(operator)
    if (found.family, found.kind, dict(found.dims)) != (family, kind, {name: float(dims[name]) for name in found.dims}):
        raise refused(kind, dims, "these sizes do not go together")
    return operator


def _sizes(family: Family, kind: str, dims: Mapping[str, float], dtype: str) -> Sizes:
    """The sizes as whole numbers, all at least 1 but for those that may be absent."""
    names = DIMENSIONS[family]
    if set(dims) != set(names):
        raise refused(kind, dims, f"needed are {', '.join(names)}")
    wrong = [name for name in names if dims[name] % 1 or dims[name] < (name not in {"causal", "window"})]
    if wrong and not (family is Family.POOLING and wrong == ["kernel"] and dims["kernel"] > 0):
        raise refused(kind, dims, f"{wrong[0]} is no whole number from 1 on")
    return Sizes(kind, {name: int(dims[name]) for name in names}, dtype)
