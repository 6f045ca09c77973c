"""Calls of one operator, one after another, over buffers that take turns.

`prepare` restores what calls changed, writes the rest and chooses the next sets, outside of the timed region; `play` is
these calls and nothing else.
"""

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

from stopwatt.errors import Unsupported
from stopwatt.measuring.operators.materials import CallSet, Materials, strides_of, written
from stopwatt.measuring.operators.rotation import Rotation
from stopwatt.operators.operator import Operator, Role, Tensor, tensor_places

DRIFT = 8
"""Calls that change their own operands before these get their values back: `add_` grows without bound, and `gelu` after
`gelu` shrinks until its values are subnormal, which a CPU computes many times more slowly than any others."""
AFTER_REST = 8
"""Calls after the rest was written that do not count: it threw the program itself out of the caches, too."""
_STEADY = frozenset(
    f"aten.{name}"
    for name in (
        "relu_.default",
        "relu6_.default",
        "hardtanh_.default",
        "clamp_.default",
        "clamp_min_.default",
        "copy_.default",
        "zero_.default",
        "fill_.Scalar",
        "fill_.Tensor",
        "masked_fill_.Scalar",
        "masked_fill_.Tensor",
        "mm.out",
    )
)
"""Operators that may write as often as they like: the second time leaves what the first did."""

_Turn = tuple[int, tuple[Any, ...], tuple[Any, ...], dict[str, Any]]
"""Number of the set; positional arguments before and after the one that is the output of the call before, and keyword
arguments."""


