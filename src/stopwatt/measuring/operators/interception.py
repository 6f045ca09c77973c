"""Hearing of every ATen call of this thread, and answering it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

Handler = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]
"""`(operator, positional arguments, keyword arguments) -> what the call returns`. Calls made inside are not heard."""


def intercepting(handler: Handler) -> AbstractContextManager[Any]:
    """A block in which a handler answers every ATen call.

    Under `torch.inference_mode()` composite operators (`aten.linear`, `aten.lstm.input`) come whole: what they are made
    of is called inside. Outside of it autograd takes them apart first.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    class Interception(TorchDispatchMode):  # type: ignore[no-untyped-call]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            """By default each call goes through Dynamo, to switch it off, and the first one imports it (seconds)."""
            return "torch._dynamo" in sys.modules

        @classmethod
        def ignore_compile_internals(cls) -> bool:
            """By default compiled code is left alone and its source called eagerly."""
            return True

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            return handler(func, args, kwargs or {})

    context: AbstractContextManager[Any] = Interception()  # type: ignore[no-untyped-call]
    return context
