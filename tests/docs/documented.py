"""What the documentation tells its readers to type: commands and Python blocks, with how each is to be checked."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_BLOCK = re.compile(
    r"(?:<!-- run: (?P<mark>[^\n]*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_MARK = re.compile(r"skip \((?P<reason>.+)\)|exit (?P<exit>\d+)")
_SHELL_LANGUAGES = {"", "console", "sh", "bash", "shell"}
_FILE = re.compile(r"# [\w.-]+\.(py|ya?ml)\n")
_OPERATORS = {"|", "||", "&&", "&", ";", ">", ">>", "2>", "<"}


class Kind(StrEnum):
    """What is done with it."""

    COMMAND = "command"
    SCRIPT = "script"  # Python that imports stopwatt
    FILE = "file"  # Python or YAML whose first line is its name as a comment
    PYTHON = "python"  # any other: only its syntax is checked


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to type.

    Attributes:
        where: Document and line.
        skip: Why it is not run; empty where it may be.
        exit_code: What it must end with.
    """

    kind: Kind
    text: str
    where: str
    skip: str = ""
    exit_code: int = 0

    @property
    def words(self) -> list[str]:
        """Arguments of `stopwatt`, without what the shell does with the output."""
        words = shlex.split(self.text, comments=True)[1:]
        return words[: next((place for place, word in enumerate(words) if word in _OPERATORS), len(words))]

    @property
    def file_name(self) -> str:
        """Name of a file's block."""
        return self.text.splitlines()[0].removeprefix("# ")


class MarkError(ValueError):
    """A `<!-- run: ... -->` that says nothing known."""


def pieces_of(path: Path, name: str) -> Iterator[Piece]:
    """Everything to check in a Markdown document, in order.

    Raises:
        MarkError: A mark is neither `skip (reason)` nor `exit N`.
    """
    document = path.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(document):
        where = f"{name}:{document.count(chr(10), 0, block.start('text')) + 1}"
        skip, exit_code = _read_mark(block["mark"], where)
        if block["language"] in _SHELL_LANGUAGES:
            for command in commands_in(block["text"]):
                yield Piece(Kind.COMMAND, command, where, skip, exit_code)
        elif block["language"] == "python":
            yield Piece(_kind_of(block["text"]), block["text"], where, skip, exit_code)
        elif block["language"] == "yaml" and _FILE.match(block["text"]):
            yield Piece(Kind.FILE, block["text"], where)
    for command in commands_in(_BLOCK.sub("", document), indent="    "):
        yield Piece(Kind.COMMAND, command, name, skip="indented: an example of the form")


def commands_in(text: str, indent: str = "") -> Iterator[str]:
    """Lines that begin with `stopwatt` (or `$ stopwatt`), joined where they end in a backslash."""
    joined = re.sub(r"\\\n\s*", "", text)
    for line in joined.splitlines():
        found = re.fullmatch(rf"{indent}(?:\$ )?(stopwatt .+)", line.rstrip())
        if found:
            yield found[1]


def _read_mark(mark: str | None, where: str) -> tuple[str, int]:
    if mark is None:
        return "", 0
    found = _MARK.fullmatch(mark)
    if found is None:
        raise MarkError(f"{where}: <!-- run: {mark} --> is neither `skip (reason)` nor `exit N`")
    return found["reason"] or "", int(found["exit"] or 0)


def _kind_of(text: str) -> Kind:
    if _FILE.match(text):
        return Kind.FILE
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return Kind.PYTHON  # which says so when its syntax is checked
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    return Kind.SCRIPT if any(name.split(".")[0] == "stopwatt" for name in imported) else Kind.PYTHON
