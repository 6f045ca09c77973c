"""`stopwatt compare`: is B slower than A?"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.gridoptions import GridOptions, grid_from
from stopwatt.cli.options import EnergyOptions, ProtocolOptions, StoreOptions, TimingOptions, parts
from stopwatt.errors import UsageError
from stopwatt.units import parse

if TYPE_CHECKING:
    from stopwatt.reporting.comparison import AaResult, CompareResult
    from stopwatt.sweeping.execute import Watcher

WHAT = Group("What to compare", sort_key=0)
JUDGE = Group("What to make of it", sort_key=0)


@Parameter(name="*")
@dataclass(frozen=True)
class NowOptions:
    """What to measure for the comparison."""

    commands: Annotated[
        bool, Parameter(group=WHAT, negative="", help="A and B are commands: whole processes in turn, no shell.")
    ] = False
    now: Annotated[
        bool, Parameter(group=WHAT, negative="", help="Measure two setups in turn: two workloads, or an --axis of two.")
    ] = False
    aa: Annotated[
        bool, Parameter(group=WHAT, negative="", help="Measure one setup against itself: what can be detected here?")
    ] = False
    warmups: Annotated[int, Parameter(group=WHAT, help="With --commands: runs of each that are not counted.")] = 1

    def mode(self) -> str:
        """`--commands`, `--now`, `--aa`, or nothing for results of before.

        Raises:
            UsageError: Several at once.
        """
        given = [name for name in ("commands", "now", "aa") if getattr(self, name)]
        if len(given) > 1:
            raise UsageError(f"--{' and --'.join(given)} exclude each other", now="give one of them")
        return given[0] if given else ""


@Parameter(name="*")
@dataclass(frozen=True)
class JudgingOptions:
    """What to make of a comparison."""

    metric: Annotated[
        str, Parameter(group=JUDGE, help="latency, latency_p99, throughput, device_time, cold_start, energy_gpu, ...")
    ] = "latency"
    margin: Annotated[str | None, Parameter(group=JUDGE, help="Difference that does not matter (2%).")] = None
    fail_on: Annotated[
        str, Parameter(group=JUDGE, help="End with code 1 on `slower`, `inconclusive` or `missing` cells; by comma.")
    ] = ""
    force: Annotated[
        bool, Parameter(group=JUDGE, negative="", help="Compare also what is not alike; the result is marked.")
    ] = False
    markdown: Annotated[bool, Parameter(group=JUDGE, negative="", help="Print a section for a pull request.")] = False

    def share(self) -> float:
        """The margin: 0.02 for `2%`.

        Raises:
            UsageError: It cannot be read.
        """
        from stopwatt.stats.ratios import MARGIN

        return MARGIN if self.margin is None else parse(self.margin, "1")

    def reasons(self) -> list[str]:
        """What to fail on.

        Raises:
            UsageError: A word that is none of them.
        """
        from stopwatt.extensions import unknown
        from stopwatt.reporting.comparison import FailOn

        wanted = parts(self.fail_on)
        for word in wanted:
            if word not in list(FailOn):
                raise unknown("reason to fail on", word, FailOn)
        return wanted


def compare(
    *sides: Annotated[
        str,
        Parameter(group=WHAT, help="Each a results database, a run's id, a tag, `last`, `last~1`; or what to measure."),
    ],
    measuring: NowOptions = NowOptions(),
    judging: JudgingOptions = JudgingOptions(),
    asked: GridOptions = GridOptions(),  # noqa: B008
    rules: ProtocolOptions = ProtocolOptions(),  # noqa: B008
    energy: EnergyOptions = EnergyOptions(),  # noqa: B008
    results: StoreOptions = StoreOptions(),  # noqa: B008
) -> None:
    """Compare B with A, cell by cell: faster, slower, equivalent or inconclusive.

    Three examples:

        stopwatt compare before after --fail-on slower

        stopwatt compare --commands "python -c pass" "python -S -c pass" --rounds 20

        stopwatt compare --aa mlp -p hidden=64 --rounds 10
    """
    from stopwatt.reporting.comparison import AaResult

    fail_on = judging.reasons()
    found = _Call(sides, measuring, judging, asked, rules, energy, results).found()
    if results.json:
        print(found.to_json())
    elif judging.markdown and not isinstance(found, AaResult):
        print(found.to_markdown(), end="")
    else:
        found.table()
    if not isinstance(found, AaResult):
        found.raise_for_regression(fail_on)
        found.raise_for_status()


@dataclass(frozen=True, slots=True)
class _Call:
    """All words of one command line."""

    sides: Sequence[str]
    measuring: NowOptions
    judging: JudgingOptions
    asked: GridOptions
    rules: ProtocolOptions
    energy: EnergyOptions
    results: StoreOptions

    def found(self) -> "CompareResult | AaResult":
        """What is compared, looked up or measured now."""
        match self.measuring.mode():
            case "commands":
                return self._commands()
            case "now" | "aa" as mode:
                return self._setups(itself=mode == "aa")
        return self._results()

    def _results(self) -> "CompareResult | AaResult":
        from stopwatt.comparing import compare as compare_results

        if len(self.sides) not in (1, 2):
            raise UsageError(
                f"compare takes two sides, not {len(self.sides)}",
                now="stopwatt compare A B; stopwatt show lists runs; --now, --commands and --aa measure first",
            )
        judging = self.judging
        judge = partial(
            compare_results,
            metric=judging.metric,
            margin=judging.share(),
            store=self.results.store,
            force=judging.force,
        )
        return judge(*self.sides)

    def _commands(self) -> "CompareResult | AaResult":
        from stopwatt.comparing import RUNS, compare_commands

        if len(self.sides) != 2:  # noqa: PLR2004  (A and B)
            what = f"--commands takes two commands, not {len(self.sides)}"
            raise UsageError(what, now='write each in quotation marks: "python a.py"')
        rounds = RUNS if self.rules.rounds is None else self.rules.rounds
        with _progress() as watcher:
            return compare_commands(
                *self.sides, rounds=rounds, warmups=self.measuring.warmups, margin=self.judging.share(),
                timeout_s=self.rules.protocol().timeout_s, store=self.results.store, tag=self.results.tag,
                watcher=watcher, allow=self.rules.allow,
            )  # fmt: skip

    def _setups(self, *, itself: bool) -> "CompareResult | AaResult":
        from stopwatt.comparing import PAIRS, compare_now, measure_itself

        pairs = PAIRS if self.rules.rounds is None else self.rules.rounds
        grid = grid_from(self.sides, self.asked, self.rules, TimingOptions(), self.results.tag)
        protocol = self.energy.protocol(TimingOptions(), self.rules)  # the rules of bench
        grid = replace(grid, protocol=replace(protocol, rounds=pairs))
        with _progress() as watcher:
            measure = measure_itself if itself else compare_now
            return measure(
                grid, metric=self.judging.metric, margin=self.judging.share(), store=self.results.store,
                watcher=watcher, allow=self.rules.allow,
            )  # fmt: skip


@contextmanager
def _progress() -> "Iterator[Watcher]":
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress

    with show_progress(console_for(sys.stderr)) as watcher:
        yield watcher
