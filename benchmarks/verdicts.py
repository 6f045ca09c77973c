"""How often is a verdict of `compare` wrong, and how small a slowdown does it find?"""

from pathlib import Path
from typing import Any

from detection_env.rates import Table
from result import RESULTS, Page
from verdicts_env import families, noise, real, single, whole

TRIES = 2000
FAMILIES = 1000
DRIFT = 0.01
"""What lies between the small and the large drift."""
LIMITS = ("3 and 3 rounds, the default", "10 and 10", "20 and 20", "10 pairs", "20 pairs")

Rows = list[dict[str, Any]]


def main(out: Path = RESULTS, tries: int = TRIES, of_families: int = FAMILIES) -> None:
    """Simulate, measure, and write the page."""
    tables = {
        "drift": single.drifting(tries),
        "power": single.power(tries),
        "coverage": single.coverage(tries),
        "families": families.rules(of_families),
        "whole": whole.grids(of_families),
        "noise": noise.sharing(of_families),
    }
    tables["planted"], tables["aa"] = real.measured()
    page = Page("verdicts", "How often is a verdict of `stopwatt compare` wrong?", "python benchmarks/run.py verdicts")
    page.sentences = _sentences(tables, tries, of_families)
    page.tables = [(table.caption, table.head, table.rows) for table in tables.values()]
    page.data = {name: table.data for name, table in tables.items()}
    page.write(out)


def _sentences(tables: dict[str, Table], tries: int, of_families: int) -> list[str]:
    rows = {name: table.data for name, table in tables.items()}
    return [
        f"All tables but the last two are simulations: {tries:,} comparisons a row, {of_families:,} families a row, "
        "seeded; the functions are those that `stopwatt compare` calls. Rates are per cent with their 95 % "
        "Clopper-Pearson intervals. A verdict is read off the 95 % interval with a margin of 2 %.",
        *_about_drift(rows["drift"]),
        _about_power(rows["power"]),
        _about_coverage(rows["coverage"]),
        _about_families(rows["families"]),
        _about_whole(rows["whole"]),
        *_about_noise(rows["noise"]),
        _about_planted(rows["planted"]),
    ]


def _about_drift(rows: Rows) -> list[str]:
    ours = [row for row in rows if row["order"] != "ONE_AFTER_ANOTHER"]
    warned = [row for row in rows if row["order"] == "ONE_AFTER_ANOTHER"]
    small = [row for row in warned if row["drift"] < DRIFT]
    return [
        f"Target: at most 5 % false verdicts under drift. In ABBA blocks or random order {_most(ours, 'wrong'):.1%} at "
        f"worst; {_most(ours, 'missed'):.1%} of the intervals miss the truth at worst.",
        "A warning: where A is measured first and B afterwards, a drift of 0.5 % makes up to "
        f"{_most(small, 'missed'):.0%} of the intervals miss (verdicts stay right only because the margin is wider), "
        f"and a drift of 5 % makes up to {_most(warned, 'wrong'):.0%} of the verdicts false. No statistic can tell the "
        "machine from the code then: `compare` says when two sets of rounds do not interleave.",
    ]


def _about_power(rows: Rows) -> str:
    limits = ", ".join(f"{row['sd']:.2%} for {name}" for row, name in zip(rows, LIMITS, strict=False))
    return (
        "Target: a planted slowdown of 2 % found in at least 90 % where the machine can detect it. At nine tenths of "
        f"the largest noise at which it can: {_least(rows, 'found_below'):.1%} or more; at half of it "
        f"{_least(rows, 'found_at_half'):.1%} or more; at that noise itself, where it is 90 % by definition less what "
        f"becomes equivalent because 2 % is just the margin, {_least(rows, 'found'):.1%} or more. It is a spread of "
        f"rounds (sd) of {limits}."
    )


def _about_coverage(rows: Rows) -> str:
    covered = [_share(row[kind]) for row in rows for kind in ("paired", "unpaired")]
    unequal = [_share(row["unequal"]) for row in rows]
    return (
        f"Target: intervals that cover 93 to 97 %: {min(covered):.1%} to {max(covered):.1%}. Where B is three times as "
        f"noisy as A: {min(unequal):.1%} to {max(unequal):.1%}."
    )


def _about_families(rows: Rows) -> str:
    return (
        "Families: Holm's procedure on the p-value of the claim that each comparison makes gives up to "
        f"{_most(rows, 'claim'):.0%} families with a false verdict, on the smaller of the two p-values up to "
        f"{_most(rows, 'smaller'):.0%}; the rule in use {_most(rows, 'used'):.1%} at worst."
    )


def _about_whole(rows: Rows) -> str:
    grids = [row for row in rows if row["cells"] > 1]
    few = next(row for row in grids if row["cells"] == max(row["cells"] for row in grids) and row["rounds"] == 3)
    return (
        f"Whole comparisons, their mean included: any false faster or slower in {_most(rows, 'wrong'):.1%} at worst. A "
        f"slowdown of all {few['cells']} cells by {whole.SLOWDOWN:.0%}, at a spread of {whole.SD:.0%} and 3 rounds, is "
        f"shown by their mean in {_share(few['mean']):.0%}, by any single cell in {_share(few['some']):.0%}."
    )


def _about_noise(rows: Rows) -> list[str]:
    covered = [_share(row["shared_covered"]) for row in rows]
    alike = next(row for row in rows if row["spreads"] == noise.ALIKE and row["cells"] == max(noise.CELLS))
    return [
        "Few rounds in large families: sharing noise without limits gives up to "
        f"{_most(rows, 'unlimited_wrong'):.0%} families with a false verdict, as it is done "
        f"{_most(rows, 'shared_wrong'):.1%} at worst, with intervals that cover {min(covered):.1%} to "
        f"{max(covered):.1%}. A slowdown of {noise.SLOWDOWN:.0%} in one of {max(noise.CELLS)} cells alike is found in "
        f"{_share(alike['itself_found']):.0%} by each cell itself, in {_share(alike['shared_found']):.0%} with shared "
        "noise.",
        "Paired rounds share nothing: what is measured in turn is one pair of setups.",
    ]


def _about_planted(rows: Rows) -> str:
    told = ", ".join(f"{row['verdict']} with a margin of {row['margin']:.0%}" for row in rows)
    shown = f"{rows[0]['ratio']:.5f} [{rows[0]['low']:.5f}, {rows[0]['high']:.5f}]"
    return (
        f"The planted 2 % was measured as {shown}: {told}. A slowdown of just the margin becomes `equivalent` where "
        "its interval is narrow enough to lie within."
    )


def _least(rows: Rows, name: str) -> float:
    return min(_share(row[name]) for row in rows)


def _most(rows: Rows, name: str) -> float:
    return max(_share(row[name]) for row in rows)


def _share(rate: dict[str, float]) -> float:
    return rate["hits"] / rate["tries"]


if __name__ == "__main__":
    main()
