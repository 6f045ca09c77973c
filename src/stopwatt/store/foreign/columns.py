"""From what a person says about a table to places in its lines."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from stopwatt.errors import UsageError
from stopwatt.store.foreign.files import TableFile
from stopwatt.store.foreign.heads import NS_PER, clean_name, missing, place_of, unit_in, unit_named
from stopwatt.store.foreign.spec import TableSpec
from stopwatt.store.foreign.values import number_reader, time_reader
from stopwatt.store.longform import COLUMNS as OUR_TABLE

SETUP = ("batch", "backend", "precision", "device", "threads", "machine")
"""What can be said for all lines at once, or stand in a column."""

_BATCH_NAMES = {"batch", "batch_size", "batchsize"}
_TAKEN = {"workload", "boundary", "version", "idle"}  # names of coordinates that no column can give


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read.

    Attributes:
        name: What it becomes.
        head: What the table calls it.
        place: In a line, from 0.
    """

    name: str
    head: str
    place: int


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """A column of times.

    Attributes:
        unit: Of the table.
        read: A value in nanoseconds; raises `values.Unreadable`.
    """

    head: str
    place: int
    unit: str
    read: Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a line stands what.

    Attributes:
        axes: Become parameters of the workload.
        setup: Parts of the setup that stand in columns.
        said: Parts of the setup that hold for all lines, as they were written.
        times: Means (one column), or single trials.
        means: Whether they are means.
        long: Whether each line is one trial, so that lines of equal axes are a series.
        round, count, sd: `None` where there is none.
        count_said: Number of trials behind each mean, where it is the same for all.
        number: Reads the table's numbers; raises `values.Unreadable`.
    """

    axes: tuple[Column, ...]
    setup: tuple[Column, ...]
    said: Mapping[str, str]
    times: tuple[TimeColumn, ...]
    means: bool
    long: bool
    number: Callable[[Any], float]
    round: Column | None = None
    count: Column | None = None
    count_said: str = ""
    sd: TimeColumn | None = None

    @property
    def keys(self) -> tuple[Column, ...]:
        """The columns that tell one series from another."""
        return (*self.axes, *self.setup, *((self.round,) if self.round else ()))


def bind(spec: TableSpec, table: TableFile) -> Columns:
    """Find the columns that a person named.

    Raises:
        UsageError: A column is not there or named twice; neither times nor trials, or both; a unit that nobody stated.
    """
    if spec.decimal not in {".", ","}:
        raise UsageError(f"{spec.decimal!r} is no decimal sign", now="give --decimal . or --decimal ,")
    heads = table.heads
    axes, setup, said = _coordinates(spec, heads)
    count = _either(spec.count, heads, "count")
    repetition = _column("round", spec.round, heads)
    named = (*axes, *setup, *(one for one in (count, repetition) if isinstance(one, Column)))
    times = _times(spec, table, {column.place for column in named})
    found = Columns(
        axes=axes,
        setup=setup,
        said=said,
        times=times,
        means=bool(spec.time),
        long=not spec.time and len(times) == 1,
        number=number_reader(spec.decimal),
        round=repetition,
        count=count if isinstance(count, Column) else None,
        count_said=count if isinstance(count, str) else "",
        sd=_time_column(spec, spec.sd, heads, "--sd") if spec.sd else None,
    )
    _check(spec, found)
    return found


def _times(spec: TableSpec, table: TableFile, named: Collection[int]) -> tuple[TimeColumn, ...]:
    """The column of means, or the columns that fit the pattern of trials and are not named for something else."""
    if bool(spec.time) == bool(spec.trials):
        raise _which_times(spec, table)
    if spec.time:
        return (_time_column(spec, spec.time, table.heads, "--time"),)
    fitting = [place for place, head in enumerate(table.heads) if fnmatchcase(head, spec.trials)]
    found = [place for place in fitting if place not in named or table.heads[place] == spec.trials.strip()]
    if not found and spec.trials in table.heads:  # a head that holds brackets is no pattern
        found = [place_of(spec.trials, table.heads, "--trials")]
    if fitting and not found:
        raise UsageError(
            f"--trials {spec.trials!r} fits only columns that are named for something else",
            when=", ".join(table.heads[place] for place in fitting[:20]),
            now="name the columns that hold the times",
        )
    if not found:
        raise missing(spec.trials, table.heads, "--trials")
    return tuple(_time_at(spec, place, table.heads[place]) for place in found)


def _which_times(spec: TableSpec, table: TableFile) -> UsageError:
    if spec.time:
        return UsageError(
            "--time and --trials exclude each other", now="give --time for means, or --trials for single times"
        )
    if set(OUR_TABLE) <= set(table.heads):
        return UsageError(
            "this table was written by stopwatt export, for other programs",
            when=str(table.path),
            now="stopwatt export FILE.json writes what stopwatt import reads back",
        )
    likely = [head for head in table.heads if unit_in(head)] or ["COLUMN"]
    others = [head for head in table.heads if head not in likely] or ["COLUMN"]
    axes = " ".join(f'--axis "{head}"' for head in others[:3])
    return UsageError(
        "it is not said which column holds the times",
        when=f"the columns are {', '.join(table.heads[:20])}",
        now=f'say it, as in: {axes} --time "{likely[0]}" (means), or --trials "{likely[0]}" (one trial a line)',
    )


def _time_column(spec: TableSpec, head: str, heads: Sequence[str], option: str) -> TimeColumn:
    return _time_at(spec, place_of(head, heads, option), head.strip())


def _time_at(spec: TableSpec, place: int, head: str) -> TimeColumn:
    stated, read = unit_named(spec.unit) if spec.unit else None, unit_in(head)
    if stated and read and stated != read:
        raise UsageError(
            f"the column {head!r} says {read}, but --unit says {stated}",
            now=f"leave out --unit {stated}, or give the column another head",
        )
    unit = stated or read
    if unit is None:
        raise UsageError(
            f"the unit of {head!r} is not stated",
            when="units are never guessed from the size of numbers",
            now=f"add --unit with one of {', '.join(NS_PER)}, or name it in the head, as in '{head} (ms)'",
        )
    return TimeColumn(head, place, unit, time_reader(spec.decimal, NS_PER[unit]))


def _coordinates(
    spec: TableSpec, heads: Sequence[str]
) -> tuple[tuple[Column, ...], tuple[Column, ...], Mapping[str, str]]:
    """Axes, parts of the setup in columns, and those that hold for all lines."""
    given = {name: _either(getattr(spec, name), heads, name) for name in SETUP}
    setup = {name: found for name, found in given.items() if isinstance(found, Column)}
    said = {name: found for name, found in given.items() if isinstance(found, str) and found}
    axes: dict[str, Column] = {}
    for head in spec.axis:
        name = clean_name(head)
        column = Column(name, head.strip(), place_of(head, heads, "--axis"))
        part = "batch" if name in _BATCH_NAMES else name
        if part in SETUP:
            _put(setup, Column(part, column.head, column.place), said)
        elif name in _TAKEN:
            raise UsageError(f"an axis cannot be called {name!r}", when=f"column {head!r}", now="give it another head")
        else:
            _put(axes, column, said)
    return tuple(axes.values()), tuple(setup.values()), said


def _put(found: dict[str, Column], column: Column, said: Mapping[str, str]) -> None:
    other = found.setdefault(column.name, column)
    if other.place != column.place or column.name in said:
        what = f"{column.name!r} is named twice"
        heads = " and ".join(dict.fromkeys((repr(said.get(column.name, other.head)), repr(column.head))))
        raise UsageError(what, when=f"by {heads}", now="name it once, or give one of the columns another head")


def _either(text: str, heads: Sequence[str], name: str) -> Column | str:
    """The column of that head if there is one, else the text itself."""
    return Column(name, text.strip(), place_of(text, heads, f"--{name}")) if text.strip() in heads and text else text


def _column(name: str, head: str, heads: Sequence[str]) -> Column | None:
    return Column(name, head.strip(), place_of(head, heads, f"--{name}")) if head else None


def _check(spec: TableSpec, found: Columns) -> None:
    """One column cannot be two things; and what belongs to means makes no sense with trials."""
    if not found.means and (spec.count or spec.sd):
        raise UsageError("--count and --sd belong to means, and --trials names single times", now="leave them out")
    named = [*found.keys, *found.times, *((found.count,) if found.count else ()), *((found.sd,) if found.sd else ())]
    places: dict[int, str] = {}
    for column in named:
        if column.place in places:
            raise UsageError(f"the column {column.head!r} is named for two things", now="name it once")
        places[column.place] = column.head
