"""What an operator is wherever it runs: the same model calls the same operators on a CPU and on a GPU."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stopwatt.operators.operator import Operator, Tensor

_DEVICE = "device"


def portable_key(operator: Operator) -> str:
    """Content key without the device that arguments name and without what says which memory a tensor lies in.

    Args:
        operator: Captured anywhere.
    """
    same = replace(
        operator,
        tensors=tuple(map(_anywhere, operator.tensors)),
        arguments=tuple(_without(one) for one in operator.arguments),
        keywords={name: _without(one) for name, one in operator.keywords.items()},
        outputs=tuple(map(_anywhere, operator.outputs)),
    )
    return same.key


def _anywhere(tensor: Tensor) -> Tensor:
    return replace(tensor, host=False)


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: "" if name == _DEVICE else _without(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without(one) for one in value]
    return value
