"""`stopwatt tune`: the best setup of a workload, found and proven."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import (
    RESULTS,
    RULES,
    TARGET,
    DataOptions,
    Kept,
    OnDevice,
    Params,
    StoreOptions,
    batches,
    parameters,
    words,
)
from stopwatt.errors import UsageError

if TYPE_CHECKING:
    from stopwatt.tuning.result import TuneResult
    from stopwatt.tuning.space import Asked

AIM = Group("What for", sort_key=0)


@Parameter(name="*")
@dataclass(frozen=True)
class AimOptions:
    """What is wanted."""

    goal: Annotated[str, Parameter(group=AIM, help="latency, throughput, energy or memory.")] = "latency"
    where: Annotated[
        tuple[str, ...],
        Parameter(
            group=AIM,
            negative="",
            consume_multiple=True,
            show_default=False,
            help='Constraints: "p99<10ms" "deviation<1e-2" "memory<2GB" "accuracy_loss<1%".',
        ),
    ] = ()
    budget: Annotated[str, Parameter(group=AIM, help="Time that measuring may take (90s, 10min).")] = "10min"


@Parameter(name="*")
@dataclass(frozen=True)
class SpaceOptions:
    """Among what."""

    param: Params = ()
    backends: Annotated[
        str, Parameter(group=TARGET, help="Names by comma, NAME:VARIANT, NAME+TECHNIQUE, `auto` or `all`.")
    ] = "all"
    precision: Annotated[
        str, Parameter(group=TARGET, help="fp32, tf32, fp16, bf16, int8; by comma. All of the device if absent.")
    ] = ""
    batch: Annotated[
        str, Parameter(group=TARGET, help="Sizes by comma, or 1..32. 1 for latency, several for throughput.")
    ] = ""
    threads: Annotated[str, Parameter(group=TARGET, help="Host threads by comma; one and all cores if absent.")] = ""
    device: OnDevice = "cpu"


@Parameter(name="*")
@dataclass(frozen=True)
class TuneRules:
    """How to measure."""

    tolerance: Annotated[
        float | None,
        Parameter(group=RULES, help="Largest deviation from fp32 eager that passes; by precision if absent."),
    ] = None
    seed: Annotated[int, Parameter(group=RULES, help="Seeds weights, inputs and orders.")] = 0
    allow: Annotated[
        bool, Parameter(group=RULES, negative="", help="Measure even if the machine is not fit; results are marked.")
    ] = False


def tune(
    workload: Annotated[str, Parameter(help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, FILE.onnx.")],
    *,
    aim: AimOptions = AimOptions(),
    space: SpaceOptions = SpaceOptions(),
    rules: TuneRules = TuneRules(),
    data: DataOptions = DataOptions(),  # noqa: B008  (frozen)
    out: Annotated[
        Path | None, Parameter(group=RESULTS, help="Write the winner as a pack, where its backend has files.")
    ] = None,
    force: Annotated[bool, Parameter(group=RESULTS, negative="", help="Replace that file.")] = False,
    kept: Kept = False,
    results: StoreOptions = StoreOptions(),  # noqa: B008  (frozen)
) -> None:
    """Find the setup of a model that is best for a goal, under constraints, within a budget of time, and prove it.

    Backends, precisions, batches and threads race in short rounds; those that are clearly worse are given up early. The
    best are then measured thoroughly, side by side with the default. What fails the correctness gate never wins.

    Three examples:

        stopwatt tune mlp --goal latency --budget 60s

        stopwatt tune bert -p size=mini --goal throughput --where "p99<200ms" "deviation<1e-2" --budget 10min

        stopwatt tune lstm --backends eager,onnxruntime --threads 1,2 --out best.swpack --json
    """
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.tuning.tune import run_tune

    asked = replace(request(workload, aim, space, rules, results.tag), data=data.asked())
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_tune(asked, store=results.store, watcher=watcher, allow=rules.allow, kept=kept)
    if out is not None and result.tuned.winner is not None:
        result = packed(asked, result, out, force=force)
    if results.json:
        print(result.to_json())
    else:
        result.table()
        if result.snippet():
            print(f"\n{result.snippet()}")
    result.raise_for_status()


def request(workload: str, aim: AimOptions, space: SpaceOptions, rules: TuneRules, tag: str) -> "Asked":
    """What the options ask for.

    Raises:
        UsageError: One of them cannot be read.
    """
    from stopwatt.extensions import unknown
    from stopwatt.tuning.goals import Goal
    from stopwatt.tuning.space import Asked
    from stopwatt.units import parse

    if aim.goal not in tuple(Goal):
        raise unknown("goal", aim.goal, map(str, Goal))
    try:
        threads = tuple(int(one) for one in words(space.threads)) if space.threads else ()
    except ValueError:
        raise UsageError(f"cannot read {space.threads!r} as threads", now="write --threads 1,2") from None
    return Asked(
        workload,
        parameters(space.param),
        Goal(aim.goal),
        aim.where,
        parse(aim.budget, "s"),
        tuple(words(space.backends)),
        tuple(words(space.precision)) if space.precision else (),
        tuple(batches(space.batch)) if space.batch else (),
        threads,
        space.device,
        rules.seed,
        rules.tolerance,
        tag,
    )


def packed(asked: "Asked", result: "TuneResult", out: Path, *, force: bool) -> "TuneResult":
    """The result with its winner written as a pack.

    Raises:
        UsageError: The winner's backend runs the Python module itself.
        StopwattError: As `pack`.
    """
    from stopwatt.cli.pack import progress
    from stopwatt.packing.pack import Asked as PackAsked
    from stopwatt.packing.pack import run_pack

    winner = result.tuned.winner
    assert winner is not None  # noqa: S101  (asked by the caller)
    setup, calibration = winner.row.cell.setup, winner.row.cell.calibration
    wanted = PackAsked(
        workload=asked.workload,
        out=out,
        params=asked.params,
        backend=setup.backend_label,
        precision=str(setup.precision),
        batches=(setup.batch,),
        device=setup.device,
        threads=setup.threads,
        seed=asked.seed,
        tolerance=asked.tolerance,
        force=force,
        data=calibration.data if calibration else "",
        images=Path(calibration.images) if calibration and calibration.images else None,
        calibrate=calibration.samples if calibration else 0,
    )
    with progress() as watcher:
        run_pack(wanted, watcher)
    return replace(result, pack=str(out))
