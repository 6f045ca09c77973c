from dataclasses import replace

import numpy as np
import pytest

from stopwatt.cli.options import DataOptions, ProtocolOptions, TargetOptions, batches, parameters, request, words
from stopwatt.errors import UsageError
from stopwatt.records import QUICK, THOROUGH, Boundary


def test_batches_are_listed_or_doubled():
    assert batches("1,8, 32") == [1, 8, 32]
    assert batches("1..8") == [1, 2, 4, 8]
    assert batches("1..6") == [1, 2, 4, 6]
    assert batches("4,1..4") == [4, 1, 2]


def test_words_are_separated_by_commas():
    assert words(" eager, compile ,,") == ["eager", "compile"]


def test_a_parameter_keeps_everything_after_the_first_equals_sign():
    assert parameters(("script=1ms*0.9,2ms*0.1", "name=a=b")) == {"script": "1ms*0.9,2ms*0.1", "name": "a=b"}


def test_quick_is_the_default_and_thorough_is_asked_for():
    assert ProtocolOptions().protocol() == QUICK == ProtocolOptions(quick=True).protocol()
    assert ProtocolOptions(thorough=True).protocol() == THOROUGH


def test_a_number_of_trials_is_done_however_long_it_takes():
    protocol = ProtocolOptions(trials=1000).protocol()
    assert protocol.trials == 1000
    assert protocol.trial_seconds is None


def test_options_change_what_they_name_and_nothing_else():
    protocol = ProtocolOptions(rounds=5, boundary=Boundary.HOST, timeout="2min", seed=7).protocol()
    assert protocol == replace(QUICK, rounds=5, boundary=Boundary.HOST, timeout_s=120.0, seed=7)


def test_a_request_has_what_the_options_say():
    asked = request(("mlp",), TargetOptions(batch="1,2", backends="eager,aoti", precision="bf16"), QUICK, "tag")
    assert (asked.workloads, asked.batches, asked.backends) == (("mlp",), [1, 2], ["eager", "aoti"])
    assert (asked.precisions, asked.tag) == (["bf16"], "tag")


def test_zero_seconds_are_no_time_limit():
    with pytest.raises(UsageError):
        ProtocolOptions(timeout="0s").protocol()


@pytest.mark.parametrize(
    "options",
    [{"timeout": "1e200s"}, {"seed": -1}, {"seed": 2**63}, {"tolerance": float("inf")}, {"tolerance": float("nan")}],
)
def test_what_no_round_could_follow_is_refused(options):
    with pytest.raises(UsageError, match="out of range"):
        ProtocolOptions(**options).protocol()


def test_options_about_data_need_data():
    assert DataOptions().protocol(QUICK) is QUICK
    for options in (DataOptions(labels="folders"), DataOptions(samples=5), DataOptions(calibrate=5)):
        with pytest.raises(UsageError, match="needs --data"):
            options.protocol(QUICK)


def test_data_change_what_is_calibrated_on_and_judged_and_nothing_else(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((6, 2)), label=np.arange(6))
    protocol = DataOptions(str(tmp_path / "data.npz"), samples=2).protocol(replace(QUICK, seed=3))
    assert replace(protocol, calibration=None, accuracy=None) == replace(QUICK, seed=3)
    assert (protocol.calibration.samples, protocol.accuracy.samples) == (3, 2)
    assert protocol.calibration.seed == protocol.accuracy.seed == 3
