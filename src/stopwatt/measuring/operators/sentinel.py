"""The same fixed work at the head and the end of every job: where it takes longer, the machine was not as before."""

from stopwatt.devices.resolve import kind_of
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.replay import Mode, ReplayRules

RULES = ReplayRules(modes=(Mode.REUSE,))
"""How it is measured, whatever the rules of its job are: so that all jobs of a machine can be compared."""
_SIDES = {"cpu": 384, "cuda": 4096}
"""Of its matrices: about a millisecond of a core, and of a GPU."""


def sentinel(device: str) -> Operator:
    """A product of two square matrices into a third. Nobody's model calls it like that: it is told apart."""
    side = _SIDES[kind_of(device)]
    left, right, result = (Tensor((side, side), strides=(side, 1), storage=number) for number in range(3))
    arguments, keywords = ({"tensor": 0}, {"tensor": 1}), {"out": {"tensor": 2}}
    return Operator("aten.mm.out", (left, right, result), arguments, keywords, (result,))
