"""From what everybody said to the page."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from peers_env.features import FEATURES, TOOLS
from peers_env.rounds import Outcome
from peers_env.subjects import TORCH, Subject
from result import Page
from stopwatt.stats.intervals import geometric_mean
from stopwatt.stats.ratios import MARGIN, Ratio, Verdict, compare_rounds
from stopwatt.units import duration, interval, quantity, ratio

_WORDS = {
    Verdict.EQUIVALENT: f"right within {MARGIN:.0%}",
    Verdict.FASTER: "too long",  # the bare loop is the faster one
    Verdict.SLOWER: "too short",
    Verdict.INCONCLUSIVE: "undecided",
}


def row(subject: Subject, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One row of the table.

    `bias` is the median that the tool reports over that of its bare loop in the same round: geometric mean over the
    rounds in which both gave one, with a 95 % t-interval on the logarithms.
    """
    own = {one.round: one for one in outcomes if one.subject is subject}
    medians = {number: one.answer.median_s for number, one in own.items() if one.answer}
    truth = {one.round: one.answer.median_s for one in outcomes if one.subject.name == subject.truth and one.answer}
    pairs = [(medians[number], truth[number]) for number in medians if number in truth]
    mine, bare = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    against = Ratio() if subject.name == subject.truth else compare_rounds(base=mine, other=bare)
    failures = [one.why for one in own.values() if one.why]
    last = next((one.answer for one in reversed(own.values()) if one.answer), None)
    return {
        "name": subject.name,
        "tool": subject.tool,
        "truth": subject.truth,
        "command": next((one.command for one in own.values() if one.command), None),
        "median_s": geometric_mean(np.array(list(medians.values()))) if medians else None,
        "medians_s": {str(number): value for number, value in sorted(medians.items())},
        "bias": against.value,
        "bias_low": against.low,
        "bias_high": against.high,
        "verdict": _WORDS[against.verdict] if against.verdict else None,
        "bias_why": against.why or None,
        "says": last.says if last and last.says else None,
        "trials": last.trials if last else None,
        "versions": last.versions if last else {},
        "wall_s": median([one.wall_s for one in own.values() if one.answer]) if medians else None,
        "failed": failures[0] if failures else None,
        "rounds_ok": len(medians),
        "rounds_failed": len(failures),
    }


def make_page(command: str, data: dict[str, Any]) -> Page:
    """The page of a run.

    Args:
        command: What was run.
        data: `rows` as `row` makes them, `features` as `features.judged`, and the circumstances.
    """
    return Page(
        name="peers",
        title="stopwatt beside its peers",
        command=command,
        sentences=[_setting(data), *_findings(data["rows"]), _reading(data), _EVIDENCE, _circumstances(data)],
        tables=[
            ("The same model in the same minutes", _HEAD, [_cells(one) for one in data["rows"]]),
            ("What each gives beside a median", ("feature", *TOOLS), _features(data["features"])),
        ],
        data=data,
    )


_HEAD = (
    "what was run",
    "median it reports",
    "against the bare loop",
    "verdict",
    "what it says of its uncertainty",
    "command to result",
)
_EVIDENCE = (
    "Where to see each of the features, a name in the tool's own output or a line of its installed source, is under "
    "`features` in `peers.json`; the run looked every one up. A star marks what it could not confirm."
)


def _setting(data: Mapping[str, Any]) -> str:
    return (
        "One model for everybody: a 4-layer BERT (hidden 256, 4 heads, 128 tokens, batch 1, fp32, random weights) from "
        f"the same files, on {data['threads']} threads, in the same minutes. In each of {data['rounds']} rounds "
        'everything ran once, one after another, in random order (what says "as it comes": once in all).'
    )


def _reading(data: Mapping[str, Any]) -> str:
    return (
        "The bare loop is `perf_counter` before and after each call in a clean process, with the same runtime in the "
        f"same environment, for {data['seconds']} s after {data['warmup_s']:g} s of warm-up. Against it stands the "
        "median that a tool reports over the loop's in the same round: geometric mean with a 95 % t-interval on the "
        "logarithms; 1 is right. The time is from the command to its end (median). optimum-benchmark was given "
        f"{data['seconds']} s instead of its 10 s, and torch.utils.benchmark the threads of the others instead of its "
        "1; all else is as each tool comes. optimum-benchmark's device isolation exists for GPUs only: its process "
        "launcher is the isolation that it has here, and its inline launcher has none. It takes its weights from the "
        "same files as the others, since its option `no_weights` fetches from the hub."
    )


def _findings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    again = [one for one in rows if one["name"] == f"{TORCH}, again" and one["verdict"] != _WORDS[Verdict.EQUIVALENT]]
    warnings = [
        f"**The bare loop does not agree with itself within {MARGIN:.0%} here** ({one['verdict'] or 'not compared'}): "
        "the machine was not quiet enough, or the rounds too few, and no row can say more than that one."
        for one in again
    ]
    wrong = [
        f"{one['name']} reads {one['verdict']}: {one['bias']:.2f} x the bare loop."
        for one in rows
        if one["verdict"] in {_WORDS[Verdict.FASTER], _WORDS[Verdict.SLOWER]}
    ]
    failed = [
        f"{one['name']} failed in {one['rounds_failed']} of {one['rounds_failed'] + one['rounds_ok']} rounds: "
        f"{_cell(one['failed'])}."
        for one in rows
        if one["failed"]
    ]
    return warnings + wrong + failed


def _circumstances(data: Mapping[str, Any]) -> str:
    before, after = data["load"]
    packages = ", ".join(f"{name} {version}" for name, version in data["peers_versions"].items())
    return (
        f"The peers' environment has {packages or 'nothing'}. The load average (1 min) was {before:.2f} before and "
        f"{after:.2f} after; the run took {duration(data['seconds_taken'])}, the making of that environment aside."
    )


def _cells(one: Mapping[str, Any]) -> list[str]:
    if one["median_s"] is None:
        return [one["name"], "-", "-", "cannot be run here", _cell(one["failed"] or "no round"), "-"]
    cells = (one["name"], quantity(one["median_s"], "s"), _bias(one), one["verdict"] or "-", one["says"] or "-")
    return [*map(_cell, cells), quantity(one["wall_s"], "s")]


def _bias(one: Mapping[str, Any]) -> str:
    if one["name"] == one["truth"]:
        return "1 (the truth)"
    if one["bias"] is None:
        return f"- ({one['bias_why']})"
    if one["bias_low"] is None:
        return f"{ratio(one['bias'])} ({one['bias_why']})"
    return interval(one["bias"], one["bias_low"], one["bias_high"], "1")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _features(claims: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    by_place = {(one["feature"], one["tool"]): one for one in claims}
    return [[feature, *(_answer(by_place[feature, tool]) for tool in TOOLS)] for feature in FEATURES]


def _answer(claim: Mapping[str, Any]) -> str:
    mark = "" if claim["holds"] else "*"
    return f"{claim['answer']}{mark}" + (f": {claim['why']}" if claim["why"] else "")
