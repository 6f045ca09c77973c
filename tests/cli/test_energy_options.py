"""What `--energy`, `--telemetry` and `--estimate-cpu-energy` ask for, here, in grid files and in the library."""

from dataclasses import replace

import pytest

import stopwatt
from stopwatt import running
from stopwatt.api import models
from stopwatt.cli import main
from stopwatt.cli.options import EnergyOptions, ProtocolOptions, TimingOptions
from stopwatt.energy import REPORTED, SCREENING, EnergyRules, Grade, Telemetry
from stopwatt.errors import ExitCode, UsageError
from stopwatt.records import QUICK, Cell, Setup, Workload
from stopwatt.sweeping import pacing
from stopwatt.sweeping.energycost import latest_s


def protocol(rules=None, timing=None, base=QUICK, **options):
    return EnergyOptions(**options).protocol(timing or TimingOptions(), rules or ProtocolOptions(), base)


def test_without_options_nothing_changes():
    assert protocol() == QUICK


@pytest.mark.parametrize(
    ("given", "wanted"), [(True, SCREENING), (Grade.SCREENING, SCREENING), (Grade.REPORTED, REPORTED), (False, None)]
)
def test_energy_alone_is_for_screening(given, wanted):
    assert protocol(energy=given).energy == wanted


def test_a_round_gets_time_for_its_energy_unless_the_user_has_set_a_limit():
    assert protocol(energy=True).timeout_s == QUICK.timeout_s + latest_s(SCREENING)
    assert protocol(ProtocolOptions(timeout="300s"), energy=True).timeout_s == 300.0


def test_energy_and_a_paced_series_both_get_their_time():
    rules = protocol(timing=TimingOptions(period="10ms"), energy=Grade.REPORTED)
    assert rules.timeout_s == QUICK.timeout_s + pacing.latest_s(rules.paced) + latest_s(REPORTED)


def test_a_limit_that_the_windows_do_not_fit_into_is_refused_with_one_that_does():
    with pytest.raises(UsageError, match="energy phase takes up to") as raised:
        protocol(ProtocolOptions(timeout="10s"), energy=True)
    assert "--timeout" in raised.value.now


def test_a_limit_that_neither_phase_breaks_alone_is_refused_for_both_of_them():
    timing = TimingOptions(period="10ms", cycles=1000)
    with pytest.raises(UsageError, match="its paced series and its energy phase take up to"):
        protocol(ProtocolOptions(timeout="30s"), timing, energy=True)


def test_what_a_grid_file_asks_for_stays_until_an_option_says_otherwise():
    base = replace(QUICK, energy=REPORTED, telemetry=Telemetry.OFF, cpu_watts=9.0)
    assert protocol(base=base) == base
    changed = protocol(base=base, energy=True, telemetry=Telemetry.ON, estimate_cpu_energy=12.0)
    assert (changed.energy, changed.telemetry, changed.cpu_watts) == (SCREENING, Telemetry.ON, 12.0)


@pytest.mark.parametrize("watts", [0.0, -5.0, 1e9, float("nan"), float("inf")])
def test_watts_that_no_core_has_are_refused(watts):
    with pytest.raises(UsageError, match="not the power of a busy core"):
        protocol(estimate_cpu_energy=watts)


@pytest.mark.parametrize(
    "rules", [{"window_s": 0.0}, {"settle_s": -1.0}, {"ticks": 0}, {"windows": 0}, {"idle_s": 1e9}, {"window_s": 1e9}]
)
def test_rules_of_energy_that_no_round_can_follow_are_refused(rules):
    with pytest.raises(UsageError, match="out of range"):
        stopwatt.bench("mlp", energy=EnergyRules(**rules))


@pytest.fixture
def asked(monkeypatch):
    """Protocols of what would have been measured."""
    seen = []

    class Enough(Exception):  # noqa: N818  (not an error)
        pass

    def run(request, **_):
        seen.append(request.protocol)
        raise Enough

    for module in (running, models):
        for name in ("run_request", "run_grid"):
            monkeypatch.setattr(module, name, run)

    def ask(call, *args, **kwargs):
        with pytest.raises(Enough):
            call(*args, **kwargs)
        return seen[-1]

    def words(*words):
        with pytest.raises(SystemExit):
            main(list(words))
        return seen[-1]

    ask.words = words
    return ask


@pytest.mark.parametrize("verb", ["bench", "sweep"])
def test_the_command_line_takes_the_grade_as_an_option_of_the_option(asked, verb):
    assert asked.words(verb, "mlp", "--energy").energy == SCREENING
    assert asked.words(verb, "mlp", "--energy", "--tag", "x").energy == SCREENING
    assert asked.words(verb, "mlp", "--energy", "reported").energy == REPORTED
    found = asked.words(verb, "mlp", "--energy=screening", "--telemetry", "off", "--estimate-cpu-energy", "12.5")
    assert (found.energy, found.telemetry, found.cpu_watts) == (SCREENING, Telemetry.OFF, 12.5)


@pytest.mark.parametrize("words", [["--energy=joules"], ["--telemetry", "maybe"], ["--estimate-cpu-energy", "much"]])
def test_other_words_are_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "mlp", *words])
    assert ended.value.code == ExitCode.USAGE
    assert words[0].partition("=")[0] in capsys.readouterr().err


def test_the_library_takes_the_same(asked):
    found = asked(stopwatt.bench, "mlp", energy="reported", telemetry="on", estimate_cpu_energy=15)
    assert (found.energy, found.telemetry, found.cpu_watts) == (REPORTED, Telemetry.ON, 15.0)
    assert found.timeout_s == QUICK.timeout_s + latest_s(REPORTED)
    own = EnergyRules(window_s=3.0)
    assert asked(stopwatt.sweep, "mlp", energy=own).energy == own
    assert asked(stopwatt.bench, "mlp") == QUICK
    given = replace(QUICK, energy=own)
    assert asked(stopwatt.bench, "mlp", protocol=given) == given


@pytest.mark.parametrize(
    "arguments", [{"energy": "joules"}, {"energy": True}, {"telemetry": 1}, {"estimate_cpu_energy": "ten"}]
)
def test_the_library_refuses_other_things(arguments):
    with pytest.raises(UsageError):
        stopwatt.bench("mlp", **arguments)


def test_rules_of_energy_change_the_key_of_a_cell_and_their_absence_does_not():
    plain = Cell(Workload("mlp"), Setup(), QUICK)
    keys = {replace(plain, protocol=replace(QUICK, energy=rules)).key for rules in (None, SCREENING, REPORTED)}
    assert len(keys) == 3
    assert plain.key in keys


def test_compare_measures_energy_now_if_it_is_asked_to(monkeypatch):
    seen = []

    def measured(grid, **_):
        seen.append(grid.protocol)
        raise SystemExit

    monkeypatch.setattr("stopwatt.comparing.compare_now", measured)
    with pytest.raises(SystemExit):
        main(["compare", "--now", "mlp", "lstm", "--metric", "energy_package", "--energy", "reported", "--rounds", "4"])
    assert (seen[0].energy, seen[0].rounds) == (REPORTED, 4)
