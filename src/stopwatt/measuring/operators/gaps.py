"""Time on the host between operators: Python code, modules, what a model does beside calling operators.

While operators run, the time between them is longer than it is: they empty the caches of the core. So the model is
called again with operators that do nothing but return what they returned before; then only what is between them is
left, and the path is the same one since every value is. What hearing of a call costs depends on the operator, whose
arguments are looked through: it is measured in the same process, for each operator in a chain of calls that have
nothing between them, and subtracted. These chains call operators as a replay does, so that what a replay's own call
takes from Python is not counted twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.operators.interception import intercepting

PASSES = 101
"""At most: the median of so many."""
SECONDS = 0.25
"""No pass begins after so long, but for the first."""
CHAIN = 50
"""Calls of a chain that shows what hearing of an operator costs; each is called in several chains."""
_CHAINS = 3


class Heard(NamedTuple):
    """One call of an operator: a tuple, since there is one for each of a model's calls.

    Attributes:
        function: What torch called.
        args, kwargs: What it was given.
        returned: What it gave.
    """

    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    returned: Any


class Remembered(NamedTuple):
    """What operators returned, call by call.

    Attributes:
        functions: Which operator.
        returned: What it gave.
        marked: Numbers of the calls whose tensors autograd has marked as views: these must be new ones each time.
    """

    functions: Sequence[Any]
    returned: Sequence[Any]
    marked: frozenset[int]

    @classmethod
    def of(cls, heard: Sequence[Heard]) -> "Remembered":
        """Of calls in their order."""
        returned = [one.returned for one in heard]
        marked = frozenset(number for number, value in enumerate(returned) if _marked(value))
        return cls([one.function for one in heard], returned, marked)


class OtherPath(Exception):  # noqa: N818  (what happened)
    """The model called another operator than the first time: it keeps a state that decides what it does."""


def gaps_of(
    call: Callable[[], Any], heard: Sequence[Heard], *, passes: int = PASSES, seconds: float = SECONDS
) -> NDArray[np.float64]:
    """Nanoseconds before each call of an operator and after the last one, shape (calls + 1,).

    Args:
        call: Calls the model.
        heard: Each operator that it called, in order.
        passes: Most passes; the result is their median.
        seconds: No further pass begins after so long.

    Raises:
        OtherPath: The model did not call the same operators again.
    """
    costs: dict[int, float] = {}  # by id: functions of torch are slow to hash
    for one in heard:
        if id(one.function) not in costs:
            costs[id(one.function)] = hearing_ns(one)
    remembered = Remembered.of(heard)
    begin = now_ns()
    found: list[NDArray[np.float64]] = []
    while not found or (len(found) < passes and now_ns() - begin < seconds * 1e9):
        found.append(_one_pass(call, remembered))
    between = np.median(found, axis=0)
    gaps: NDArray[np.float64] = np.maximum(between - _shares([costs[id(one.function)] for one in heard]), 0.0)
    return gaps


def _shares(costs: Sequence[float]) -> NDArray[np.float64]:
    """What of hearing is in each gap: half of it on the way into the handler, half of it on the way out."""
    halves = np.asarray(costs, dtype=np.float64) / 2
    shares: NDArray[np.float64] = np.concatenate([halves, [0.0]]) + np.concatenate([[0.0], halves])
    return shares


def hearing_ns(one: Heard, calls: int = CHAIN) -> float:
    """Median time from the end of one heard call of an operator to the beginning of the next, nothing between them."""
    import torch

    with torch.inference_mode():

        def chain() -> None:
            for _ in range(calls):
                one.function(*one.args, **one.kwargs)

        remembered = Remembered.of([one] * calls)
        chains = [_one_pass(chain, remembered)[1:-1] for _ in range(_CHAINS)]
    return float(np.median(np.concatenate(chains[1:])))


def _one_pass(call: Callable[[], Any], remembered: Remembered) -> NDArray[np.float64]:
    functions, values, marked = remembered
    most = len(functions)
    entered, left = [0] * (most + 1), [0] * (most + 1)  # lists are quicker to write to, one by one
    number = 0

    def answer(function: Any, _args: Sequence[Any], _kwargs: Mapping[str, Any]) -> Any:
        nonlocal number
        at = now_ns()
        if number == most or functions[number] is not function:
            raise OtherPath
        entered[number] = at
        returned = _alias(values[number]) if number in marked else values[number]
        number += 1
        left[number] = now_ns()
        return returned

    with intercepting(answer):
        left[0] = now_ns()
        call()
        entered[most] = now_ns()
    if number != most:
        raise OtherPath
    return np.asarray(entered, dtype=np.float64) - np.asarray(left, dtype=np.float64)


def _marked(value: Any) -> bool:
    import torch

    if isinstance(value, torch.Tensor):
        return not value.is_inference()
    return isinstance(value, list | tuple) and any(_marked(one) for one in value)


def _alias(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return torch.ops.aten.alias.default(value)
    return type(value)(_alias(one) for one in value) if isinstance(value, list | tuple) else value
