import json
import os

import pytest

from stopwatt.backends.base import Support
from stopwatt.cli import doctor as verb
from stopwatt.cli.backends import backends
from stopwatt.cli.doctor import doctor, store_trouble
from stopwatt.devices.facts import Facts
from stopwatt.errors import EnvironmentUnfit, ExitCode, StoreError, UsageError
from stopwatt.sweeping.probe import About, Description

REMEDY = "pip install " + " ".join(f"a_long_name_of_a_part_of_the_runtime_{n}==1.2.3" for n in range(4))
FOUND = {
    "eager": Description(About("PyTorch", (), ("fp32", "bf16"), ("torch",)), Support(True, "2.13.0")),
    "tensorrt": Description(About("native", (), ("fp16",), ("tensorrt",)), Support(True, "11.0", verified=False)),
    "openvino": Description(About(), Support(False, why="[red]openvino[/red] is not installed", remedy=REMEDY)),
}
FACTS = {"cpu.model": "Some CPU", "cpu.logical": 4, "cpu.allowed": 4, "cpu.load": 0.0, "memory.total": 8 * 2**30}


@pytest.fixture
def seen(monkeypatch):
    """What the doctor sees: a machine of our own making."""
    seen = {"facts": dict(FACTS), "backends": dict(FOUND)}
    monkeypatch.setattr("stopwatt.sweeping.probe.describe_backends", lambda names, device: seen["backends"])
    monkeypatch.setattr(
        "stopwatt.devices.facts.read_facts",
        lambda device: Facts(seen["facts"], {"cpu.turbo": "nobody tells", "cpu.governor": "nobody tells"}),
    )
    return seen


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STOPWATT_STORE", raising=False)


def test_a_fit_machine_is_shown_with_its_facts_and_leaves_with_success(seen, capsys):
    doctor(device="cpu")
    out = capsys.readouterr().out
    assert "Some CPU" in out
    assert "8.00 GiB" in out
    assert "fit to measure on cpu with 4 threads" in out


def test_a_missing_fact_is_a_dash_with_a_footnote(seen, capsys):
    doctor(device="cpu")
    out = capsys.readouterr().out
    assert "-  (1)" in out
    assert out.count("nobody tells") == 1


def test_an_unfit_machine_leaves_with_code_4_and_the_next_step(seen, capsys):
    seen["facts"]["cpu.quota"] = 0.5
    with pytest.raises(EnvironmentUnfit) as caught:
        doctor(device="cpu")
    assert caught.value.exit_code == ExitCode.ENVIRONMENT == 4
    assert caught.value.now
    assert "not fit: a control group allows 0.5 cores" in capsys.readouterr().out


def test_a_gpu_asked_for_on_a_machine_without_one_is_said_first(seen, monkeypatch):
    monkeypatch.setattr("stopwatt.devices.nvml.driver_is_present", lambda: False)
    with pytest.raises(EnvironmentUnfit, match="no NVIDIA driver") as caught:
        doctor(device="cuda")
    assert "--device cpu" in caught.value.now


def test_a_machine_without_any_usable_backend_is_unfit(seen):
    seen["backends"] = {"openvino": FOUND["openvino"]}
    with pytest.raises(EnvironmentUnfit, match="no backend can be used on cpu"):
        doctor(device="cpu")


def test_results_that_cannot_be_saved_make_a_machine_unfit(seen, tmp_path):
    (tmp_path / "results.db").write_text("this is no database, and long enough to be looked at" * 20)
    with pytest.raises(EnvironmentUnfit, match="results cannot be saved"):
        doctor(device="cpu", store="results.db")


def test_the_doctor_creates_nothing(seen, tmp_path):
    doctor(device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_device_is_a_usage_error(seen):
    with pytest.raises(UsageError, match="unknown device"):
        doctor(device="gpu")


def test_the_document_has_the_same_verdict(seen, capsys):
    seen["facts"]["cpu.quota"] = 0.5
    with pytest.raises(EnvironmentUnfit):
        doctor(device="cpu", json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["fit"] is False
    assert document["obstacles"][0]["now"]
    assert document["facts"]["memory.total"] == {"value": 8 * 2**30, "unit": "B", "role": "context"}
    assert document["unavailable"]["cpu.turbo"] == "nobody tells"
    assert [row["usable"] for row in document["backends"]] == [True, True, False]


def test_warnings_are_shown_with_what_to_do(seen, capsys):
    seen["facts"]["cpu.load"] = 4.0
    doctor(device="cpu")
    out = capsys.readouterr().out
    assert "warning: the load average is 4.0 on 4 cores" in out
    assert "now: see what runs: ps -eo" in out


def test_the_table_of_backends_tells_verified_from_unverified(seen, capsys):
    backends(device="cpu")
    rows = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines() if len(line.split()) > 1}
    assert (rows["eager"], rows["tensorrt"], rows["openvino"]) == ("yes", "unverified", "no")


def test_a_remedy_stands_on_one_line_however_long_and_can_be_copied(seen, capsys):
    backends(device="cpu")
    assert f"  now: {REMEDY}" in capsys.readouterr().out.splitlines()


def test_all_other_lines_fit_100_columns_and_have_no_colour_when_piped(seen, capsys):
    doctor(device="cpu")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\t" not in out
    assert max(len(line) for line in out.splitlines() if not line.startswith(("  now:", "Results:"))) <= 100


def test_what_a_package_says_of_itself_is_not_taken_for_markup(seen, capsys):
    backends(device="cpu")
    assert "[red]openvino[/red] is not installed" in capsys.readouterr().out


def test_the_rows_of_the_document_are_complete(seen, capsys):
    backends(device="cpu", json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["backends"][2] == {
        "name": "openvino", "summary": "", "usable": False, "verified": True, "version": "", "precisions": [],
        "variants": [], "why": "[red]openvino[/red] is not installed", "remedy": REMEDY,
    }  # fmt: skip


def test_a_missing_package_of_a_workload_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(verb, "_is_installed", lambda package: package != "transformers")
    source = verb._source("bert", ("torch", "transformers"))
    assert source.why == "not installed: transformers"
    assert source.remedy == "pip install 'stopwatt[transformers]'"


def test_a_store_that_is_there_and_can_be_written_is_no_trouble(tmp_path):
    from stopwatt.store import open_store

    open_store(tmp_path / "results.db").close()
    assert store_trouble(str(tmp_path / "results.db")) is None


def test_a_store_in_a_folder_that_is_not_there_is_trouble(tmp_path):
    assert isinstance(store_trouble(str(tmp_path / "nowhere" / "results.db")), StoreError)


def test_a_store_that_may_not_be_written_is_trouble(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    trouble = store_trouble(str(tmp_path / "results.db"))
    assert trouble is not None
    assert "cannot be written" in trouble.what
