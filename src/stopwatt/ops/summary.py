"""Summary files: a model's operators as YAML that people read and edit, and that `ops measure` and `explain` take."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown
from stopwatt.lined import Lined, Path_, parse_yaml
from stopwatt.operators.capture import Capture
from stopwatt.operators.operator import Operator
from stopwatt.operators.summary import Edited, Entry, Summary, counts_of, edited, said_of
from stopwatt.records import PRECISIONS, Precision, Setup, Workload, digest
from stopwatt.store.atomic import replacing
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve

if TYPE_CHECKING:
    from stopwatt.store.database import Store

MOST_BYTES = 2**24
"""Of a summary: far above that of any model."""
_MOST_CALLS = 10**9
_HEAD = """\
# The operators that one call of a model makes, as stopwatt captured them.
# To edit: take a line out, or add `skip: true` to it, to leave an operator out; or change its count.
#     stopwatt ops measure {name}
#     stopwatt ops explain {name}
"""
_SAID = ("name", "shapes", "dtypes")
"""Keys of a line that say which operator it is, beside its key."""
_KEYS = frozenset({"count", *_SAID, "processed", "key", "obstacle", "skip"})
_YES, _NO = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off", ""})


def write_summary(capture: Capture, folder: Path, processed: Collection[str] = ()) -> Path:
    """Write the summary of a capture into a folder, in the place of an earlier one of the same workload and setup.

    Args:
        capture: What to write of.
        folder: Made if it is not there.
        processed: Keys of operators whose times are known already.

    Raises:
        UsageError: The folder cannot be made.
        StoreError: The disk is full, or refuses.
    """
    path = folder / f"{_file_name(capture)}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made: {error.strerror}", when=str(folder), now="name another"
        ) from error
    with replacing(path, overwrite=True) as file:
        file.write(summary_text(capture, processed, path.name).encode())
    return path


def summary_text(capture: Capture, processed: Collection[str] = (), name: str = "FILE.yaml") -> str:
    """The YAML of a capture's summary."""
    setup = capture.setup
    about = {
        "workload": capture.workload.source,
        "params": dict(capture.workload.params),
        "setup": {
            "backend": setup.backend_label,
            "precision": str(setup.precision),
            "batch": setup.batch,
            "device": setup.device,
            "threads": setup.threads,
        },
        "model": {
            "parameters": capture.parameters,
            "weight_bytes": capture.weight_bytes,
            "inputs": str(capture.facts.get("inputs", "")),
            "calls": int(capture.sequence.size),
        },
    }
    head = yaml.safe_dump(about, sort_keys=False, default_flow_style=None, allow_unicode=True, width=1000)
    lines = [
        "  - " + flow(_line(one, count, processed))
        for one, count in zip(capture.operators, counts_of(capture), strict=True)
    ]
    operators = "operators:\n" + "\n".join(lines) if lines else "operators: []"
    return f"{_HEAD.format(name=name)}{head}{operators}\n"


def read_summary(path: Path) -> Summary:
    """The summary in a file, as it was written or as a person edited it.

    Raises:
        UsageError: It cannot be read, is no summary, names an operator twice or a count that cannot be; with the line.
    """
    return _Reader(read_lined(path)).summary()


def selected(path: Path, store: "Store") -> tuple[Capture, Edited]:
    """The capture in a store that a summary file was written from, and what the file keeps of it.

    Raises:
        UsageError: As `read_summary`; or the store has no such capture; or the file names an operator it does not have,
            or leaves none.
    """
    summary = read_summary(path)
    capture = store.operators.capture_of(summary.workload, summary.setup)
    if capture is None:
        raise UsageError(
            f"{summary.workload.label} · {summary.setup.label} was not captured into this store",
            when=f"{path}, {summary.setup.threads} threads",
            now=f"stopwatt ops capture {summary.workload.source}, or name the store that has it: --store FILE",
        )
    found = edited(summary, capture)
    if not found.operators:
        raise UsageError("every operator is left out", when=str(path), now="keep a line without `skip: true`")
    return capture, found


