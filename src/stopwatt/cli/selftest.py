"""`stopwatt selftest`: is this machine, with this tool on it, able to measure what it claims?"""

import shlex
import sys
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import words


def selftest(
    *,
    only: Annotated[str, Parameter(help="Claims by comma, such as clock,latency; all if empty.")] = "",
    thorough: Annotated[bool, Parameter(negative="", help="Take ten minutes: for every night.")] = False,
    device: Annotated[str, Parameter(help="cpu; cuda or cuda:1 adds the claims about that GPU.")] = "cpu",
    store: Annotated[str | None, Parameter(help="Results database ($STOPWATT_STORE, ./stopwatt.db).")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as JSON on standard output.")] = False,
) -> None:
    """Plant durations, modes, drift and mistakes whose truth is known, and say whether they are measured right.

    Three examples:

        stopwatt selftest

        stopwatt selftest --only clock,synchronisation --json

        stopwatt selftest --thorough --device cuda
    """
    from stopwatt.reporting.console import console_for
    from stopwatt.reporting.progress import show_progress
    from stopwatt.selftesting.run import run_selftest

    command = shlex.join(["stopwatt", *sys.argv[1:]])
    with show_progress(console_for(sys.stderr)) as watcher:
        result = run_selftest(
            words(only), device=device, thorough=thorough, store=store, command=command, watcher=watcher
        )
    if json:
        print(result.to_json())
    else:
        result.table()
    result.raise_for_status()
