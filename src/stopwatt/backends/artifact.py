"""What conversion knows and loading must tell: facts kept beside the converted model."""

import json
from collections.abc import Mapping
from pathlib import Path

from stopwatt.records import Scalar

_NAME = "facts.json"


def write_facts(folder: Path, facts: Mapping[str, Scalar]) -> None:
    """Keep facts in the artifact's folder."""
    (folder / _NAME).write_text(json.dumps(dict(facts)))


def read_facts(folder: Path) -> dict[str, Scalar]:
    """The facts that `write_facts` kept."""
    facts: dict[str, Scalar] = json.loads((folder / _NAME).read_text())
    return facts
