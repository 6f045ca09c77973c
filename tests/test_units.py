import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt import units
from stopwatt.errors import UsageError


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.00451, 0.00447, 0.00455, "4.51 ms [4.47, 4.55]"),
        (0.00451, 0.0041, 0.0049, "4.5 ms [4.1, 4.9]"),
        (1.2e-5, 1.19e-5, 1.22e-5, "12.00 us [11.90, 12.20]"),
        (2.0, 1.0, 3.0, "2.0 s [1.0, 3.0]"),
        (0.043, 0.00036, 5.176, "43 ms [0.4, 5176]"),
    ],
)
def test_an_interval_shows_the_digits_that_it_supports(value, low, high, text):
    assert units.interval(value, low, high, "s") == text


def test_a_column_takes_the_unit_in_which_its_smallest_value_is_at_least_one():
    assert units.scale_for([0.5, 0.0012], "s").label == "ms"
    assert units.scale_for([0.5, 0.0000012], "s").label == "us"
    assert units.scale_for([3.0 * 2**30], "B").label == "GiB"


def test_a_column_without_finite_values_keeps_its_unit():
    assert units.scale_for([], "s") == units.Scale(1.0, "s")
    assert units.scale_for([math.nan, 0.0], "s") == units.Scale(1.0, "s")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("500us", "s", 5e-4), ("1.5 GiB", "B", 1.5 * 2**30), ("2", "s", 2.0), ("1e3 ms", "s", 1.0), (".5s", "s", 0.5)],
)
def test_quantities_are_read_with_their_unit(text, unit, value):
    assert units.parse(text, unit) == pytest.approx(value)


@pytest.mark.parametrize("sign", ["\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}", "u"])
def test_a_microsecond_is_read_however_its_first_letter_is_typed(sign):
    assert units.parse(f"500{sign}s", "s") == 500e-6


@pytest.mark.parametrize("text", ["", "fast", "5 parsecs", "1..2s", "5 GB", "1e999", "nan", "."])
def test_what_is_not_a_time_is_refused_with_the_units_that_are(text):
    with pytest.raises(UsageError) as caught:
        units.parse(text, "s")
    assert caught.value.now


@given(st.floats(min_value=1e-9, max_value=1e4), st.floats(min_value=1e-6, max_value=0.5))
def test_rounding_moves_a_value_by_less_than_its_interval(value, share):
    half = value * share
    scale = units.scale_for([value], "s")
    shown = float(units.column_value(value, scale, half_width=half)) * scale.factor
    assert abs(shown - value) <= max(half, 1e-4 * value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89.4, "89 s"), (91, "2 min"), (3599, "60 min"), (7260, "2 h 1 min")]
)
def test_waiting_times_are_round(seconds, text):
    assert units.duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (1.4, "140 %"),
        (0.051, "5.1 %"),
        (0.00052, "0.052 %"),
        (0.9, "90 %"),
        (0.9997, "99.97 %"),
    ],
)
def test_a_share_is_a_percentage_that_is_whole_only_where_it_is(share, text):
    assert units.percent(share) == text


@pytest.mark.parametrize(("value", "text"), [(5e-3, "5 ms"), (5e-4, "500 us"), (1.5e-3, "1.5 ms"), (60.0, "60 s")])
def test_what_somebody_chose_is_said_as_short_as_they_said_it(value, text):
    assert units.exact(value, "s") == text


@pytest.mark.parametrize(("value", "text"), [(1.031, "+3.1 %"), (0.88, "-12 %"), (1.0, "+0 %"), (2.0, "+100 %")])
def test_a_ratio_is_a_change_with_its_sign(value, text):
    assert units.change(value) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("100us", 1e-4), ("1us", 1e-6), ("0.3ms", 3e-4), ("700us", 7e-4), ("123.456 ms", 0.123456), ("5e2us", 5e-4)],
)
def test_a_time_is_the_number_that_was_written(text, seconds):
    assert units.parse(text, "s") == seconds


@pytest.mark.parametrize("text", ["1e400", "1e9999999ms", "1e99999999999999999999999s"])
def test_a_number_beyond_all_measure_is_refused(text):
    with pytest.raises(UsageError, match="not a finite quantity"):
        units.parse(text, "s")


def test_a_count_is_whole():
    assert units.quantity(78.0, "cycles") == "78 cycles"
    assert units.quantity(1_000_000.0, "cycles") == "1000000 cycles"


@pytest.mark.parametrize(
    ("value", "text"), [(1.8217, "1.82 x"), (2.0, "2.00 x"), (21.54, "21.5 x"), (1221.7, "1222 x")]
)
def test_a_ratio_has_three_digits(value, text):
    assert units.ratio(value) == text
