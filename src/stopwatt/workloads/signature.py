"""What a Python file offers and what its functions take, read from its text: nothing is run to find out."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopwatt.errors import WorkloadError
from stopwatt.workloads.base import Param
from stopwatt.workloads.syntax import module_of


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters of a function.

    Attributes:
        params: Those whose default is a plain value.
        open: Whether there may be others: without such a default, `**kwargs`, or not known before the import.
    """

    params: Sequence[Param] = ()
    open: bool = True


@dataclass(frozen=True, slots=True)
class Outline:
    """The top level of a Python file.

    Attributes:
        callables: Names of functions and classes, in order.
        names: All names that it binds.
        complete: Whether nothing can come in besides them (`from x import *`).
        imports: Top-level packages that it imports.
    """

    callables: Sequence[str]
    names: frozenset[str]
    complete: bool
    imports: Sequence[str]
    tree: ast.Module

    def signature(self, name: str) -> Signature:
        """What a function (or a class, when called) takes."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == name and not node.decorator_list:
                return _signature(node.args, skip=0)
            if isinstance(node, ast.ClassDef) and node.name == name:
                inits = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
                return _signature(inits[0].args, skip=1) if inits else Signature()
        return Signature()


def outline(path: Path) -> Outline:
    """Parse a Python file.

    Raises:
        WorkloadError: It cannot be read or is not Python.
    """
    try:
        tree = module_of(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise WorkloadError(
            f"{path} is not valid Python: {error.msg}", when=f"line {error.lineno}", now="correct the file"
        ) from error
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise WorkloadError(f"{path} cannot be read as Python: {error}", now="check the file") from error
    callables = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    names = frozenset(_bound(tree.body))
    imports = sorted({name.partition(".")[0] for name in _imports(tree)})
    return Outline(callables, names, "*" not in names and "__getattr__" not in names, imports, tree)


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Names bound at the top level, through conditions and `try` too."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield inner.name
            elif isinstance(inner, ast.alias):
                yield (inner.asname or inner.name).partition(".")[0]
            elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id in _DYNAMIC:
                yield "*"


_DYNAMIC = {"globals", "exec", "eval", "vars", "setattr"}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _signature(args: ast.arguments, skip: int) -> Signature:
    positional = [*args.posonlyargs, *args.args][skip:]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    pairs = [*zip(positional, [*defaults, *args.defaults], strict=False)]
    pairs += zip(args.kwonlyargs, args.kw_defaults, strict=True)
    params = [Param(arg.arg, value) for arg, node in pairs if (value := _plain(node)) is not None]
    return Signature(tuple(params), open=args.kwarg is not None or len(params) < len(pairs))


def _plain(node: ast.expr | None) -> str | int | float | bool | None:
    try:
        value = None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, str | int | float | bool) else None
