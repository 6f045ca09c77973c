"""`stopwatt meter`: what any program uses."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.errors import UsageError

STANDARD_OUTPUT = "-"


def meter(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True, help="The program and its arguments, behind --.")],
    device: Annotated[str, Parameter(help="Only its meters: cpu, cuda or cuda:1; all of the machine if empty.")] = "",
    json: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="Write the result as JSON to this file; - for standard output.")
    ] = "",
    trace: Annotated[Path | None, Parameter(help="Keep what the instruments said: FILE.csv or FILE.parquet.")] = None,
    force: Annotated[bool, Parameter(negative="", help="Replace files that are there already.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Neither the line while it runs nor the table.")] = False,
) -> None:
    """Run a program and say what it used: energy of each scope, power, CPU time, memory, and what disturbed it.

    The program has our standard input, output and error; its exit code is ours. The table is written to standard error.

    Three examples:

        stopwatt meter -- python -c "print(sum(range(10**7)))"

        stopwatt meter --json used.json --force -- sleep 1

        stopwatt meter --quiet --trace trace.csv --force -- sleep 2
    """
    from stopwatt.metering.run import meter_command
    from stopwatt.metering.traces import check_output, check_trace_path
    from stopwatt.reporting.bottomline import BottomLine
    from stopwatt.reporting.console import console_for

    if trace is not None:
        check_trace_path(trace, overwrite=force)
    if json.startswith("-") and json != STANDARD_OUTPUT:
        raise UsageError(f"--json needs a file, and {json} is an option", now="write --json FILE, or --json -")
    if json not in {"", STANDARD_OUTPUT}:
        check_output(Path(json), overwrite=force)
    line = BottomLine(sys.stderr)
    try:
        done = meter_command(command, device=device, show=line.show if line.possible and not quiet else None)
    finally:
        line.close()
    if not quiet:
        done.result.print_to(console_for(sys.stderr))
    written = () if trace is None else done.save_trace(trace, overwrite=force)
    _write_json(done.result.to_json(), json, force=force)
    if not quiet:
        for path in written:
            print(f"trace: {path}", file=sys.stderr)
    sys.exit(done.code)


def _write_json(document: str, where: str, *, force: bool) -> None:
    from stopwatt.store.atomic import replacing

    if where == STANDARD_OUTPUT:
        print(document, flush=True)
    elif where:
        with replacing(Path(where), overwrite=force) as file:
            file.write(f"{document}\n".encode())
