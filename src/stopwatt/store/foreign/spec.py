"""What a person says about a table: which column means what."""

import shlex
from dataclasses import dataclass, fields
from pathlib import Path

NOTHING = ""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Which column of a table means what.

    Attributes:
        axis: Column that says what was measured; once for each.
        time: Column of mean times: one cell a line.
        trials: Columns of single times, as t*. Where it fits one column, each line is a trial.
        unit: ns, us, ms or s, for columns whose head names none.
        round: Column that numbers repetitions (rounds) of a cell.
        count: Number of trials behind each mean: a column, or a number.
        sd: Column of standard deviations.
        batch: Samples per call: a column, or a number.
        backend: Runtime: a column, or a name.
        precision: fp32, tf32, fp16, bf16 or int8: a column, or one of them.
        device: What computed: a column, or a name.
        threads: Host threads: a column, or a number.
        machine: What it was measured on: a column, or a name.
        name: What was measured; the workload becomes imported:NAME. Default: the file's name.
        by: Who says so: a person, a paper, an address.
        separator: Between values: "," in .csv, tab in .tsv, or what is given here (";", tab).
        decimal: Decimal sign: "." or ",".
    """

    axis: tuple[str, ...] = ()
    time: str = NOTHING
    trials: str = NOTHING
    unit: str = NOTHING
    round: str = NOTHING
    count: str = NOTHING
    sd: str = NOTHING
    batch: str = NOTHING
    backend: str = NOTHING
    precision: str = NOTHING
    device: str = NOTHING
    threads: str = NOTHING
    machine: str = NOTHING
    name: str = NOTHING
    by: str = NOTHING
    separator: str = NOTHING
    decimal: str = "."


def command_of(path: Path, spec: TableSpec, tag: str = "") -> str:
    """The command that brings the table, whoever asked for it."""
    words = ["stopwatt", "import", str(path)]
    for field in fields(TableSpec):
        value = getattr(spec, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            words += [f"--{field.name}", text] if text != field.default and text else []
    return shlex.join([*words, *(["--tag", tag] if tag else [])])
