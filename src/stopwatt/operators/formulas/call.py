"""An operator as formulas read it: its plain name, its arguments by place or name, and what it reads and writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stopwatt.operators.formulas.touched import is_floating, numel, run_length, touched_bytes
from stopwatt.operators.operator import Operator, Role, Tensor, tensor_places
from stopwatt.operators.work import Family, Work


class Unforeseen(Exception):  # noqa: N818  (not an error: the operator is then listed as one that nobody knows)
    """A formula does not know this form of its operator."""


@dataclass(frozen=True)
class Call:
    """One operator, opened.

    Attributes:
        operator: As captured.
        name: Without `aten.`, overload and the underscore of what writes in place: `add`; other libraries' operators
            keep the library: `quantized.linear`.
        overload: `Tensor`, `dim`, `default`.
        in_place: Whether it writes into an argument: a trailing underscore, or `out=`.
    """

    operator: Operator
    name: str
    overload: str
    in_place: bool

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        """Tensors that it is given to read: all but `out=`."""
        operator = self.operator
        given = {name: value for name, value in operator.keywords.items() if not name.startswith("out")}
        places = [*tensor_places(list(operator.arguments)), *tensor_places(list(given.values()))]
        return tuple(operator.tensors[place] for place in places)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it gives."""
        return self.operator.outputs

    def value(self, place: int, name: str, default: Any = None) -> Any:
        """An argument by its place, else by its name; the default where it is missing or `None`."""
        arguments = self.operator.arguments
        found = arguments[place] if place < len(arguments) else self.operator.keywords.get(name)
        return default if found is None else found

    def tensors(self, place: int, name: str) -> tuple[Tensor, ...]:
        """All tensors in an argument, in order; none where it is missing."""
        return tuple(self.operator.tensors[number] for number in tensor_places(self.value(place, name)))

    def maybe(self, place: int, name: str) -> Tensor | None:
        """The tensor that an argument is, if it is one."""
        return next(iter(self.tensors(place, name)), None)

    def tensor(self, place: int, name: str) -> Tensor:
        """The tensor that an argument is.

        Raises:
            Unforeseen: It is none.
        """
        found = self.maybe(place, name)
        if found is None:
            raise Unforeseen(f"{self.operator.name} without {name}")
        return found

    @property
    def output(self) -> Tensor:
        """The first of what it gives.

        Raises:
            Unforeseen: It gives no tensor.
        """
        if not self.outputs:
            raise Unforeseen(f"{self.operator.name} gives no tensor")
        return self.outputs[0]

    @cached_property
    def dtype(self) -> str:
        """Type that decides the speed: of the largest floating input, else of the largest one; else of the output."""
        among = self.inputs or self.outputs
        floating = [one for one in among if is_floating(one.dtype)]
        return max(floating or among, key=numel).dtype if among else ""


def opened(operator: Operator) -> Call:
    """An operator ready to be read."""
    space, _, rest = operator.name.rpartition("::")[2].partition(".")
    written, _, overload = rest.partition(".")
    plain = written.strip("_") if written.startswith("__") else written.removesuffix("_")
    in_place = written.startswith("__i") or (written.endswith("_") and not written.endswith("__"))
    name = plain if space == "aten" else f"{space}.{plain}"
    gives_into = any(one.startswith("out") for one in operator.keywords) or overload.split("_")[-1] == "out"
    return Call(operator, name, overload, in_place or gives_into)


def is_view(call: Call) -> bool:
    """Whether nothing is moved: all that it gives is memory of its inputs, and it does not write there."""
    given = {one.storage for one in call.operator.tensors}
    return not call.in_place and bool(call.outputs) and all(one.storage in given for one in call.outputs)


def work(
    call: Call,
    family: Family,
    dims: Mapping[str, float],
    flops: float | None,
    *,
    kind: str = "",
    reads: Iterable[Tensor] | None = None,
    taken: tuple[Tensor, float] | None = None,
    writes: float | None = None,
) -> Work:
    """The work of a call whose bytes follow from its tensors.

    Args:
        call: What is called.
        family: Its family.
        dims: Its sizes.
        flops: Its operations.
        kind: Its name, where nothing else is said.
        reads: Tensors that are read; all inputs where nothing else is said.
        taken: An input of which only some bytes are read, and how many at most.
        writes: Bytes written; those of all outputs where nothing else is said.
    """
    read = list(call.inputs if reads is None else reads)
    part = 0.0
    if taken is not None:
        read = [one for one in read if one != taken[0]]
        part = min(taken[1], touched_bytes([taken[0]]))
    is_weight = taken is not None and taken[0].role is Role.WEIGHT
    return Work(
        family=family,
        kind=kind or call.name,
        dtype=call.dtype,
        dims={name: float(size) for name, size in dims.items()},
        flops=None if flops is None else float(flops),
        read_bytes=touched_bytes(read) + part,
        write_bytes=_written(call) if writes is None else writes,
        weight_bytes=touched_bytes(one for one in read if one.role is Role.WEIGHT) + (part if is_weight else 0.0),
    )


def shortest_run(call: Call, reads: Iterable[Tensor] | None = None) -> int:
    """Elements that lie next to each other in everything that is read; all of the output where nothing is broken up."""
    output = call.output
    runs = [(run_length(one, output), numel(one)) for one in (call.inputs if reads is None else reads)]
    return min((run for run, whole in runs if run < whole), default=max(numel(output), 1))


def _written(call: Call) -> float:
    """Outputs, but those that are views of what it was given: they are memory that stands already."""
    if call.in_place:
        return touched_bytes(call.outputs)
    given = {one.storage for one in call.operator.tensors}
    return touched_bytes(one for one in call.outputs if one.storage not in given)
