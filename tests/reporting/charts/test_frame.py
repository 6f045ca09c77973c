"""Axes, labels, colours."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.reporting.charts.frame import LABEL_HEIGHT, shortened, span, spread, ticks
from stopwatt.reporting.charts.theme import DARK, HEAT_STEPS, LIGHT, complete, heat_inks, ink, paint

POSITIVE = st.floats(min_value=1e-9, max_value=1e9)
GROUNDS = ("paper", "panel")
WRITTEN = ["ink", "quiet", "accent", "bad", "good", *(f"sn{n}" for n in range(8)), *(f"cn{n}" for n in range(5))]


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", WRITTEN)
def test_every_colour_of_text_can_be_read_on_the_page(colours, name):
    assert all(contrast(colours[name], colours[ground]) >= 4.5 for ground in GROUNDS)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("step", range(HEAT_STEPS))
def test_numbers_can_be_read_on_every_step_of_a_heat_map(colours, step):
    assert contrast(colours[f"hn{step}"], colours[f"h{step}"]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_a_heat_map_can_be_read_in_grey(colours):
    shades = [luminance(colours[f"h{step}"]) for step in range(HEAT_STEPS)]
    assert shades in (sorted(shades), sorted(shades, reverse=True))


def test_the_first_two_setups_differ_in_grey():
    assert contrast(LIGHT["s0"], LIGHT["s1"]) > 2


def test_light_and_dark_know_the_same_colours():
    assert LIGHT.keys() == DARK.keys()


def test_a_painted_document_has_values_instead_of_names():
    assert paint(f'{{"color": "{ink("quiet")}"}}', LIGHT) == f'{{"color": "{LIGHT["quiet"]}"}}'
    assert len(set(heat_inks())) == HEAT_STEPS


def test_an_unknown_colour_is_an_error():
    with pytest.raises(KeyError):
        ink("pink")


@given(POSITIVE, st.floats(min_value=1.01, max_value=1e6))
def test_ticks_lie_on_their_axis_and_are_few_enough_to_read(low, factor):
    found = ticks(low, low * factor)
    assert 2 <= len(found) <= 10
    assert all(low * (1 - 1e-9) <= tick <= low * factor * (1 + 1e-9) for tick in found)
    assert list(found) == sorted(set(found))


def test_a_long_axis_is_labelled_1_2_5():
    assert ticks(0.9, 60) == (1, 2, 5, 10, 20, 50)


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_every_value_stands_on_its_axis(values):
    axis = span(values)
    assert all(-1e-6 <= axis.at(value / axis.scale.factor) <= 1 + 1e-6 for value in values)


@given(st.floats(min_value=1e-6, max_value=10), st.floats(min_value=0.01, max_value=0.99))
def test_a_place_and_what_stands_there_are_inverse(value, share):
    axis = span([value, value * 50])
    assert axis.at(axis.back(share)) == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("room", [0, 0.05])
@pytest.mark.parametrize("values", [[3e-3], [3e-3, 3e-3], [3e-3, 3e-3 * (1 + 1e-12)]])
def test_an_axis_of_one_value_has_a_length(values, room):
    axis = span(values, room=room)
    assert axis.low < 3 < axis.high
    assert len(axis.ticks) >= 2


def test_values_that_have_no_logarithm_are_left_out():
    axis = span([0.0, -1.0, math.nan, 1e-3, 2e-3])
    assert (axis.scale.label, axis.low > 0) == ("ms", True)


def test_an_interval_over_ten_powers_of_ten_does_not_press_the_values_flat():
    axis = span([1e-3, 2e-3], bounds=[1e-9, 1e3])
    assert axis.high / axis.low < 50


@given(st.lists(st.floats(min_value=0, max_value=200), min_size=1, max_size=8))
def test_labels_do_not_collide_and_keep_their_order(places):
    found = spread(places, 200)
    order = sorted(range(len(places)), key=lambda index: places[index])
    apart = [found[after] - found[before] for before, after in pairwise(order)]
    assert all(gap >= LABEL_HEIGHT - 1e-6 for gap in apart)
    assert all(-1e-6 <= place <= 200 + 1e-6 for place in found)


def test_labels_that_do_not_collide_stay_where_they_are():
    assert spread([10, 50, 120], 200) == [10, 50, 120]


def test_an_absurd_name_is_cut_and_stays_on_one_line():
    assert shortened("a\nb") == "a\\nb" or shortened("a\nb") == "a b"
    assert len(shortened("x" * 300)) == 60


def test_a_complete_document_names_its_colours_and_needs_nothing_from_outside(clustered):
    from stopwatt.reporting.charts.sequence import SEQUENCE

    text = str(complete(SEQUENCE.chart(clustered)))
    assert "var(--" in text
    assert "url" not in text
