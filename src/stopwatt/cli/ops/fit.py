"""`stopwatt ops fit`: learn from all operators that are known, and say how well."""

import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words


def fit(
    *,
    family: Annotated[str, Parameter(help="Only these, by comma (gemm,attention); others stay as they are.")] = "",
    device: Annotated[str, Parameter(help="Hold out this hardware where unseen devices are asked for.")] = "",
    quick: Annotated[bool, Parameter(negative="", help="Evaluate on few rows: a minute instead of several.")] = False,
    seed: Annotated[int, Parameter(help="Of samples, folds and models.")] = 0,
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Learn from all operators that were measured or imported, say how well, and keep the predictor.

    Each family of operators is kept as soon as it is fitted; Ctrl-C keeps those, and leaves all others as they were.

    Three examples:

        stopwatt ops fit

        stopwatt ops fit --family gemm --device "NVIDIA H200"

        stopwatt ops fit --quick --json
    """
    from stopwatt.ops.families import families_of
    from stopwatt.ops.fitting import fit_store
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.fit import FitResult
    from stopwatt.reporting.progress import show_progress
    from stopwatt.store import open_store

    chosen = families_of(words(family))
    with open_store(store) as results, show_progress(console_for(sys.stderr)) as watcher:
        result = FitResult(fit_store(results, chosen, device=device, quick=quick, seed=seed, watcher=watcher))
    if json:
        print(result.to_json())
    else:
        result.table()
