"""`stopwatt techniques`."""

import json

import pytest

from stopwatt.cli import main
from stopwatt.extensions import registered


def printed(capsys, *words):
    with pytest.raises(SystemExit) as caught:
        main(["techniques", *words])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_every_technique_is_listed_as_it_is_written(capsys):
    out = printed(capsys)
    rows = {words[0]: words[1:3] for line in out.splitlines() if (words := line.split())}

    assert set(registered("techniques")) <= {label.partition(":")[0] for label in rows}
    assert rows["fold-batchnorm"] == ["yes", "all"]
    assert rows["prune:0.5"] == ["no", "all"]


def test_what_a_device_cannot_do_is_said_with_the_remedy(capsys):
    out = " ".join(printed(capsys, "--device", "cpu").split())

    assert "only tensor cores of NVIDIA GPUs do so" in out
    assert "now: use --device cuda, or +prune" in out
    assert "only tensor cores" not in printed(capsys, "--device", "cuda")


def test_json_has_the_same(capsys):
    document = json.loads(printed(capsys, "--json"))
    known = {one["label"].partition(":")[0]: one for one in document["techniques"]}

    assert set(known) == set(registered("techniques"))
    assert known["int8-weights"]["precisions"] == ["bf16"]
    assert known["prune"]["exact"] is False
