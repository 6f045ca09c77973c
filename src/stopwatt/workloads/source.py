"""Digests of source code: what changes them changes what is measured. Nothing is imported to find out."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from stopwatt.errors import WorkloadError
from stopwatt.workloads.syntax import module_of


def digest_of_files(paths: Iterable[Path]) -> str:
    """Hash of the contents of files, in the given order: 20 hexadecimal digits of their SHA-256.

    Raises:
        WorkloadError: A file cannot be read.
    """
    total = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise WorkloadError(f"cannot read {path}: {error.strerror}", now="check the path and its rights") from error
    return total.hexdigest()[:20]


def digest_of_code(path: Path) -> str:
    """Hash of a Python file and of all modules that it imports, directly or not, from its own folder."""
    return digest_of_files(sorted(_closure(path)))


def _closure(start: Path) -> set[Path]:
    folder = start.parent
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting.extend(file for name in _imported(path) for file in _files(folder, path, name))
    return found


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """`(level, dotted name)` of each import statement; a `from a import b` yields both `a` and `a.b`."""
    try:
        tree = module_of(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever loads the file reports what is wrong with it
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            yield from ((node.level, f"{base}.{alias.name}".lstrip(".")) for alias in node.names)


def _files(folder: Path, importer: Path, imported: tuple[int, str]) -> Iterator[Path]:
    """The files under `folder` that an import statement stands for."""
    level, name = imported
    roots = (
        [folder, *_package_root(folder)] if level == 0 else [importer.parents[min(level, len(importer.parents)) - 1]]
    )
    for root in roots:
        place = root.joinpath(*name.split(".")) if name else root
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_relative_to(folder) and file.is_file():
                yield file


def _package_root(folder: Path) -> Iterator[Path]:
    """The folder from which absolute imports of `folder`'s own package start, if it is a package."""
    root = folder
    while (root / "__init__.py").is_file():
        root = root.parent
    if root != folder:
        yield root
