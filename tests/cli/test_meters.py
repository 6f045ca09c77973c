import json

import pytest

from stopwatt.cli import main
from stopwatt.cli.meters import meters
from stopwatt.errors import StopwattError, UsageError
from stopwatt.meters import catalogue
from stopwatt.meters.watching import watch


@pytest.fixture
def recording(tmp_path):
    """100 W by the counter, in ticks of 20 ms, and what the power field says."""

    def record(watts=100):
        path = tmp_path / "recording.csv"
        rows = [f"{n * 0.02:.2f},{n * 2},{watts},1410,41,4" for n in range(500)]
        path.write_text("\n".join(["time,energy,power,sm_clock,temperature,slowdown", *rows]) + "\n")
        return path

    return record


def run(*words):
    with pytest.raises(SystemExit) as caught:
        main(["meters", *words])
    return caught.value.code


def test_why_a_short_look_gives_no_power_is_said(recording, capsys):
    assert run("--replay", str(recording()), "--seconds", "0.2") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "no power: only" in out
    assert "(20 are needed); --seconds watches for longer" in out


def test_a_recording_that_cannot_be_had_is_named_as_the_user_named_it(recording, capsys, monkeypatch):
    path = recording()
    monkeypatch.setattr("stopwatt.cli.meters._replayed", lambda path: (f"replay:{path}.gone?loop",))
    assert run("--replay", str(path), "--seconds", "0.1") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"cannot read {path}.gone" in out
    assert "?loop" not in out


def test_a_recording_is_shown_with_its_tick_step_power_and_verdict(recording, capsys, undisturbed):
    def attempt():
        assert run("--replay", str(recording()), "--seconds", "1.5", "--device", "cuda") == 0
        out = capsys.readouterr().out
        row = next(line for line in out.splitlines() if line.startswith("replay "))
        assert "GPU board" in row
        assert "2.00 J" in row
        assert "believed" in row
        return out

    out = undisturbed(attempt)
    assert "sm clock 1410 MHz" in out
    assert "temperature 41 °C" in out
    assert "slowdown power cap" in out
    assert "recording.csv has no counter of it" in " ".join(out.split())
    assert "?loop" not in out
    assert "a recording, not this machine" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_a_counter_that_nothing_supports_is_not_believed(recording, capsys):
    path = recording()
    path.write_text("\n".join(["time,energy", *(f"{n / 10},0" for n in range(100))]))
    assert run("--replay", str(path), "--seconds", "0.5", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["instruments"]
    assert one["verdict"]["trust"] == "useless"
    assert one["verdict"]["why"]
    assert (one["power"]["value"], one["power"]["verdict"]) == (None, "unavailable")


def test_a_counter_that_the_power_field_contradicts_is_suspect(recording, capsys, undisturbed):
    def attempt():
        assert run("--replay", str(recording(watts=120)), "--seconds", "2", "--json") == 0
        (one,) = json.loads(capsys.readouterr().out)["instruments"]
        assert one["verdict"]["trust"] == "suspect"
        assert "the averaged power 120 W" in one["verdict"]["why"]

    undisturbed(attempt)


def test_a_machine_without_energy_says_why_for_each_scope():
    found = watch("cpu", seconds=0.3, meters=["process", "null"])
    assert [one.about.name for one in found.watched] == ["process", "null"]
    assert all(one.quality is None for one in found.watched)
    assert set(found.why) == {"package", "dram"}


def test_a_recording_that_cannot_be_read_is_a_usage_error(recording, capsys):
    path = recording()
    path.write_text("time,power\n0,1\n2,1\n1,1\n")
    assert run("--replay", str(path)) == 2
    assert "line 4 goes back in time" in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"device": "gpu"}, {"seconds": 0.0}, {"seconds": float("nan")}])
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError):
        meters(**options)


def test_an_unknown_meter_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("STOPWATT_METERS", "raple")
    with pytest.raises(UsageError, match="unknown meter 'raple'"):
        meters(seconds=0.1)


def test_a_meter_that_cannot_be_loaded_costs_its_own_line_only(monkeypatch):
    load = catalogue.extensions.load

    def broken(kind, name):
        if name == "null":
            raise StopwattError("meter 'null' cannot be loaded")
        return load(kind, name)

    monkeypatch.setattr("stopwatt.meters.catalogue.extensions.load", broken)
    found = watch("cpu", seconds=0.2, meters=["null", "perf", "process"])
    assert found.unverified == ("perf",)
    assert "process" in [one.about.name for one in found.watched]