class Player:
    """Plays an operator over sets of its operands.

    Args:
        operator: What is called.
        function: What torch calls it.
        materials: Makes its operands.
        rotation: How many sets of them there are.
        chain: Place of the positional argument that is the output of the call before; `None` for none.
        hold: Whether what a set returned stays until the set's next turn. Else an allocator gives the next call the
            memory that the call before has just written, which a model's operators seldom find: writing to what is no
            longer in a cache is then left out of the time.
    """

    def __init__(
        self,
        operator: Operator,
        function: Callable[..., Any],
        materials: Materials,
        rotation: Rotation,
        chain: int | None = None,
        *,
        hold: bool = False,
    ) -> None:
        self.rotation = rotation
        self.chained = chain is not None
        self._function = function
        self._materials = materials
        self._changed = frozenset() if operator.name in _STEADY else written(operator, function)
        common = () if chain is None else (chained_storage(operator, chain),)
        self._sets = [materials.make(common) for _ in range(rotation.sets)]
        self._turns = [(number, *_cut(one, chain)) for number, one in enumerate(self._sets)]
        self._held: list[Any] = [None] * rotation.sets if hold else []
        self._rest = materials.buffer(rotation.rest)
        self._start: Any = None if chain is None else self._sets[0].arguments[chain]
        self._carried = self._start
        self._since = 0  # calls since operands had the values that they were made with
        self._runs: list[list[_Turn]] = []
        self._begin_turn()

    @property
    def drifts(self) -> bool:
        """Whether calls change what later ones are given."""
        return bool(self._changed) or self.chained

    @property
    def why_not_endless(self) -> str:
        """Why it cannot go on for seconds without `prepare`; empty if it can."""
        if self._changed:
            return "it writes to its own operands: after some calls their values would be others than in its model"
        if self.rotation.rest:
            return "its operands are too small to fill memory by themselves: without a pause they stay in a cache"
        return ""

    @property
    def most_calls(self) -> int:
        """Calls that `prepare` takes at most."""
        most = self.rotation.sets - AFTER_REST if self.rotation.rest else 2**62
        return min(most, DRIFT) if self.drifts else most

    def prepare(self, calls: int) -> None:
        """Make the next calls ready; `most_calls` at most."""
        if self.rotation.rest and self._place + calls > len(self._turns):
            self._write_rest()
        if self.drifts and self._since + calls > DRIFT * (1 if self.chained else len(self._turns)):
            self._begin_anew()
        self._since += calls
        self._place += calls
        self._runs = [list(islice(self._order, calls))]

    def rounds(self, calls: int, multiple: int = 1) -> list[list[_Turn]]:
        """At least so many calls, each set as often as any other, in runs of `DRIFT` calls.

        Args:
            calls: At least.
            multiple: Each set is called so many times, or a multiple of that; with `DRIFT` all runs have equal lengths.
        """
        times = -(-calls // (len(self._turns) * multiple)) * multiple
        turns = self._turns * times
        return [turns[begin : begin + DRIFT] for begin in range(0, len(turns), DRIFT)]

    def prepare_rounds(self, calls: int) -> int:
        """Make at least so many calls ready for a recording, each set as often as any other; how many they are.

        What the calls write to, and the rest, are as they were left: `refresh` changes that.
        """
        self._runs = self.rounds(calls)
        self._carried = self._start
        return sum(map(len, self._runs))

    def refresh(self) -> None:
        """Restore what calls wrote, and write the rest, before a recording is played again."""
        self._begin_anew()
        if self.rotation.rest:
            self._materials.overwrite(self._rest)

    def play(self) -> None:
        """The calls that were made ready."""
        function = self._function
        if self._held:
            held = self._held
            for run in self._runs:
                for number, _, arguments, keywords in run:
                    held[number] = function(*arguments, **keywords)
            return
        if not self.chained:
            for run in self._runs:
                for _, _, arguments, keywords in run:
                    function(*arguments, **keywords)
            return
        output = self._carried
        for run in self._runs:
            for _, before, after, keywords in run:
                output = function(*before, output, *after, **keywords)
            self._carried, output = output, self._start

    def play_run(self, run: "list[_Turn]") -> None:
        """One of the runs of `rounds`; a chain begins anew."""
        self._runs = [run]
        self._carried = self._start
        self.play()

    def _write_rest(self) -> None:
        self._materials.overwrite(self._rest)
        self._begin_turn()
        self._runs = [list(islice(self._order, AFTER_REST))]
        self.play()
        self._place = AFTER_REST

    def _begin_turn(self) -> None:
        self._order: Iterator[_Turn] = cycle(self._turns)
        self._place = 0

    def _begin_anew(self) -> None:
        for one in self._sets if self._changed else ():
            self._materials.restore(one, self._changed)
        self._carried = self._start
        self._since = 0


def chain_of(operator: Operator) -> int:
    """Place of the positional argument that the operator's own output can be.

    Raises:
        Unsupported: There is none.
    """
    if len(operator.outputs) != 1:
        raise Unsupported(f"it gives {len(operator.outputs)} tensors: which of them is the next input, nobody says")
    (output,) = operator.outputs
    shared = [one.storage for one in operator.tensors]
    if output.storage in shared:
        raise Unsupported("its output lies in one of its inputs: each call would be given the same memory, as in reuse")
    for place, argument in enumerate(operator.arguments):
        numbers = list(tensor_places(argument))
        if numbers and isinstance(argument, dict):
            one = operator.tensors[numbers[0]]
            if one.role is not Role.WEIGHT and shared.count(one.storage) == 1 and _kind(one) == _kind(output):
                return place
    raise Unsupported(
        f"its output {list(output.shape)} is of another shape, type or layout than each input that is no weight"
    )


def chained_storage(operator: Operator, chain: int) -> int:
    """Number of the storage that the argument at this place lies in."""
    return operator.tensors[next(tensor_places(operator.arguments[chain]))].storage


def _kind(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.dtype, strides_of(tensor), tensor.host


def _cut(made: CallSet, chain: int | None) -> tuple[tuple[Any, ...], tuple[Any, ...], dict[str, Any]]:
    if chain is None:
        return (), made.arguments, dict(made.keywords)
    return made.arguments[:chain], made.arguments[chain + 1 :], dict(made.keywords)
