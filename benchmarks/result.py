"""How a benchmark's figures are written: a page for people and a JSON beside it, with what produced them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from stopwatt.devices.facts import read_facts
from stopwatt.records import Measurement, Scalar

RESULTS = Path(__file__).parent.parent / "docs" / "results"
PACKAGES = ("stopwatt", "torch", "onnxruntime", "openvino", "transformers", "numpy")
SHOWN = (
    *("gpu.name", "gpu.driver", "gpu.power_limit", "gpu.max_sm_clock"),
    *("cpu.model", "cpu.allowed", "cpu.virtual", "os.kernel", "python.version"),
)
"""The few facts that a reader needs beside a figure."""


@dataclass(frozen=True)
class Made:
    """When and on what something was measured.

    Attributes:
        date: ISO date.
        machine: The facts of `SHOWN`.
        versions: Package -> version.
    """

    date: str
    machine: Mapping[str, Scalar]
    versions: Mapping[str, str]


def made_here(device: str = "cpu") -> Made:
    """Today, on this machine."""
    return Made(datetime.now(UTC).date().isoformat(), machine(device), versions())


def made_of(measurements: Sequence[Measurement], tool_version: str) -> Made:
    """As stored measurements say, wherever they are read."""
    latest = max(measurements, key=lambda one: one.started_at)
    software = {name: version for one in measurements for name, version in one.cell.software.items()}
    facts = {name: latest.facts[name] for name in SHOWN if name in latest.facts and name != "os.kernel"}
    return Made(latest.started_at[:10], facts, {"stopwatt": tool_version} | software)


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
        made: When and on what; today on this machine if absent.
    """

    name: str
    title: str
    command: str
    sentences: list[str] = field(default_factory=list)
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    made: Made | None = None

    def write(self, out: Path = RESULTS) -> None:
        """Write `NAME.md` and `NAME.json`, and print the page."""
        out.mkdir(parents=True, exist_ok=True)
        made = self.made or made_here(self.device)
        text = self._markdown(made)
        (out / f"{self.name}.md").write_text(text)
        about = {
            "title": self.title,
            "command": self.command,
            "date": made.date,
            "machine": made.machine,
            "versions": made.versions,
        }
        (out / f"{self.name}.json").write_text(
            json.dumps(about | {"data": self.data}, indent=1, allow_nan=False) + "\n"
        )
        print(text)

    def _markdown(self, made: Made) -> str:
        parts = [f"# {self.title}\n", *(f"{sentence}\n" for sentence in self.sentences)]
        for caption, head, rows in self.tables:
            parts += [f"**{caption}**\n", _table(head, rows)]
        facts = ", ".join(f"{name} {version}" for name, version in made.versions.items())
        host = ", ".join(f"{name} {value}" for name, value in made.machine.items())
        parts += ["## How this was made\n", f"- `{self.command}` on {made.date}", f"- {host}", f"- {facts}\n"]
        return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def machine(device: str = "cpu") -> Mapping[str, Any]:
    """The facts of `SHOWN`, read here and now."""
    facts = read_facts(device).values
    return {name: facts[name] for name in SHOWN if name in facts}


def versions() -> Mapping[str, str]:
    """Versions of what was measured with."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
