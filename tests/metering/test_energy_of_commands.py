"""What is said of a program's energy and of what the kernel counted."""

import json
import re
import subprocess
import sys

import pytest

from stopwatt.analyse.metered import AT_ITS_END, UNTIL_LAST_SEEN
from stopwatt.metering.run import meter_command

PYTHON = sys.executable


def used(*command, trace=None):
    """The document of a command that was metered in this process."""
    done = meter_command(command)
    if trace is not None:
        done.save_trace(trace)
    return json.loads(done.result.to_json())


def test_a_recording_of_constant_power_gives_its_energy(playing, undisturbed):
    playing(watts=150.0)

    def attempt():
        document = used("sleep", "1.5")
        gpu = document["scopes"]["gpu"]
        assert gpu["energy"]["verdict"] in {"measured", "suspect"}  # the ends of a short run may hide more than 1 %
        assert gpu["energy"]["value"] == pytest.approx(150.0 * document["seconds"], rel=0.01)
        assert gpu["power"]["value"] == pytest.approx(150.0, rel=0.01)
        assert gpu["power_most"]["value"] == 150.0

    undisturbed(attempt)


def test_a_run_too_short_for_its_counter_says_how_long_it_would_have_to_be(playing, undisturbed):
    playing(tick_s=0.1)

    def attempt():
        energy = used("sleep", "0.5")["scopes"]["gpu"]["energy"]
        assert (energy["value"], energy["verdict"]) == (None, "unavailable")
        assert "ticks" in energy["why"]
        wanted = re.search(r"a run of ([\d.]+) s would do", energy["why"])
        assert wanted
        assert float(wanted[1]) == pytest.approx(2.2, rel=0.1)

    undisturbed(attempt)


def test_without_an_instrument_energy_is_unavailable_with_the_reason_and_nothing_else(monkeypatch):
    monkeypatch.setenv("STOPWATT_METERS", "null")
    document = used("true")
    assert all(one["energy"]["value"] is None and one["energy"]["why"] for one in document["scopes"].values())
    assert document["instruments"] == []


def test_an_instrument_that_ends_in_between_makes_it_unavailable(playing):
    playing(seconds=1.5)
    energy = used("sleep", "1.8")["scopes"]["gpu"]["energy"]
    assert energy["value"] is None
    assert "the recording ended" in energy["why"]


def test_a_trace_that_was_kept_replays_to_the_same_energy(playing, monkeypatch, tmp_path, undisturbed):
    attempts = []

    def attempt():
        playing(watts=80.0)
        attempts.append(tmp_path / str(len(attempts)))
        attempts[-1].mkdir()
        kept = attempts[-1] / "kept.csv"
        first = used("sleep", "1.5", trace=kept)
        assert (attempts[-1] / "kept.process.csv").exists()
        monkeypatch.setenv("STOPWATT_METERS", f"replay:{kept}?loop")
        again = used("sleep", "1.5")
        for document in (first, again):
            assert document["scopes"]["gpu"]["power"]["value"] == pytest.approx(80.0, rel=0.02)

    undisturbed(attempt)


def test_cpu_time_is_that_of_the_command_and_its_children():
    script = "import subprocess, sys, time\nwhile time.process_time() < 0.3: pass"
    document = used("sh", "-c", f'"{PYTHON}" -c "$0"; true', script)
    cpu = document["process"]["cpu_time"]["value"]
    assert cpu >= 0.3
    assert document["process"]["cores"]["value"] == pytest.approx(cpu / document["seconds"])


def test_the_peak_that_we_inherited_ourselves_is_not_handed_on():
    command = [PYTHON, "-c", "import time; held = b'x' * 200_000_000; time.sleep(0.5)"]
    meter = [PYTHON, "-c", "from stopwatt.cli import main; main()", "meter", "--quiet", "--json", "-", "--"]
    starter = "import subprocess, sys; held = b'x' * 400_000_000; sys.exit(subprocess.call(sys.argv[1:]))"
    done = subprocess.run([PYTHON, "-c", starter, *meter, *command], capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["sources"] == {"peak_memory": AT_ITS_END}
    assert 200_000_000 <= document["process"]["peak_memory"]["value"] < 300_000_000


def test_peak_memory_is_the_commands_and_not_that_of_who_started_it(metered):
    small = used("sleep", "0.5")["process"]["peak_memory"]
    assert 0 < small["value"] < 8 * 2**20
    held_for_a_moment = "import time; held = bytearray(b'x') * (30 * 2**20); del held; time.sleep(0.5)"
    document = used(PYTHON, "-c", held_for_a_moment)
    assert 30 * 2**20 < document["process"]["peak_memory"]["value"] < 60 * 2**20
    assert document["sources"] == {"peak_memory": UNTIL_LAST_SEEN}
    large_for_a_while = "import time; held = b'x' * 300_000_000; time.sleep(0.5)"
    done = metered("--quiet", "--json", "-", "--", PYTHON, "-c", large_for_a_while)
    assert json.loads(done.stdout)["sources"] == {"peak_memory": AT_ITS_END}
    large = json.loads(done.stdout)["process"]["peak_memory"]
    assert 300_000_000 <= large["value"] < 400_000_000
