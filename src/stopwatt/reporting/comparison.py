"""What `compare` returns, in every form in which people look at it."""

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from stopwatt.analyse.comparison import Comparison, verdict_word
from stopwatt.analyse.comparison_document import calibration_document, comparison_document
from stopwatt.analyse.detectable import Calibration
from stopwatt.analyse.estimate import counted
from stopwatt.errors import ExitCode, StopwattError
from stopwatt.reporting.calibration_table import render_calibration
from stopwatt.reporting.comparison_lines import ratio_text, worse
from stopwatt.reporting.comparison_markdown import comparison_markdown
from stopwatt.reporting.comparison_table import render_comparison
from stopwatt.reporting.console import console_for
from stopwatt.reporting.result import PartlyFailed
from stopwatt.stats.ratios import Ratio

if TYPE_CHECKING:
    from rich.console import Console


class FailOn(StrEnum):
    """What turns a comparison into a failure."""

    SLOWER = "slower"
    INCONCLUSIVE = "inconclusive"
    MISSING = "missing"  # a cell of A that B does not have, or has no value for


class Regression(StopwattError):  # noqa: N818  (what was found)
    """Something is worse than it was, or not shown to be as good."""

    exit_code = ExitCode.REGRESSION


@dataclass(frozen=True, slots=True)
class CompareResult:
    """What `compare` returns.

    Attributes:
        comparison: Every number.
        run: The run in which both sides were measured in turn; empty where they are results of before.
    """

    comparison: Comparison
    run: str = ""

    def table(self) -> None:
        """Print the table of the command line."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        render_comparison(console, self.comparison, self.run)

    def to_json(self) -> str:
        """The documented JSON (docs/json.md)."""
        return json.dumps(comparison_document(self.comparison) | {"run": self.run}, indent=2, allow_nan=False)

    def to_markdown(self) -> str:
        """A section for a pull request."""
        return comparison_markdown(self.comparison)

    def raise_for_status(self) -> None:
        """Raise if rounds failed that were measured for this comparison.

        Raises:
            PartlyFailed: How many, and why the first of them failed.
        """
        failed = [half.member for one in self.comparison.cells for half in (one.a, one.b) if half.member.failed]
        if self.run and failed:
            raise PartlyFailed(
                f"{sum(member.failed for member in failed)} rounds gave no value",
                when=f"the first: {failed[0].why}",
                now=f"stopwatt show --run {self.run[:8]} lists the rounds; stopwatt show ID shows one with its log",
            )

    def raise_for_regression(self, fail_on: Collection[FailOn | str] = (FailOn.SLOWER,)) -> None:
        """Raise if B is worse than A.

        Args:
            fail_on: `slower`, `inconclusive` (not shown to be equivalent or faster either), `missing` (a cell of A
                that has no value in B).

        Raises:
            Regression: What, and the first of it.
            ValueError: `fail_on` holds another word.
        """
        wanted = {FailOn(word) for word in fail_on}
        found = self.comparison
        bad = [one for one in found.worst_first() if one.ratio.verdict and one.ratio.verdict.value in wanted]
        told = [f"{one.label}: B / A = {ratio_text(one.ratio)}, {_word(one.ratio, found.metric)}" for one in bad]
        lost = [one for one in found.unmatched if one.failed or one.side == "A"]
        kinds = {str(one.ratio.verdict) for one in bad}
        if FailOn.MISSING in wanted and lost:
            told += [f"{one.label}: {one.why}" for one in lost]
            kinds.add(FailOn.MISSING)
        cells = counted(len(found.cells) + len(lost), "cell")
        what = f"{_what(kinds or wanted, found.metric)} in {len(told)} of {cells}"
        if found.overall and found.overall.verdict and found.overall.verdict.value in wanted:
            what += ", and in their mean"
            told.append(f"mean of {len(found.cells)} cells: B / A = {ratio_text(found.overall)}")
        if told:
            raise Regression(
                what,
                when=told[0],
                now="look at the change, or measure both in turn with more rounds (stopwatt compare --now, --commands)",
            )


@dataclass(frozen=True, slots=True)
class AaResult:
    """What `compare --aa` returns.

    Attributes:
        calibration: Every number.
        metric: That was compared.
        margin: The difference that `rounds_for_margin` is about.
    """

    calibration: Calibration
    metric: str
    margin: float

    def table(self) -> None:
        """Print the table of the command line."""
        self.print_to(console_for(sys.stdout))

    def print_to(self, console: "Console") -> None:
        """Print the table on a console."""
        render_calibration(console, self.calibration, self.metric, self.margin)

    def to_json(self) -> str:
        """The documented JSON (docs/json.md)."""
        return json.dumps(calibration_document(self.calibration, self.metric, self.margin), indent=2, allow_nan=False)


def _word(ratio: Ratio, metric: str) -> str:
    return verdict_word(ratio.verdict, metric) if ratio.verdict else ""


def _what(kinds: Collection[str], metric: str) -> str:
    """`slower or missing`, `more energy_gpu`; in the order in which they are defined."""
    slower = "slower" if worse(metric) == "slowdown" else f"more {metric}"
    return " or ".join(slower if word is FailOn.SLOWER else str(word) for word in FailOn if word in kinds)
