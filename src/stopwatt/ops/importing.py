"""Operator measurements of others, into the operator database: published tables, and files of the documented schema."""

import importlib.util
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.operators.table import Table
from stopwatt.operators.work import Family
from stopwatt.ops import aiconfigurator
from stopwatt.ops.documented import tables_from
from stopwatt.ops.schema import LONGEST
from stopwatt.ops.sheet import Texts, read_sheet, rows_of
from stopwatt.ops.systems import System, find_systems
from stopwatt.store import Store
from stopwatt.store.costs import constant

PACKAGE = "aiconfigurator"
"""The word that means the installed package."""

_MODULE = "aiconfigurator_core"


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows that were brought.

    Attributes:
        file: They come from, without the folder that was given.
        family: Of their operators.
        devices: Their hardware.
        rows: How many.
        powered: Those of them with a power.
    """

    file: str
    family: Family
    devices: tuple[str, ...]
    rows: int
    powered: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that were not brought.

    Attributes:
        operator: Its name in the source.
        files: How many hold it.
        rows: Of all of them.
        why: The reason.
    """

    operator: str
    files: int
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import brought.

    Attributes:
        path: What was read.
        imported: File after file.
        left_out: By operator.
        specs: Devices whose specifications were brought.
        seconds: It took.
    """

    path: Path
    imported: tuple[Imported, ...]
    left_out: tuple[LeftOut, ...]
    specs: tuple[str, ...]
    seconds: float

    @property
    def rows(self) -> int:
        """All rows that were brought."""
        return sum(one.rows for one in self.imported)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The options of `import_tables`."""

    source: str
    device: str
    systems: Collection[str]
    families: Collection[Family]

    def takes(self, family: Family) -> bool:
        return not self.families or family in self.families


@dataclass(frozen=True, slots=True)
class _File:
    """A Parquet file of an operator, and how its rows are called."""

    path: Path
    operator: str
    source: str
    whole: bool = False  # whether `source` says all there is to say

    @property
    def family(self) -> Family:
        return aiconfigurator.LAYOUTS[self.operator].family


_Result = tuple[list[Imported], list[LeftOut], list[str]]


def import_tables(
    store: Store,
    what: str | Path,
    *,
    source: str = "",
    device: str = "",
    systems: Collection[str] = (),
    families: Collection[Family] = (),
) -> Brought:
    """Bring tables into the operator database, file after file; rows of before of the same source go.

    Args:
        store: To bring them into.
        what: `aiconfigurator` for the installed package of NVIDIA's tables; a folder of such files, or an unpacked
            package; or a file: such a Parquet file, or one of the documented schema (Parquet, CSV, JSON).
        source: Name of the collection; the package's, the folder's or the file's without it. Of a documented file it
            replaces what the rows say.
        device: Name of the hardware, instead of what the rows say.
        systems: Only those of the package; all without any.
        families: Only those; all without any.

    Raises:
        UsageError: Nothing there to read, or a file holds what cannot be: the row is named. What was imported before
            that file stays.
        StoreError: The database cannot be written.
    """
    begun = time.perf_counter()
    for name, text in (("--source", source), ("--device", device)):
        _check_name(name, text)
    wish = _Wish(source, device, systems, families)
    path = _package() if str(what) == PACKAGE else Path(what)
    imported, left_out, specs = (_import_folder if path.is_dir() else _import_file)(store, path, wish)
    if not imported:
        raise UsageError(
            "nothing to import is there" + (f": {left_out[0].operator} is {left_out[0].why}" if left_out else ""),
            when=str(path),
            now="docs/operators-schema.md has the columns that a file needs; check --systems and --families",
        )
    return Brought(path, tuple(imported), tuple(left_out), tuple(specs), time.perf_counter() - begun)


def _package() -> Path:
    """Folder of the installed package. It is found, not imported."""
    found = importlib.util.find_spec(_MODULE)
    if found is None or not found.submodule_search_locations:
        raise UsageError(
            "the package of NVIDIA's operator tables is not installed",
            when=f"looking for {_MODULE}",
            now="pip install 'stopwatt[aiconfigurator]' (82 MB, Apache-2.0), or name a folder that it is unpacked in",
        )
    return Path(found.submodule_search_locations[0])


