"""`stopwatt ops fit`: learn from all operators that are known, and say how well."""

import json as json_text
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

    Three examples:

        stopwatt ops fit

        stopwatt ops fit --family gemm --device "NVIDIA H200"

        stopwatt ops fit --quick --json
    """
    from stopwatt.ops.families import families_of
    from stopwatt.ops.fit import fit_store
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.operators.fit import FitResult
    from stopwatt.store import open_store

    with open_store(store) as results:
        result = FitResult(fit_store(results, families_of(words(family)), device=device, quick=quick, seed=seed))
    if json:
        print(json_text.dumps(result.document(), indent=2))
    else:
        result.show(console_for(sys.stdout))