class _Reader:
    def __init__(self, lined: Lined) -> None:
        self._lined = lined
        if not isinstance(lined.value, dict):
            raise self._wrong("this is no summary: it has no keys", (), "write one: stopwatt ops capture --out FOLDER")
        self._root: dict[str, Any] = lined.value

    def summary(self) -> Summary:
        workload, setup = self._workload(), self._setup()
        rows = self._part("operators", list)
        entries: dict[str, Entry] = {}
        for number, row in enumerate(rows):
            entry = self._entry(row, ("operators", number))
            if entry.key in entries:
                first = entries[entry.key].where
                raise self._wrong(
                    f"the operator {entry.key} is there twice", ("operators", number), f"leave one out; see {first}"
                )
            entries[entry.key] = entry
        return Summary(workload, setup, tuple(entries.values()), self._lined.name)

    def _workload(self) -> Workload:
        source = self._text(self._root, "workload", ())
        params = self._root.get("params") or {}
        try:
            return Workload(source, check_params(resolve(source), params))
        except UsageError as error:
            raise self._wrong(error.what, ("params",), error.now) from None

    def _setup(self) -> Setup:
        given = self._part("setup", dict)
        precision = self._text(given, "precision", ("setup",))
        if precision not in PRECISIONS:
            near = unknown("precision", precision, PRECISIONS)
            raise self._wrong(near.what, ("setup", "precision"), near.now)
        backend, _, variant = self._text(given, "backend", ("setup",)).partition(":")
        batch = self._whole(given, "batch", ("setup",), 1)
        threads = self._whole(given, "threads", ("setup",), 1)
        device = self._text(given, "device", ("setup",))
        return Setup(backend, variant, Precision(precision), batch, device, threads)

    def _entry(self, row: Any, path: Path_) -> Entry:
        if not isinstance(row, dict):
            raise self._wrong("an operator is no set of keys", path, "write {count: 1, name: ..., key: ...}")
        for name in row:
            if name not in _KEYS:
                near = unknown("key", name, _KEYS)
                raise self._wrong(near.what, (*path, name), near.now)
        skip = str(row.get("skip") or "").lower()
        if skip not in _YES | _NO:
            raise self._wrong(f"skip cannot be {row['skip']!r}", (*path, "skip"), "write true or false")
        count = self._whole(row, "count", path, 0)
        said = {name: self._text(row, name, path) for name in _SAID if name in row}
        return Entry(self._text(row, "key", path), count, skip in _YES, self._lined.at(path), said)

    def _part(self, name: str, kind: type) -> Any:
        found = self._root.get(name)
        if not isinstance(found, kind):
            what = "missing" if found is None else "not what it should be"
            raise self._wrong(f"{name} is {what}", (name,), "write the file anew: stopwatt ops capture --out FOLDER")
        return found

    def _text(self, given: Mapping[str, Any], name: str, path: Path_) -> str:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            raise self._wrong(f"{name} is missing", (*path, name), f"write {name}: and its value")
        return value

    def _whole(self, given: Mapping[str, Any], name: str, path: Path_, least: int) -> int:
        text = self._text(given, name, path)
        if not re.fullmatch(r"\d{1,10}", text) or not least <= int(text) <= _MOST_CALLS:
            raise self._wrong(
                f"{name} cannot be {text!r}", (*path, name), f"give a whole number from {least} to {_MOST_CALLS}"
            )
        return int(text)

    def _wrong(self, what: str, path: Path_, now: str) -> UsageError:
        return UsageError(what, when=self._lined.at(path), now=now)


def read_lined(path: Path) -> Lined:
    """A YAML file as plain values with their lines.

    Raises:
        UsageError: It cannot be read, is too large, or is no YAML; with the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", now="check the path and its rights") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8", when=f"byte {error.start}", now="save it as UTF-8") from error
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{path} is larger than {MOST_BYTES} bytes", now="is it the right file?")
    return parse_yaml(text, str(path))


def _line(operator: Operator, count: int, processed: Collection[str]) -> dict[str, Any]:
    found = {
        "count": count,
        **said_of(operator),
        "processed": operator.key in processed,
        "key": operator.key,
    }
    return found | ({"obstacle": operator.obstacle} if operator.obstacle else {})


def flow(row: Mapping[str, Any]) -> str:
    """A row as one line of YAML."""
    return yaml.safe_dump(dict(row), sort_keys=False, default_flow_style=True, allow_unicode=True, width=10**6).strip()


def _file_name(capture: Capture) -> str:
    """Readable, and another one for each workload and setup: a digest tells apart what a name has no room for."""
    setup = capture.setup
    source = Path(capture.workload.source).stem
    words = f"{source} {setup.backend_label} {setup.precision} batch{setup.batch} {setup.device}"
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.")
    identity = digest([capture.workload.source, dict(capture.workload.params), setup.label, setup.threads])
    return f"{plain}-{identity[:6]}"
