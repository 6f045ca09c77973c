"""`stopwatt workloads` lists what can be measured, for people and for programs."""

import json
import subprocess
import sys

import pytest

from stopwatt.cli.workloads import workloads
from stopwatt.errors import UsageError
from stopwatt.extensions import registered
from stopwatt.workloads.resolve import OUTSIDE


def test_the_list_names_every_family_with_defaults_and_every_outside_form_in_100_columns(capsys):
    workloads()

    shown = capsys.readouterr().out
    assert all(name in shown for name in registered("workloads"))
    assert all(form in shown for form in OUTSIDE)
    assert "hidden=200" in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 100


def test_one_workload_shows_choices_and_bounds(capsys):
    workloads("bert")

    shown = capsys.readouterr().out
    assert "tiny, mini, small, medium, base, large" in " ".join(shown.split())
    assert "from 2 to 100000" in shown


def test_json_gives_each_parameter_with_type_default_and_bounds(capsys):
    workloads(json=True)

    document = json.loads(capsys.readouterr().out)
    lstm = next(row for row in document["workloads"] if row["name"] == "lstm")
    assert document["schema"] == 1
    assert [row["form"] for row in document["outside"]] == list(OUTSIDE)
    assert lstm["params"][1] == {
        "name": "hidden",
        "default": 200,
        "type": "int",
        "help": "units per layer",
        "choices": [],
        "low": 1,
        "high": 50_000,
    }


def test_a_function_from_outside_is_explained_without_running_it(tmp_path, capsys):
    path = tmp_path / "nets.py"
    path.write_text("raise SystemExit\ndef make(width=3, markup='[red]x[/]', **more): ...")

    workloads(f"{path}:make")

    shown = capsys.readouterr().out
    assert "width" in shown
    assert "[red]x[/]" in shown
    assert "not stopwatt's" in shown


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        workloads("resnett")

    assert "resnet" in caught.value.now


def test_listing_imports_neither_torch_nor_transformers():
    script = (
        "import sys; from stopwatt.cli.workloads import workloads\n"
        "workloads(); workloads('bert'); workloads(json=True)\n"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
