"""YAML as texts, lists and dictionaries, with the line of everything.

Nothing is constructed from it: every scalar stays the text that it is (or is missing), so that a value means what it
means on the command line, `no` is not false and `1:30` is not 90.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from stopwatt.errors import UsageError
from stopwatt.extensions import unknown

if TYPE_CHECKING:
    from pydantic import ValidationError

MOST_BYTES = 2**18
MOST_VALUES = 100_000
MOST_DEPTH = 12
"""Of lists and mappings in one another. Like the other two, far above any honest document."""

Path_ = tuple[str | int, ...]

_CORE = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "value", "seq", "map")
)
_NULL = "tag:yaml.org,2002:null"


@dataclass(slots=True)
class Lined:
    """A document.

    Attributes:
        name: Of the file.
        value: Texts, `None`, lists and dictionaries.
        lines: Line of each place in it, from 1.
    """

    name: str
    value: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)

    def at(self, path: Path_) -> str:
        """`grid.yaml, line 7, axes.hidden`: the place, or the nearest one around it."""
        known = next((path[:length] for length in range(len(path), -1, -1) if path[:length] in self.lines), ())
        key = ".".join(str(part) for part in path if isinstance(part, str))
        return ", ".join(filter(None, (f"{self.name}, line {self.lines.get(known, 1)}", key)))


def read_yaml(path: Path) -> Lined:
    """Read a file.

    Raises:
        UsageError: It cannot be read, is too large, is no YAML, or holds what a plain document does not: objects,
            several documents, keys that occur twice, aliases that multiply. With the line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", now="check the path and its rights") from error
    if len(raw) > MOST_BYTES:
        raise UsageError(
            f"{path} is larger than {MOST_BYTES} bytes",
            now="what is written by hand is far smaller: is it the right file?",
        )
    try:
        return parse_yaml(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text in UTF-8", when=f"byte {error.start}", now="save it as UTF-8") from error


def parse_yaml(text: str, name: str) -> Lined:
    """Read a text; `name` stands for it in messages."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)  # nodes only: nothing is constructed
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(
            f"this is no YAML: {error.problem or error.context}", when=f"{name}, line {line}", now="mend that line"
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"this is no YAML: {' '.join(str(error).split())}", when=name, now="mend it") from error
    except RecursionError:
        raise _too_deep(name) from None
    walk = _Walk(Lined(name))
    if root is not None:
        walk.document.value = walk.value(root, ())
    return walk.document


class _Walk:
    """Turns nodes into values. An alias is the node that it names, met again."""

    def __init__(self, document: Lined) -> None:
        self.document = document
        self._met = 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        line = node.start_mark.line + 1
        self.document.lines.setdefault(path, line)
        self._met += 1
        if self._met > MOST_VALUES:
            raise UsageError(
                f"more than {MOST_VALUES} values, aliases counted as often as they are used",
                when=self._at(line),
                now="write fewer values, and no aliases of aliases",
            )
        if len(path) > MOST_DEPTH:
            raise _too_deep(self._at(line))
        if node.tag not in _CORE:
            raise UsageError(
                f"{_short(node.tag)} is refused: this file holds plain values only",
                when=self._at(line),
                now="leave the tag out",
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, number)) for number, child in enumerate(node.value)]
        return None if node.tag == _NULL else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for key, child in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _CORE:
                raise UsageError("a key is no plain text", when=self._at(line), now="write a name before the colon")
            if key.value in found:
                first = self.document.lines[(*path, key.value)]
                raise UsageError(
                    f"the key {key.value!r} is there twice",
                    when=f"{self.document.name}, lines {first} and {line}",
                    now="write it once",
                )
            self.document.lines[(*path, key.value)] = line
            found[key.value] = self.value(child, (*path, key.value))
        return found

    def _at(self, line: int) -> str:
        return f"{self.document.name}, line {line}"


def _too_deep(where: str) -> UsageError:
    return UsageError("lists or mappings lie too deep in one another", when=where, now="write a flat document")


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def explained(error: "ValidationError", lined: Lined, keys_beside: Callable[[Path_], Iterable[str]]) -> UsageError:
    """The first thing that pydantic found in a document, in our words.

    Args:
        error: What it found.
        lined: The document.
        keys_beside: Which keys may stand where an unknown one stands.
    """
    # A misspelt key is unknown and, under its true name, missing: the first says more.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    path = first["loc"]
    where, name = lined.at(path), str(path[-1])
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, UsageError):
        return UsageError(cause.what, when=where, now=cause.now)
    if first["type"] == "extra_forbidden":
        near = unknown("key", name, keys_beside(path))
        return UsageError(near.what, when=where, now=near.now)
    if first["type"] == "missing":
        now = f"write {name}: and its value" if isinstance(path[-1], str) else "write every value of the list"
        return UsageError(f"{_shown(path)} is missing", when=where, now=now)
    if first["type"] == "too_long":
        most = first["ctx"]["max_length"]
        return UsageError(f"{_shown(path)} has more than {most} values", when=where, now=f"give {most}")
    reason = _WANTED.get(first["type"]) or first["msg"].removeprefix("Input should be ")
    return UsageError(f"{_shown(path)} cannot be {_kind(first['input'])}", when=where, now=f"give {reason}")


_WANTED = {
    "string_type": "a single value",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "dict_type": "keys with values",
    "list_type": "a value, or a list of values",
    "tuple_type": "a list of values",
    "model_type": "keys with values",
}


def _shown(path: Path_) -> str:
    """The last name in a path, with its place in a list."""
    if isinstance(path[-1], int) and len(path) > 1:
        return f"value {path[-1] + 1} of {path[-2]}"
    return str(path[-1])


def _kind(found: Any) -> str:
    if isinstance(found, str):
        return repr(found)
    return "keys with values" if isinstance(found, dict) else "a list" if isinstance(found, list) else "nothing"
