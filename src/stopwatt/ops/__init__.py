"""What `stopwatt ops` does, as functions: capture, measure, explain, fit, plan, import and export.

    import stopwatt

    stopwatt.ops.capture("mlp").table()
    stopwatt.ops.explain("mlp", until=0.8).table()

Importing this package imports nothing else. Modules have other names than functions, so that importing one of them can
never hide a function.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stopwatt.ops.functions import capture as capture
    from stopwatt.ops.functions import explain as explain
    from stopwatt.ops.functions import fit as fit
    from stopwatt.ops.functions import measure as measure
    from stopwatt.ops.functions import plan as plan
    from stopwatt.ops.tables import export as export
    from stopwatt.ops.tables import import_ as import_

_PUBLIC = {
    "capture": "functions",
    "measure": "functions",
    "explain": "functions",
    "fit": "functions",
    "plan": "functions",
    "import_": "tables",
    "export": "tables",
}
__all__ = [*_PUBLIC]  # noqa: PLE0604  (names are strings)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'stopwatt.ops' has no attribute {name!r}")
    value = getattr(import_module(f"stopwatt.ops.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value
