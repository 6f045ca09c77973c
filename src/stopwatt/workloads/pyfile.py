"""A user's function: in a Python file (`path.py:function`) or an importable module (`module:function`)."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from stopwatt.errors import StopwattError, UsageError, WorkloadError
from stopwatt.extensions import unknown
from stopwatt.records import Scalar
from stopwatt.workloads.base import Built, Param
from stopwatt.workloads.contract import built_from
from stopwatt.workloads.seeded import seeded
from stopwatt.workloads.signature import Outline, Signature, outline
from stopwatt.workloads.source import digest_of_code


@dataclass(frozen=True)
class PythonFunction:
    """A family made of one function. Building it imports its file and calls it: foreign code.

    Attributes:
        name: As the user wrote it.
        path: The file.
        root: The folder that is put on the import path.
        module: Dotted name, or empty for a file that is loaded by its path.
        function: Name of the function, or of any other callable.
    """

    name: str
    path: Path
    root: Path
    module: str
    function: str
    runs_foreign_code = True

    @property
    def summary(self) -> str:
        """One line."""
        return f"{self.function} in {self.path}"

    @property
    def params(self) -> Sequence[Param]:
        """The function's parameters that have a plain default."""
        return self._signature.params

    @property
    def open_params(self) -> bool:
        """Whether the function may take others."""
        return self._signature.open

    @property
    def packages(self) -> Sequence[str]:
        """Installed distributions that the file imports, by the name of their package; torch in any case."""
        return tuple(dict.fromkeys(("torch", *(name for name in self._outline.imports if _installed(name)))))

    def code(self) -> str:
        """Digest of the file and of what it imports from its own folder."""
        return digest_of_code(self.path)

    def build(self, params: Mapping[str, Scalar], seed: int) -> Built:
        """Import the file, call the function with the parameters, and make a workload of what it returns.

        Raises:
            WorkloadError: The file raises at import, the function raises, or it returns no model.
            UsageError: The function is not there or does not take these parameters.
        """
        with seeded(seed):
            module = self._guarded(f"importing {self.path}", self._load)
            function = self._function(module)
            self._check_call(function, params)
            returned = self._guarded(f"calling {self.function}", lambda: function(**params))
        return built_from(returned, self.name, seed)

    @cached_property
    def _outline(self) -> Outline:
        return outline(self.path)

    @cached_property
    def _signature(self) -> Signature:
        return self._outline.signature(self.function)

    def _load(self) -> ModuleType:
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        if self.module:
            return importlib.import_module(self.module)
        name = f"user_{sha256(str(self.path).encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(name, self.path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{self.path} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    def _guarded(self, doing: str, step: Callable[[], Any]) -> Any:
        """Do something that is the user's; whatever it raises becomes a `WorkloadError` that says where."""
        try:
            return step()
        except StopwattError:
            raise
        except SystemExit as error:
            raise WorkloadError(
                f"{self.path} called sys.exit({error.code!r})",
                when=doing,
                now="put the script's own work under `if __name__ == '__main__':`",
            ) from error
        except Exception as error:
            raise WorkloadError(
                f"{doing} raised {type(error).__name__}: {_first_line(error)}",
                when=_place(error, self.root),
                now="correct the code; the traceback stands at the end of its log: stopwatt show ID",
            ) from error

    def _function(self, module: ModuleType) -> Callable[..., Any]:
        function = getattr(module, self.function, None)
        if function is None:
            raise unknown(f"function (in {self.path})", self.function, _callables(module))
        if not callable(function):
            raise UsageError(
                f"{self.function} in {self.path} is a {type(function).__name__}, not a function",
                now="name a function that returns the model",
            )
        found: Callable[..., Any] = function
        return found

    def _check_call(self, function: Callable[..., Any], params: Mapping[str, Scalar]) -> None:
        try:
            signature = inspect.signature(function)
        except (ValueError, TypeError):
            return  # a callable in C: it says itself what it does not take
        try:
            signature.bind(**params)
        except TypeError as error:
            accepted = [name for name, one in signature.parameters.items() if one.kind not in _POSITIONAL]
            extra = next((name for name in params if name not in accepted), None)
            if extra is not None:
                raise unknown(f"parameter of {self.function}", extra, accepted) from error
            raise UsageError(
                f"{self.function} cannot be called: {error}", now="give the value with -p NAME=VALUE"
            ) from error


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


def from_file(path: Path, function: str, source: str) -> PythonFunction:
    """The family of `path.py:function`.

    Raises:
        UsageError: No such function in the file.
        WorkloadError: The file is not Python.
    """
    where = path.resolve()
    return _checked(PythonFunction(source, where, where.parent, "", function))


def from_module(module: str, function: str, source: str) -> PythonFunction:
    """The family of `module:function`.

    Raises:
        UsageError: No such module, or no such function in it.
        WorkloadError: Its file is not Python.
    """
    parts = module.split(".")
    for root in _roots(parts[0]):
        place = root.joinpath(*parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return _checked(PythonFunction(source, path.resolve(), root, module, function))
    raise UsageError(
        f"there is no module {module!r}",
        when=f"looking in {Path.cwd()} and on the import path",
        now="check the name, or give the file: path.py:function",
    )


def functions(path: Path) -> Sequence[str]:
    """Names of the functions and classes of a Python file."""
    return outline(path).callables


def _checked(family: PythonFunction) -> PythonFunction:
    parsed = outline(family.path)
    if not family.function.isidentifier():
        raise UsageError(
            f"{family.function!r} is no name of a function",
            when=f"in {family.name!r}",
            now=f"name one of: {', '.join(parsed.callables) or 'none there'}",
        )
    if parsed.complete and not parsed.callables and family.function not in parsed.names:
        raise UsageError(f"{family.path} defines no function", now="write one that returns the model, and name it")
    if parsed.complete and family.function not in parsed.names:
        raise unknown(f"function (in {family.path})", family.function, parsed.callables)
    return family


def _roots(top: str) -> list[Path]:
    """Folders in which a top-level module may lie: this one, the import path, and what import hooks know."""
    roots = [Path.cwd(), *(Path(entry) for entry in sys.path if entry)]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin:
        origin = Path(spec.origin)
        roots.append(origin.parents[1] if spec.submodule_search_locations is not None else origin.parent)
    return roots


def _installed(name: str) -> bool:
    try:
        version(name)
    except (PackageNotFoundError, ValueError):
        return False
    return True


def _callables(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "(no message)"


def _place(error: BaseException, root: Path) -> str:
    """The last line of the user's own code that the exception came through."""
    place, step = "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if Path(file).is_relative_to(root):
            place = f"{file}, line {step.tb_lineno}"
        step = step.tb_next
    return place
