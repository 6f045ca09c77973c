"""Python text as a tree, in one thread at a time: CPython before 3.11.9 may fail where two build one (gh-106905).

All raise what `ast.parse` raises: `SyntaxError`, `ValueError`, `RecursionError`, `MemoryError`.
"""

import ast
from threading import Lock

_ALONE = Lock()


def module_of(text: bytes, filename: str = "<unknown>") -> ast.Module:
    """The tree of a file's text."""
    with _ALONE:
        return ast.parse(text, filename=filename)


def expression_of(text: str) -> ast.Expression:
    """The tree of an expression."""
    with _ALONE:
        return ast.parse(text, mode="eval")
