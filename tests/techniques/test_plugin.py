"""A technique of another package is found as the built-in ones are, and what the documentation shows of one works."""

import importlib
import re
from pathlib import Path

import pytest

from stopwatt.backends import catalogue as backends
from stopwatt.extensions import registered

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The documented technique, installed."""
    section = PAGE.read_text().partition("## A technique in a package\n")[2]
    (tmp_path / "my_technique.py").write_text(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])
    about = tmp_path / "my_technique-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-technique\nVersion: 1\n")
    (about / "entry_points.txt").write_text(re.search(r"```toml\n(.*?)```", section, re.DOTALL)[1].replace('"', ""))
    text = (about / "entry_points.txt").read_text()
    (about / "entry_points.txt").write_text(text.replace("project.entry-points.", ""))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    registered.cache_clear()
    yield
    registered.cache_clear()


def test_it_is_read_in_labels_and_applied_in_its_place(plugin, tried):
    assert backends.read("eager+rounded-weights").techniques == ("rounded-weights",)

    found = tried("mlp", "rounded-weights", "prune:0.5")

    assert found.facts["rounded-weights.weights"] == 16 * 24 + 24 + 24 * 24 + 24 + 24 * 5 + 5
    assert found.facts["prune.parameters_before"] == found.facts["rounded-weights.weights"]
    assert next(iter(found.facts)) == "rounded-weights.weights"
    assert all((one == one.bfloat16().float()).all() for one in found.module.parameters())
