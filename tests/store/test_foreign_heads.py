"""What the heads of columns say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.errors import UsageError
from stopwatt.store.foreign.heads import clean_name, place_of, unit_in, unit_named


@pytest.mark.parametrize(
    ("head", "unit"),
    [
        ("Average time (s)", "s"), ("latency_ms", "ms"), ("[us]", "us"), ("time [µs]", "us"), ("time (μs)", "us"),
        ("latency ms avg", "ms"), ("time in seconds", "s"), ("ns", "ns"), ("mean time, sec", "s"), ("t (MS)", "ms"),
        ("Time (s) of run 2", "s"), ("latency-us", "us"), ("elapsed_seconds", "s"), ("p99_ms", "ms"),
    ],
)  # fmt: skip
def test_a_unit_in_a_head_is_read(head, unit):
    assert unit_in(head) == unit


@pytest.mark.parametrize(
    "head",
    [
        "Average time", "latency", "", "throughput (samples/s)", "samples/s", "time/s", "images per second", "fps",
        "second run", "time_min", "hours", "ms or us", "(ms) and (us)", "mss", "batch", "model's", "s_total",
    ],
)  # fmt: skip
def test_a_head_without_one_clear_unit_of_time_has_none(head):
    assert unit_in(head) is None


@pytest.mark.parametrize(("text", "unit"), [("us", "us"), (" Milliseconds ", "ms"), ("µs", "us"), ("sec", "s")])
def test_a_unit_is_known_by_its_usual_names(text, unit):
    assert unit_named(text) == unit


@pytest.mark.parametrize("text", ["min", "hours", "1", ""])
def test_what_is_no_unit_of_time_is_refused_with_those_that_are(text):
    with pytest.raises(UsageError, match="unit of time") as refused:
        unit_named(text)
    assert refused.value.now


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("Num LSTM layers", "num_lstm_layers"), ("Hidden size", "hidden_size"), ("  Seq-Len. ", "seq_len"),
        ("Größe", "größe"), ("../../etc/passwd", "etc_passwd"), ("<script>alert(1)</script>", "script_alert_1_script"),
        ("=cmd|' /C calc'!A0", "cmd_c_calc_a0"), ("clock [MHz]", "clock_mhz"), ("x" * 300, "x" * 60),
    ],
)  # fmt: skip
def test_a_head_becomes_a_clean_name(head, name):
    assert clean_name(head) == name


def test_a_head_of_which_nothing_is_left_is_refused():
    with pytest.raises(UsageError, match="no letter or digit"):
        clean_name("(%)")


@given(st.text())
def test_a_clean_name_is_one_word_that_every_file_name_and_address_can_hold(head):
    try:
        name = clean_name(head)
    except UsageError:
        return
    assert name.replace("_", "x").isalnum()
    assert clean_name(name) == name


def test_a_column_that_is_not_there_is_an_error_with_the_nearest():
    with pytest.raises(UsageError, match="'Layer'") as refused:
        place_of("Layer", ["Layers", "Batch", "Time (s)"], "--axis")
    assert "Layers" in refused.value.now
    assert "--axis" in refused.value.when


def test_a_name_that_two_columns_have_is_an_error():
    with pytest.raises(UsageError, match="two columns are called 't'"):
        place_of("t", ["t", "u", "t"], "--time")


@pytest.mark.parametrize(("head", "separator"), [("a;b;c", "';'"), ("a\tb", "tab"), ("a|b", "'|'")])
def test_a_table_that_looks_separated_otherwise_says_so(head, separator):
    with pytest.raises(UsageError) as refused:
        place_of("a", [head], "--axis")
    assert f"--separator {separator}" in refused.value.now
