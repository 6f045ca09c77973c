"""Findings as a list of sentences: after a sweep, and at the head of what is printed of it."""

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from stopwatt.records import Finding, Strength
from stopwatt.reporting.console import WIDTH
from stopwatt.text import one_line

MOST = 12
"""Findings printed where nothing else is asked for."""
_BULLET = "- "


def print_findings(console: Console, findings: Sequence[Finding], most: int = MOST, more: str = "") -> None:
    """Print findings as given, the most important first; what is only suggested says so.

    Args:
        console: Where to; lines are at most 100 columns wide.
        findings: By falling weight.
        most: Sentences to print; of the others their number and kinds.
        more: The command that shows all of them; empty for none.
    """
    width = min(WIDTH, console.width)
    if not findings:
        console.print(Text("no findings", style="quiet"))
        return
    for finding in findings[:most]:
        for line in _wrapped(sentence_of(finding), width):
            console.print(Text(line, style="" if finding.strength is Strength.SHOWN else "quiet"), soft_wrap=True)
    rest = findings[most:]
    if rest:
        kinds = ", ".join(dict.fromkeys(finding.kind for finding in rest))
        ends = f"; {more}" if more else ""
        for line in _wrapped(f"and {len(rest)} more of less weight ({kinds}){ends}", width):
            console.print(Text(line, style="quiet"), soft_wrap=True)


def sentence_of(finding: Finding) -> str:
    """The sentence of a finding; in front of it a word where it is only suggested."""
    text = one_line(finding.text)
    return text if finding.strength is Strength.SHOWN else f"(suggested) {text}"


def _wrapped(text: str, width: int) -> list[str]:
    indent = " " * len(_BULLET)
    return textwrap.wrap(text, width, initial_indent=_BULLET, subsequent_indent=indent, break_on_hyphens=False)
