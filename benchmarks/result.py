"""How a benchmark's figures are written: a page for people and a JSON beside it, with what produced them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from stopwatt.devices.facts import read_facts

RESULTS = Path(__file__).parent.parent / "docs" / "results"
PACKAGES = ("stopwatt", "torch", "onnxruntime", "openvino", "transformers", "numpy")


@dataclass
class Page:
    """One page of results.

    Attributes:
        name: File name without ending.
        title: Headline.
        command: What reproduces it.
        sentences: What the figures say, and what they do not.
        tables: `(caption, head, rows)`.
        data: Everything, for machines.
        device: Where it was measured, as the user writes it.
    """

    name: str
    title: str
    command: str
    sentences: list[str] = field(default_factory=list)
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"

    def write(self, out: Path = RESULTS) -> None:
        """Write `NAME.md` and `NAME.json`, and print the page."""
        out.mkdir(parents=True, exist_ok=True)
        text = self._markdown()
        (out / f"{self.name}.md").write_text(text)
        about = {
            "title": self.title,
            "command": self.command,
            "date": _today(),
            "machine": machine(self.device),
            "versions": versions(),
        }
        (out / f"{self.name}.json").write_text(
            json.dumps(about | {"data": self.data}, indent=1, allow_nan=False) + "\n"
        )
        print(text)

    def _markdown(self) -> str:
        parts = [f"# {self.title}\n", *(f"{sentence}\n" for sentence in self.sentences)]
        for caption, head, rows in self.tables:
            parts += [f"**{caption}**\n", _table(head, rows)]
        facts = ", ".join(f"{name} {version}" for name, version in versions().items())
        host = ", ".join(f"{name} {value}" for name, value in machine(self.device).items())
        parts += ["## How this was made\n", f"- `{self.command}` on {_today()}", f"- {host}", f"- {facts}\n"]
        return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine(device: str = "cpu") -> Mapping[str, Any]:
    """The few facts that a reader needs beside a figure."""
    facts = read_facts(device).values
    names = ("gpu.name", "gpu.driver", "gpu.power_limit", "gpu.max_sm_clock")
    names += ("cpu.model", "cpu.allowed", "cpu.virtual", "os.kernel", "python.version")
    return {name: facts[name] for name in names if name in facts}


def versions() -> Mapping[str, str]:
    """Versions of what was measured with."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
