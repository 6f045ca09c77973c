"""A setup measured against itself, on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stopwatt.analyse.comparison import verdict_word
from stopwatt.analyse.comparison_document import ROUNDS, rounds_for
from stopwatt.analyse.detectable import Calibration
from stopwatt.reporting.comparison_lines import ratio_text, size, worse
from stopwatt.reporting.grid import Column, grid
from stopwatt.stats.detectable import effect_of_rounds
from stopwatt.stats.ratios import Verdict
from stopwatt.text import one_line
from stopwatt.workloads.params import short_label


def render_calibration(console: Console, found: Calibration, metric: str, margin: float) -> None:
    """Print an A/A: whether the machine agrees with itself, and how small a difference of a metric it can find."""
    label = one_line(f"{short_label(found.cell.workload)}, {found.cell.setup.label}")
    console.print(Text.assemble((label, "bold"), f"\nagainst itself, {found.pairs} pairs of rounds in ABBA blocks"))
    verdict = f", {verdict_word(found.ratio.verdict, metric)}" if found.ratio.verdict else ""
    console.print(f"second / first arm: {ratio_text(found.ratio)}{verdict}")
    if found.ratio.verdict in {Verdict.FASTER, Verdict.SLOWER}:
        text = "! the machine differs from itself: it is not steady enough for comparisons, or chance has struck (5 %)"
        console.print(Text(f"{text}\n  now: stopwatt doctor says what disturbs it; then repeat this", style="warning"))
    if found.spread is None:
        console.print("how much rounds differ is not known: it takes 3 pairs of rounds that are not all equal")
        return
    bounds = found.spread.interval()
    spread = ", ".join(size(bound) for bound in (bounds.low, bounds.high))
    console.print(f"rounds differ by {size(found.spread.sd)} [{spread}] (standard deviation)")
    console.print(_table(found.spread.sd, metric))
    needed = rounds_for(found, margin)
    console.print(f"to find {size(margin)}: {f'{needed} rounds' if needed else 'more than 1000 rounds'} of each")
    console.print(Text(f"stored as run {found.run[:8]}: comparisons on this machine read it", style="quiet"))


def _table(sd: float, metric: str) -> Table:
    effects = {count: effect_of_rounds(sd, count, count) for count in ROUNDS}
    rows = [(str(count), size(effect) if effect is not None else "") for count, effect in effects.items()]
    heads = [Column("rounds of each", right=True), Column(f"smallest detectable {worse(metric)}", right=True)]
    return grid("", heads, rows)
