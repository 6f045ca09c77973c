"""`stopwatt pack` and `stopwatt unpack` as people type them, with processes of their own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = f"{Path(__file__).parent}/packed_models.py"


def stopwatt(*words):
    command = [sys.executable, "-m", "stopwatt", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.slow
def test_a_pack_is_made_shown_checked_and_refused_when_damaged(tmp_path):
    out = tmp_path / "mlp.swpack"
    made = stopwatt(
        "pack", "mlp", "-p", "hidden=16", "--backend", "torchscript", "--threads", 1, "--out", out, "--json"
    )
    assert (made.returncode, made.stderr) == (0, "")
    document = json.loads(made.stdout)
    assert document["manifest"]["artifacts"][0]["parity"]["deviation"] < 1e-3

    checked = stopwatt("unpack", out, "--check", "--json", "--out", tmp_path / "files")
    assert checked.returncode == 0, checked.stderr
    again = json.loads(checked.stdout)
    assert again["identity"] == document["identity"]
    assert again["checked"][0]["parity"]["inputs"] == 2
    assert (tmp_path / "files/batch1/model.pt").is_file()

    shown = stopwatt("unpack", out)
    assert "checksums hold" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100

    whole = bytearray(out.read_bytes())
    whole[len(whole) // 2] ^= 1
    out.write_bytes(whole)
    damaged = stopwatt("unpack", out)
    assert damaged.returncode == 2
    assert "the pack is damaged" in damaged.stderr
    assert "copy the file again, or pack the model again" in damaged.stderr


@pytest.mark.slow
def test_a_conversion_that_cannot_begin_lists_what_is_lacking(tmp_path):
    refused = stopwatt("pack", f"{MODELS}:decomposing", "--threads", 1, "--out", tmp_path / "x.swpack", "--json")
    assert refused.returncode == 3
    (lacking,) = json.loads(refused.stdout)["preflight"]["refusals"]
    assert (lacking["operator"], lacking["kind"], lacking["count"]) == ("aten::linalg_qr", "Decomposing", 1)
    assert "aoti or torchscript" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("STOPWATT_CACHE", str(tmp_path / "cache"))
    words = ["pack", "mlp", "--backend", "torchscript", "--threads", "1", "--out", str(tmp_path / "mlp.swpack")]
    running = subprocess.Popen([sys.executable, "-m", "stopwatt", *words], stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "cache/packs").glob(".draft-*/bundles")):
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, "interrupted" in said) == (130, True)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert list((tmp_path / "cache/packs").iterdir()) == []
