"""`stopwatt ops explain`: where a model's time and energy go."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from stopwatt.cli.options import RESULTS, TARGET, AsJson, HostThreads, InStore, OnDevice, Params, words
from stopwatt.operators.groups import By
from stopwatt.operators.memory import Rule

EXPLAIN = Group("How to explain", sort_key=2)


def explain(
    workload: Annotated[
        str,
        Parameter(
            group=TARGET, help="`stopwatt workloads` lists them; also FILE.py:FUNCTION, or a summary file (FILE.yaml)."
        ),
    ],
    /,
    *,
    param: Params = (),
    batch: Annotated[int, Parameter(group=TARGET, help="Samples per call.")] = 1,
    precision: Annotated[str, Parameter(group=TARGET, help="fp32, tf32, fp16 or bf16.")] = "fp32",
    device: OnDevice = "cpu",
    threads: HostThreads = 0,
    until: Annotated[
        str, Parameter(group=EXPLAIN, help="Share of the time that measured operators shall account for.")
    ] = "90%",
    budget: Annotated[str, Parameter(group=EXPLAIN, help="Longest time for measuring operators.")] = "10min",
    by: Annotated[By, Parameter(group=EXPLAIN, help="What the table lists.")] = By.OPERATOR,
    mode: Annotated[
        Rule, Parameter(group=EXPLAIN, help="Memory mode of the operators; auto chooses for each call.")
    ] = Rule.AUTO,
    compare: Annotated[
        str,
        Parameter(
            group=EXPLAIN,
            show_default=False,
            help="Backends by comma: what each runs, and how long the model takes.",
        ),
    ] = "",
    allow: Annotated[
        bool, Parameter(group=EXPLAIN, negative="", help="Measure even if the machine is not fit; results are marked.")
    ] = False,
    plot: Annotated[
        Path | None, Parameter(group=RESULTS, help="Draw the time by module and operator: .png, .svg or .html.")
    ] = None,
    force: Annotated[bool, Parameter(group=RESULTS, negative="", help="Replace the figure if it is there.")] = False,
    store: InStore = None,
    json: AsJson = False,
) -> None:
    """Say where a model's time and energy go, operator by operator, and what the sum of operators leaves out.

    What is missing is measured first: the model's operators, as many as matter, and its latency.

    Three examples:

        stopwatt ops explain mlp

        stopwatt ops explain bert -p size=tiny --by module --until 95% --budget 5min

        stopwatt ops explain mlp --compare eager,onnxruntime --plot mlp.svg --force
    """
    from stopwatt.cli.options import parameters
    from stopwatt.ops.explaining import Question, run_explain
    from stopwatt.reporting.charts.files import check_format, write_figure
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.sweeping.plan import Request
    from stopwatt.units import parse

    if plot is not None:
        check_format(plot)
    question = Question(parse(until, "1"), parse(budget, "s"), mode, by, tuple(words(compare)), allow)
    asked = Request((workload,), parameters(param), ("eager",), (precision,), (batch,), device, threads)
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_explain(asked, question, store=store, watcher=watcher)
    if plot is not None:
        from stopwatt.reporting.charts.operators import operators

        write_figure(plot, operators(result.explanation), overwrite=force)
    if json:
        print(result.to_json())
    else:
        result.table()
    result.raise_for_status()
