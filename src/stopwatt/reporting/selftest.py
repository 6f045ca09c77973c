"""What `selftest` returns, in every form in which people look at it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.text import Text

from stopwatt.analyse.selftests import Claim, SelfTest, Verdict, conclusion
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.records import Measured, Scalar
from stopwatt.reporting.console import console_for
from stopwatt.reporting.grid import Column, Row, grid
from stopwatt.text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
"""Version of what `to_json` gives."""


class ClaimFailed(StopwattError):  # noqa: N818  (what happened)
    """This machine, with this tool on it, does not measure what it claims."""

    exit_code = ExitCode.REGRESSION


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """What `selftest` returns.

    Attributes:
        test: The claims.
        where: The store that keeps them.
        facts: The machine.
    """

    test: SelfTest
    where: str
    facts: Mapping[str, Scalar]

    def table(self) -> None:
        """Print the table of the command line."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        render_selftest(console, self.test, where=self.where)

    def to_json(self) -> str:
        """The documented JSON."""
        document = {"schema": SCHEMA, **selftest_document(self.test), "store": self.where}
        return json.dumps(document, indent=2, allow_nan=False)

    def raise_for_status(self) -> None:
        """Raise if a claim fails.

        Raises:
            ClaimFailed: Names the claims.
        """
        failing = self.test.of(Verdict.FAILS)
        if failing:
            raise ClaimFailed(
                f"{len(failing)} of {len(self.test.claims)} claims fail: {', '.join(one.name for one in failing)}",
                when=f"{failing[0].name}: {failing[0].sentence}",
                now="stopwatt doctor says what disturbs this machine; stopwatt selftest --only "
                f"{','.join(one.name for one in failing)} tests them again",
            )


_STYLES = {Verdict.FAILS: "failure", Verdict.UNDECIDED: "warning", Verdict.UNAVAILABLE: "quiet"}


def render_selftest(console: "Console", test: SelfTest, *, where: str) -> None:
    """One line a claim, then what follows from them."""
    columns = (Column("claim", whole=True), Column("verdict", whole=True), "what was seen")
    rows = [
        Row((claim.name, claim.verdict, one_line(claim.sentence)), style=_STYLES.get(claim.verdict, ""))
        for claim in test.claims
    ]
    console.print(grid("", columns, rows))
    style = "failure" if test.of(Verdict.FAILS) else "warning" if test.of(Verdict.UNDECIDED) else "best"
    console.print(Text(conclusion(test), style=style))
    console.print(Text(f"stored as run {test.run[:8]} in {printable(where)}", style="quiet"))


def brief_document(test: SelfTest | None) -> dict[str, Any] | None:
    """What stands beside later measurements of the machine; `None` where it was never self-tested."""
    if test is None:
        return None
    names = {str(verdict): [claim.name for claim in test.of(verdict)] for verdict in Verdict}
    return {"run": test.run, "started_at": test.started_at, **names, "detectable": test.detectable}


def selftest_document(test: SelfTest) -> dict[str, Any]:
    """A self-test as JSON: `claims[]`, each with its verdict, sentence, numbers and limit."""
    return {
        "run": test.run,
        "started_at": test.started_at,
        "device": test.device,
        "whole": test.whole,
        "conclusion": conclusion(test),
        "detectable": test.detectable,
        "claims": [_claim(claim) for claim in test.claims],
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "name": claim.name,
        "verdict": str(claim.verdict),
        "sentence": claim.sentence,
        "numbers": {name: _number(one) for name, one in claim.numbers.items()},
        "limit": None if claim.limit is None else _number(claim.limit),
        "seconds": claim.seconds,
    }


def _number(number: Measured) -> dict[str, Any]:
    return asdict(number) | {"value": number.value if isfinite(number.value) else None}