def _import_file(store: Store, path: Path, wish: _Wish) -> _Result:
    if wish.systems:
        raise UsageError("a file has no systems to choose from", when=str(path), now="leave --systems out")
    operator = _operator_in(path) if path.suffix.lower() == ".parquet" else ""
    if operator in aiconfigurator.LAYOUTS:
        file = _File(path, operator, wish.source or path.resolve().parent.name or PACKAGE)
        found = iter([_table(file, wish.device)] if wish.takes(file.family) else [])
    else:
        found = tables_from(read_sheet(path), source=wish.source, device=wish.device)
    return [_bring(store, one, path.name) for one in found if wish.takes(one.family)], [], []


def _import_folder(store: Store, folder: Path, wish: _Wish) -> _Result:
    package = find_systems(folder, wish.systems)
    if package is None and wish.systems:
        raise UsageError("this folder has no systems to choose from", when=str(folder), now="leave --systems out")
    files = list(_of_folder(folder, wish.source) if package is None else _of_package(package, wish.source))
    taken = [one for one in files if one.operator in aiconfigurator.LAYOUTS and wish.takes(one.family)]
    imported = [_bring(store, _table(one, wish.device), str(one.path.relative_to(folder))) for one in taken]
    return imported, _left_out(files), _bring_specs(store, package or [], imported, folder)


def _of_package(systems: Sequence[System], source: str) -> Iterator[_File]:
    for system in systems:
        for path in _parquets(system.data) if system.data.exists() else []:  # of some there are specifications only
            operator = _operator_of(path)
            collection = path.relative_to(system.data).parts[-3:-1]  # framework and version
            source_name = " ".join((source or PACKAGE, system.name, *collection, operator))
            yield _File(path, operator, source_name, whole=True)


def _of_folder(folder: Path, source: str) -> Iterator[_File]:
    for path in _parquets(folder):
        inside = path.parent.relative_to(folder).parts
        yield _File(path, _operator_of(path), " ".join((source or folder.resolve().name, *inside)))


def _parquets(folder: Path) -> list[Path]:
    try:
        next(folder.iterdir(), None)  # a folder that cannot be read looks empty to `rglob`
        found = sorted(path for path in folder.rglob("*.parquet") if path.is_file())
    except OSError as error:
        raise UsageError(
            f"the folder cannot be read: {error.strerror}", when=str(folder), now="check the path and its rights"
        ) from error
    return found


def _operator_of(path: Path) -> str:
    return path.stem.removesuffix("_perf")


def _operator_in(path: Path) -> str:
    """The operator of a file by its name; of one that was renamed, by what its rows say."""
    named = _operator_of(path)
    if named in aiconfigurator.LAYOUTS:
        return named
    found = str(read_sheet(path, ["op_name"]).texts("op_name")[0])
    return aiconfigurator.FILES.get(found, found)


def _table(file: _File, device: str) -> Table:
    layout = aiconfigurator.LAYOUTS[file.operator]
    sheet = read_sheet(file.path, layout.all_columns)
    origin: Texts = (
        constant(file.source, sheet.rows) if file.whole else aiconfigurator.sources(sheet, file.source, file.operator)
    )
    return aiconfigurator.table_from(sheet, layout, device=device, source=origin)


def _bring(store: Store, table: Table, file: str) -> Imported:
    devices = tuple(np.unique(table.device).tolist()) if any(table.device.strides) else (str(table.device[0]),)
    for name in devices:
        _check_name("the name of a device", name)
    rows = store.operators.save_table(table)
    return Imported(file, table.family, devices, rows, int((table.power_w > 0).sum()))


def _bring_specs(store: Store, systems: Sequence[System], imported: Sequence[Imported], folder: Path) -> list[str]:
    """Specifications under the system's own name, and under those that its rows have for the hardware."""
    names: list[str] = []
    for system in systems:
        inside = str(system.data.relative_to(folder))
        of_rows = {name for one in imported if one.file.startswith(f"{inside}/") for name in one.devices}
        for name in sorted({system.name, *of_rows}):
            store.operators.save_specs(replace(system.specs, name=name))
            names.append(name)
    return names


def _left_out(files: Sequence[_File]) -> list[LeftOut]:
    names = sorted({one.operator for one in files} - aiconfigurator.LAYOUTS.keys())
    found = []
    for name in names:
        rows = [rows_of(one.path) for one in files if one.operator == name]
        found.append(LeftOut(name, len(rows), sum(rows), aiconfigurator.why_left_out(name)))
    return sorted(found, key=lambda one: -one.rows)


def _check_name(what: str, name: str) -> None:
    if len(name) > LONGEST or not (name.isprintable() or not name):
        raise UsageError(
            f"{what} is no usable name: {name[:40]!r}", when="importing", now=f"use at most {LONGEST} characters"
        )
