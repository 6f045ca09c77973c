"""`stopwatt protocol`: what the way of measuring does to the number, on your model."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import RULES, TARGET, ProtocolOptions, StoreOptions, parameters, words
from stopwatt.errors import UsageError
from stopwatt.records import Protocol
from stopwatt.sweeping.design import Interactions
from stopwatt.sweeping.plan import Request
from stopwatt.sweeping.stages import CALLS, REPEATS, Question
from stopwatt.sweeping.stages import RULES as BASE

WAYS = Group("Which ways of measuring", sort_key=2)
_REPEATED = {"group": WAYS, "negative": "", "show_default": False}


@Parameter(name="*")
@dataclass(frozen=True)
class SetupOptions:
    """The one setup to measure."""

    param: Annotated[
        tuple[str, ...],
        Parameter(name=["--param", "-p"], group=TARGET, negative="", show_default=False, help="NAME=VALUE."),
    ] = ()
    backend: Annotated[str, Parameter(group=TARGET, help="A name, or NAME:VARIANT.")] = "eager"
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16, bf16 or int8.")] = "fp32"
    batch: Annotated[int, Parameter(group=TARGET, help="Samples per call.")] = 1
    device: Annotated[str, Parameter(group=TARGET, help="cpu, cuda or cuda:1.")] = "cpu"
    threads: Annotated[int, Parameter(group=TARGET, help="Host threads; 0 for all cores that may be used.")] = 0

    def request(self, workload: str, rules: Protocol, tag: str) -> Request:
        """The request that the options describe."""
        return Request(
            (workload,), parameters(self.param), (self.backend,), (self.precision,), (self.batch,), self.device,
            self.threads, rules, baseline=False, tag=tag,
        )  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True)
class WayOptions:
    """Which ways of measuring to try."""

    factor: Annotated[
        str, Parameter(group=WAYS, show_default=False, help="Factors by comma: warmup, sync, timer, ... (all).")
    ] = ""
    level: Annotated[
        tuple[str, ...], Parameter(**_REPEATED, help="FACTOR=LEVELS by comma, instead of the usual ones: idle=1ms,1s.")
    ] = ()
    way: Annotated[
        tuple[str, ...], Parameter(**_REPEATED, help='Exactly these ways instead: "sync=none timer=time".')
    ] = ()
    interactions: Annotated[
        Interactions | None,
        Parameter(group=WAYS, help="Pairs of changes that follow: of those that matter (heredity), none or all."),
    ] = None
    full: Annotated[
        bool, Parameter(group=WAYS, negative="", help="Every combination of all levels (the full factorial).")
    ] = False
    dry_run: Annotated[
        bool, Parameter(group=WAYS, negative="", help="Say which ways, how many rounds and how long; measure nothing.")
    ] = False
    repeats: Annotated[int, Parameter(group=RULES, help="Rounds of each way, each a fresh process.")] = REPEATS
    calls: Annotated[int, Parameter(group=RULES, help="Calls of a series, at most.")] = CALLS

    def question(self) -> Question:
        """What the options ask.

        Raises:
            UsageError: A level that cannot be read.
        """
        return Question(
            words(self.factor), _levels(self.level), self.way, self.full, self.interactions, self.repeats, self.calls
        )


@Parameter(name="*")
@dataclass(frozen=True)
class RoundOptions:
    """How to measure."""

    timeout: Annotated[str | None, Parameter(group=RULES, help="Longest time for one round (600s, 20min).")] = None
    warmup_cap: Annotated[str | None, Parameter(group=RULES, help="Longest warm-up of the reference (8s).")] = None
    tolerance: Annotated[
        float | None,
        Parameter(group=RULES, help="Largest deviation from fp32 eager that passes; by precision if absent."),
    ] = None
    seed: Annotated[int, Parameter(group=RULES, help="Seeds weights, inputs and the order of ways.")] = 0
    allow: Annotated[
        bool, Parameter(group=RULES, negative="", help="Measure even if the machine is not fit; results are marked.")
    ] = False

    def protocol(self) -> Protocol:
        """The rules that the options describe.

        Raises:
            UsageError: A value out of range.
        """
        as_of_bench = ProtocolOptions(
            timeout=self.timeout, warmup_cap=self.warmup_cap, tolerance=self.tolerance, seed=self.seed
        )
        return as_of_bench.protocol(BASE)


def protocol(
    workload: Annotated[str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, FILE.onnx.")],
    *,
    setup: SetupOptions = SetupOptions(),
    ways: WayOptions = WayOptions(),
    rules: RoundOptions = RoundOptions(),
    results: StoreOptions = StoreOptions(),  # noqa: B008
) -> None:
    """Time one model in other ways (cold, without synchronising, with other clocks): what would each of them report?

    In each round all ways are timed on the same instance of the model, each between two series of the reference, which
    is how `bench` measures latency. Factors: warmup, sync, timer, inputs, cache, gc, threads, copies, idle, load.

    Three examples:

        stopwatt protocol mlp --factor warmup,sync,timer

        stopwatt protocol lstm -p hidden=64 --level idle=1ms,100ms --level threads=1 --dry-run

        stopwatt protocol mlp --way sync=none --way "warmup=none sync=none" --json
    """
    from stopwatt.ablating import foresee_protocol, run_protocol
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress

    asked, question = setup.request(workload, rules.protocol(), results.tag), ways.question()
    if ways.dry_run:
        foreseen = foresee_protocol(asked, question, store=results.store)
        print(foreseen.to_json()) if results.json else foreseen.print_to(console_for(sys.stdout))
        return
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_protocol(asked, question, store=results.store, watcher=watcher, allow=rules.allow)
    print(result.to_json()) if results.json else result.table()
    result.raise_for_status()


def _levels(texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """`("timer=time,events",)` as `{"timer": ["time", "events"]}`."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise UsageError(f"cannot read the levels {text!r}", now="write --level timer=time,events")
        if name in found:
            raise UsageError(f"the levels of {name} are given twice", now="give them once, by comma")
        found[name] = words(values)
    return found
