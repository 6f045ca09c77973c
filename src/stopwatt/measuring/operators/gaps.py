"""Time on the host between operators: Python code, modules, what a model does beside calling operators.

While operators run, the time between them is longer than it is: they empty the caches of the core. So the model is
called again with operators that do nothing but return what they returned before; then only what is between them is
left, and the path is the same one since every value is. What hearing of a call costs is measured in the same process,
between calls that have nothing between them, and subtracted.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stopwatt.measuring.clock import now_ns
from stopwatt.measuring.operators.interception import intercepting

PASSES = 15
"""At most: the median of so many."""
SECONDS = 0.25
"""No pass begins after so long, but for the first."""
_CHAIN = 500
"""Calls of the chain that shows what interception costs."""


Returned = Callable[[], Any]
"""Gives what an operator returned."""


class OtherPath(Exception):  # noqa: N818  (what happened)
    """The model called another operator than the first time: it keeps a state that decides what it does."""


def gaps_of(
    call: Callable[[], Any], heard: Sequence[tuple[Any, Any]], *, passes: int = PASSES, seconds: float = SECONDS
) -> NDArray[np.float64]:
    """Nanoseconds before each call of an operator and after the last one, shape (calls + 1,).

    Args:
        call: Calls the model.
        heard: Each operator that it called, in order, with what that returned.
        passes: Most passes; the result is their median.
        seconds: No further pass begins after so long.

    Raises:
        OtherPath: The model did not call the same operators again.
    """
    own_ns = interception_ns()
    remembered = [(function, _again(returned)) for function, returned in heard]
    begin = now_ns()
    found: list[NDArray[np.float64]] = []
    while not found or (len(found) < passes and now_ns() - begin < seconds * 1e9):
        found.append(_one_pass(call, remembered))
    between = np.median(found, axis=0)
    # The first gap holds the way into the handler only, and the last one the way out of it.
    share = np.full(between.size, own_ns)
    share[0] = share[-1] = own_ns / 2 if remembered else 0.0
    gaps: NDArray[np.float64] = np.maximum(between - share, 0.0)
    return gaps


def interception_ns(calls: int = _CHAIN) -> float:
    """Median time from the end of one intercepted call to the beginning of the next with nothing between them."""
    import torch

    one = torch.zeros(1)
    add = torch.add
    with torch.inference_mode():

        def chain() -> None:
            for _ in range(calls):
                add(one, one)

        remembered = [(torch.ops.aten.add.Tensor, _again(one))] * calls
        chains = [_one_pass(chain, remembered)[1:-1] for _ in range(3)]
    return float(np.median(np.concatenate(chains[1:])))


def _one_pass(call: Callable[[], Any], remembered: Sequence[tuple[Any, Returned]]) -> NDArray[np.float64]:
    stamps = np.zeros((len(remembered) + 1, 2), dtype=np.int64)
    entered, left = stamps[:, 0].tolist(), stamps[:, 1].tolist()  # lists are quicker to write to, one by one
    number = 0
    most = len(remembered)

    def answer(function: Any, _args: Sequence[Any], _kwargs: Mapping[str, Any]) -> Any:
        nonlocal number
        at = now_ns()
        if number == most or remembered[number][0] is not function:
            raise OtherPath
        entered[number] = at
        returned = remembered[number][1]()
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


def _again(returned: Any) -> Returned:
    """What gives a remembered value once more: tensors that autograd has marked as views must be new ones each time."""
    import torch

    tensor = torch.Tensor

    def marked(value: Any) -> bool:
        if isinstance(value, tensor):
            return not value.is_inference()
        return isinstance(value, list | tuple) and any(marked(one) for one in value)

    def alias(value: Any) -> Any:
        if isinstance(value, tensor):
            return torch.ops.aten.alias.default(value)
        return type(value)(alias(one) for one in value) if isinstance(value, list | tuple) else value

    return partial(alias, returned) if marked(returned) else (lambda: returned)
