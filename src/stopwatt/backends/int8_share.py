"""How much of a quantised model is really int8. A setup is named int8 only if most of its work is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stopwatt.errors import Unsupported
from stopwatt.records import Scalar

LEAST_SHARE = 0.5
"""Below this share of the multiply-adds, "int8" would name what the model mostly does not do."""


@dataclass(frozen=True, slots=True)
class Products:
    """Multiply-adds of one call, by the format that computes them.

    Attributes:
        int8: Those with both factors in 8 bits.
        floating: The others, by operator as the runtime names it.
    """

    int8: float = 0.0
    floating: Mapping[str, float] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of int8 in all multiply-adds; 0 for a model without any."""
        total = self.int8 + sum(self.floating.values())
        return self.int8 / total if total else 0.0

    def facts(self) -> dict[str, Scalar]:
        """What a reader of an int8 number must know."""
        return {"int8_share": round(self.share, 4)}


class Tally:
    """Adds multiply-adds up to `Products`."""

    def __init__(self) -> None:
        self._int8 = 0.0
        self._floating: dict[str, float] = {}

    def add(self, operator: str, multiply_adds: float, *, int8: bool) -> None:
        """Count one operator of the graph."""
        if int8:
            self._int8 += multiply_adds
        else:
            self._floating[operator] = self._floating.get(operator, 0.0) + multiply_adds

    def products(self) -> Products:
        """What was counted."""
        return Products(self._int8, {name: work for name, work in self._floating.items() if work > 0})


def require_int8(products: Products, *, tool: str, when: str, now: str) -> None:
    """Refuse a model that the tool left mostly in floating point.

    Raises:
        Unsupported: Names the operators that stayed floating and their share of the work.
    """
    if products.share >= LEAST_SHARE:
        return
    total = products.int8 + sum(products.floating.values())
    largest = sorted(products.floating.items(), key=lambda item: -item[1])
    left = ", ".join(f"{name} ({work / total:.0%} of the multiply-adds)" for name, work in largest[:3])
    raise Unsupported(
        f"{tool} would leave most of this model in fp32: {left or 'it has no layer that can be quantised'}",
        when=when,
        now=now,
    )
