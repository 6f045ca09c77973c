"""The table over batch as people see it."""

import io

import pytest
from batch_example import BF16, FACTS, FOUR, INT8, ONE, TWELVE, Line, measured

from stopwatt.analyse.summary import summarise
from stopwatt.reporting.console import WIDTH, console_for
from stopwatt.reporting.table import render_bench


def shown(lines, facts=FACTS, **how):
    stream = io.StringIO()
    render_bench(
        console_for(stream), summarise(measured(lines, **how)), (), run="01234567", where="results.db", facts=facts
    )
    text = stream.getvalue()
    return text[text.index("over batch") :] if "over batch" in text else text


def test_knee_most_samples_and_memory_stand_in_one_line():
    text = shown(ONE)
    line = next(line for line in text.splitlines() if line.startswith("eager"))
    assert line.split() == ["eager", "fp32", "32", "2017", "[2003,", "2031]", "128", "128", "256"]


@pytest.mark.parametrize("lines", [ONE, FOUR, TWELVE])
def test_no_line_is_wider_than_the_console(lines):
    assert max(map(len, shown(lines).splitlines())) <= WIDTH


def test_a_word_stands_where_there_is_no_knee_and_is_explained_below():
    text = shown(FOUR)
    assert "rising" in next(line for line in text.splitlines() if line.startswith("tensorrt"))
    assert "rising: the last doubling of the batch brings at least 10 % more samples/s: tensorrt fp16 (+74 %" in text
    assert "flat" in next(line for line in text.splitlines() if line.startswith("compile"))
    assert "flat: a larger batch does not pay: compile fp16" in text


def test_energy_has_columns_only_where_it_was_measured():
    assert "mJ" in shown(FOUR)
    assert "mJ" not in shown(ONE)


def test_what_was_not_tried_is_told_apart_from_what_did_not_fit():
    text = shown(FOUR)
    assert next(line for line in text.splitlines() if line.startswith("compile")).split()[-1] == "64"
    assert "not tried, because a smaller batch did not fit into memory: compile fp16 128 to 256" in text


def test_setups_stand_in_the_order_of_their_most_samples():
    lines = shown(FOUR).splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["tensorrt", "eager", "compile", "eager"]


def test_one_round_has_no_knee_and_the_reason_is_said_once_for_all():
    text = shown(TWELVE[:2], rounds=1)
    assert "no knee for eager fp32, eager bf16: needs 3 rounds (has 1)" in text


def test_where_memory_would_be_full_is_said_to_be_no_measurement():
    text = shown([Line(), Line("onnxruntime", INT8, sample=0.0)])
    told = " ".join(text[text.index("not measured: the batch at which memory would be full") :].splitlines())
    assert "eager fp32 258 [25" in told
    assert "onnxruntime int8" not in told


def test_two_batches_have_no_such_table():
    assert "over batch" not in shown([Line(precision=BF16)], batches=(1, 8))


def test_a_growth_that_noise_hides_is_not_told_in_digits():
    text = " ".join(shown([Line(noise=2.0), Line("onnxruntime", noise=2.0)]).split())
    assert "eager fp32 (not known to a factor of 10)" in text
