"""A contract as a file, YAML or JSON, for models that do not say themselves what their images are."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from stopwatt.errors import UsageError
from stopwatt.lined import Lined, Path_, explained, read_yaml
from stopwatt.serving.checks import flaw_of
from stopwatt.serving.contract import Contract

SUFFIXES = (".yaml", ".yml", ".json")


def read_contract(path: Path) -> Contract:
    """The contract that a file describes; `contract.json` in a folder of results is one.

    Raises:
        UsageError: It cannot be read, has a key that no contract has, a value of another kind, or one that cannot be
            meant; with the line.
    """
    from pydantic import ValidationError

    lined = read_yaml(path)
    if not isinstance(lined.value, dict):
        raise UsageError(
            "this is no contract: it has no keys",
            when=lined.at(()),
            now="write task, decoding and preprocess; docs/pack.md shows one",
        )
    try:
        contract = _plain(_model(Contract).model_validate(lined.value))
    except ValidationError as error:
        raise explained(error, lined, _keys_beside) from None
    return _checked(contract, lined)


def _checked(contract: Contract, lined: Lined) -> Contract:
    flaw = flaw_of(contract)
    if flaw is not None:
        raise UsageError(flaw.what, when=lined.at(flaw.path), now=flaw.now)
    return contract


@cache
def _model(kind: type[Any]) -> Any:
    """A model with the fields of a dataclass that takes no others."""
    from pydantic import ConfigDict, create_model

    hints = get_type_hints(kind)
    members: dict[str, Any] = {one.name: (_inner(hints[one.name]), _default(one)) for one in fields(kind)}
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **members)


def _inner(hint: Any) -> Any:
    return _model(hint) if isinstance(hint, type) and is_dataclass(hint) else hint


def _default(one: "Field[Any]") -> Any:
    return ... if one.default is MISSING else one.default


def _plain(document: Any) -> Contract:
    from stopwatt.wire import from_document

    values: Mapping[str, Any] = document.model_dump(mode="json")
    return from_document(Contract, values)


def _keys_beside(path: Path_) -> Iterable[str]:
    kind = get_type_hints(Contract)[str(path[0])] if len(path) > 1 else Contract
    return [one.name for one in fields(kind)]
