import json
from dataclasses import replace

import pytest

from stopwatt.cli import main
from stopwatt.cli.options import ProtocolOptions, TimingOptions
from stopwatt.errors import ExitCode, UsageError
from stopwatt.records import QUICK, THOROUGH, Paced
from stopwatt.sweeping.pacing import latest_s
from stopwatt.ways import Load


def test_without_options_nothing_changes():
    assert TimingOptions().protocol(ProtocolOptions()) == QUICK
    assert TimingOptions().deadlines == ()
    assert TimingOptions(deadline="1ms").protocol(ProtocolOptions()) == QUICK


def test_deadlines_are_sorted_and_each_once():
    assert TimingOptions(deadline="1ms, 500us,0.001s").deadlines == (5e-4, 1e-3)


@pytest.mark.parametrize(
    "text", ["0", "0ms", "-5us", "nan", "inf", "NaNms", "soon", "5 bananas", "500us,0", ",", "500us,,1ms"]
)
def test_a_deadline_that_cannot_pass_is_refused_in_three_parts(text):
    with pytest.raises(UsageError) as raised:
        _ = TimingOptions(deadline=text).deadlines
    assert raised.value.what
    assert "--deadline" in raised.value.what + raised.value.when
    assert raised.value.now


def test_a_period_adds_a_series_and_the_time_for_it():
    rules = TimingOptions(period="2ms").protocol(ProtocolOptions())
    assert rules.paced == Paced(2e-3)
    assert rules == replace(QUICK, paced=rules.paced, timeout_s=QUICK.timeout_s + latest_s(rules.paced))


def test_cycles_and_load_are_those_asked_for():
    rules = TimingOptions(period="1ms", cycles=50, load=Load.MEMORY).protocol(ProtocolOptions())
    assert rules.paced == Paced(1e-3, cycles=50, load=Load.MEMORY)


def test_realtime_is_one_long_round_under_load_unless_told_otherwise():
    rules = TimingOptions(period="1ms", realtime=True).protocol(ProtocolOptions())
    assert (rules.rounds, rules.paced) == (1, Paced(1e-3, 10**6, 3600.0, Load.CPU, realtime=True))
    assert rules.timeout_s > 1250
    told = TimingOptions(period="1ms", realtime=True, cycles=100, load=Load.NONE).protocol(ProtocolOptions(rounds=4))
    assert (told.rounds, told.paced.cycles, told.paced.load) == (4, 100, Load.NONE)
    assert TimingOptions(period="1ms", realtime=True).protocol(ProtocolOptions(thorough=True)).trials == THOROUGH.trials


@pytest.mark.parametrize(
    "options", [{"cycles": 5}, {"load": Load.CPU}, {"load": Load.NONE}, {"realtime": True}], ids=str
)
def test_what_belongs_to_paced_arrivals_needs_a_period(options):
    with pytest.raises(UsageError, match="needs --period") as raised:
        TimingOptions(**options).protocol(ProtocolOptions())
    assert raised.value.now


@pytest.mark.parametrize("period", ["0", "-1ms", "nan", "1us", "2h", "fast"])
def test_a_period_that_no_clock_can_keep_is_refused(period):
    with pytest.raises(UsageError) as raised:
        TimingOptions(period=period).protocol(ProtocolOptions())
    assert raised.value.when
    assert raised.value.now


@pytest.mark.parametrize("cycles", [0, -1, 10**7 + 1])
def test_a_number_of_cycles_out_of_range_is_refused(cycles):
    with pytest.raises(UsageError, match="out of range"):
        TimingOptions(period="1ms", cycles=cycles).protocol(ProtocolOptions())


def test_a_time_limit_that_is_shorter_than_the_series_is_refused_and_not_overruled():
    with pytest.raises(UsageError, match="a round may take 10 min"):
        TimingOptions(period="1ms", realtime=True).protocol(ProtocolOptions(timeout="10min"))
    rules = TimingOptions(period="1ms", realtime=True).protocol(ProtocolOptions(timeout="2h"))
    assert rules.timeout_s == 7200


def bench(tmp_path, *options):
    words = ["bench", "synthetic", "--backends", "eager", "--threads", "1", "--rounds", "1", "--trials", "30"]
    return [*words, "--warmup-cap", "200ms", "--allow", "--store", str(tmp_path / "results.db"), *options]


def test_bad_options_are_an_error_of_usage_before_anything_is_stored(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(bench(tmp_path, "--deadline", "0"))
    assert stop.value.code == ExitCode.USAGE
    errors = capsys.readouterr().err
    assert "when:" in errors
    assert "now:" in errors
    assert list(tmp_path.iterdir()) == []


def test_bench_puts_deadlines_and_responses_into_its_json(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(bench(tmp_path, "--deadline", "1s,100us", "--period", "1ms", "--cycles", "40", "--json"))
    assert stop.value.code == ExitCode.OK
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    latency, response = row["worst"]
    assert [latency["metric"], response["metric"]] == ["latency", "response"]
    assert [one["deadline"] for one in response["deadlines"]] == [1e-4, 1.0]
    assert [one["misses"] for one in response["deadlines"]] == [40, 0]
    assert response["n"] == row["metrics"]["response"]["n"] == row["metrics"]["overruns"]["n"] == 40
    assert row["protocol"]["paced"]["cycles"] == 40
