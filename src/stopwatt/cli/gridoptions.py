"""A grid on the command line: a file, axes beside it, or both."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stopwatt.cli.options import TARGET, EnergyOptions, ProtocolOptions, TimingOptions, parameters, parts
from stopwatt.errors import UsageError
from stopwatt.records import Scalar
from stopwatt.sweeping.coordinates import SETUP, WORKLOAD
from stopwatt.sweeping.grid import Axis, Block, Exclusion, Grid
from stopwatt.sweeping.gridfile import read_grid_file
from stopwatt.sweeping.overlay import overlay

_FILES = (".yaml", ".yml")
_REPEATED = {"group": TARGET, "negative": "", "show_default": False}


@Parameter(name="*")
@dataclass(frozen=True)
class GridOptions:
    """What to sweep."""

    axis: Annotated[
        tuple[str, ...],
        Parameter(
            **_REPEATED, help="NAME=VALUES by comma; 1..8 doubles. A parameter, batch, backend, precision, threads, ..."
        ),
    ] = ()
    zip: Annotated[
        tuple[str, ...], Parameter(**_REPEATED, help='Axes that go together: "hidden=64,128 seq=200,100".')
    ] = ()
    exclude: Annotated[
        tuple[str, ...], Parameter(**_REPEATED, help='Cells to leave out: "layers=4 batch=4,8" (all of it holds).')
    ] = ()
    param: Annotated[
        tuple[str, ...],
        Parameter(**_REPEATED, name=["--param", "-p"], help="NAME=VALUE, the same for all cells."),
    ] = ()
    backends: Annotated[
        str | None, Parameter(group=TARGET, help="By comma: the same as --axis backend=... (eager).")
    ] = None
    precision: Annotated[
        str | None, Parameter(group=TARGET, help="By comma: the same as --axis precision=... (fp32).")
    ] = None
    batch: Annotated[str | None, Parameter(group=TARGET, help="1,8 or 1..64: the same as --axis batch=... (1).")] = None
    device: Annotated[str | None, Parameter(group=TARGET, help="cpu, cuda or cuda:1 (cpu).")] = None


def grid_from(
    what: Sequence[str],
    asked: GridOptions,
    rules: ProtocolOptions,
    timing: TimingOptions,
    tag: str = "",
    *,
    energy: EnergyOptions = EnergyOptions(),  # noqa: B008  (frozen)
) -> Grid:
    """The grid that files and options describe; where both say something, the options win.

    Args:
        what: Workloads, and at most one grid file.
        asked: The options of the grid.
        rules: How to measure.
        timing: Deadlines and paced arrivals.
        tag: A name for the run.
        energy: Energy and telemetry.

    Raises:
        UsageError: Something that cannot be read, or is given twice.
    """
    files = [word for word in what if word.lower().endswith(_FILES)]
    if len(files) > 1:
        raise UsageError("several grid files", when=", ".join(files), now="give one, and the rest as --axis")
    below = read_grid_file(Path(files[0])) if files else Grid(())
    above = Grid(
        tuple(_blocks([word for word in what if word not in files], asked)),
        tuple(Exclusion(_together(text, "--exclude"), f'--exclude "{text}"') for text in asked.exclude),
        energy.protocol(timing, rules, below.protocol),
        timing.deadlines or below.deadlines,
        tag or below.tag,
    )
    return overlay(below, above)


def _blocks(workloads: Sequence[str], asked: GridOptions) -> Iterable[Block]:
    if workloads:
        yield (Axis(WORKLOAD, tuple(workloads)),)
    for name, value in parameters(asked.param).items():
        yield (_param(name, value),)
    for text in asked.axis:
        yield (_axis(text, "--axis"),)
    for option, name, values in (
        ("--backends", "backend", asked.backends),
        ("--precision", "precision", asked.precision),
        ("--batch", "batch", asked.batch),
    ):
        if values is not None:
            yield (_axis_of(name, values, option),)
    for text in asked.zip:
        yield _together(text, "--zip")
    if asked.device is not None:
        yield (Axis("device", (asked.device,), "--device"),)


def _param(name: str, value: Scalar) -> Axis:
    if name in (WORKLOAD, *SETUP):
        raise UsageError(
            f"{name} is not a parameter of the workload", when=f"-p {name}={value}", now=f"write --axis {name}={value}"
        )
    return Axis(name, (value,), f"-p {name}")


def _together(text: str, option: str) -> Block:
    """`hidden=64,128 seq=200,100`."""
    try:
        parts = shlex.split(text)
    except ValueError:
        raise UsageError(f"cannot read {text!r}", when=option, now="close the quotes") from None
    if not parts:
        raise UsageError(f"{option} says nothing", now=f'write {option} "hidden=64,128 seq=200,100"')
    return tuple(_axis(part, option) for part in parts)


def _axis(text: str, option: str) -> Axis:
    """`hidden=64,128`."""
    name, equals, values = text.partition("=")
    if not equals or not name.strip():
        raise UsageError(f"cannot read {text!r} as an axis", when=option, now=f"write {option} hidden=64,128")
    return _axis_of(name.strip(), values, f"{option} {name.strip()}")


def _axis_of(name: str, values: str, where: str) -> Axis:
    try:
        return Axis.of(name, parts(values), where)
    except UsageError as error:
        raise UsageError(error.what, when=where, now=error.now) from None
