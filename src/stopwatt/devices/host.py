"""Reading /proc and /sys through a root path, so that machines which nobody owns can be tested from a folder."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath


@dataclass(frozen=True, slots=True)
class Host:
    """The files and the environment variables of one machine.

    Attributes:
        root: Where its file system begins; `/` for the machine that we run on.
        env: Environment variables of the process.
    """

    root: Path = Path("/")
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def is_this_machine(self) -> bool:
        """Whether facts that come from no file (the version of libc) belong to this host."""
        return self.root == Path("/")

    def text(self, path: str | PurePath) -> str | None:
        """Content of a file without surrounding white space; `None` where it cannot be read."""
        try:
            return (self.root / str(path).lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path: str | PurePath) -> int | None:
        """Content of a file that holds one integer; `None` where it does not."""
        text = self.text(path)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def exists(self, path: str | PurePath) -> bool:
        """Whether there is a file of any type."""
        return (self.root / str(path).lstrip("/")).exists()

    def children(self, folder: str | PurePath) -> list[str]:
        """Sorted names inside a folder; empty where it cannot be read."""
        try:
            return sorted(entry.name for entry in (self.root / str(folder).lstrip("/")).iterdir())
        except OSError:
            return []


def fields(text: str | None, separator: str | None = None) -> dict[str, str]:
    """`name value` (or `name: value`) lines as a dictionary; the first of equal names wins."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        name, *rest = line.split(separator, 1)
        if rest:
            found.setdefault(name.strip(), rest[0].strip())
    return found


def cpu_list(text: str) -> frozenset[int]:
    """CPU numbers in the kernel's list format: `0-3,8` is {0, 1, 2, 3, 8}.

    Raises:
        ValueError: Not such a list.
    """
    cpus: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)
