import pytest

from stopwatt.analyse.findings.words import (
    change,
    counted,
    exceptions,
    faster,
    located,
    none_other,
    power,
    sentence,
    span,
    split_by,
    times,
)

GRID = [{"layers": layers, "batch": batch} for layers in (1, 2, 3) for batch in (1, 2, 4, 8)]


def where(**wanted):
    return [one for one in GRID if all(one[name] in values for name, values in wanted.items())]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (change(0.0412), "4.1 %"),
        (change(0.00412), "0.41 %"),
        (change(0.412), "41 %"),
        (change(0.0), "0 %"),
        (change(0.0412, 0.032, 0.0504), "4.1 % [3.2, 5.0]"),
        (times(1.824), "1.8 x"),
        (times(145.3), "145 x"),
        (times(1.824, 1.79, 1.86), "1.82 x [1.79, 1.86]"),
        (faster(1.05), "by 4.8 %"),
        (faster(1.82), "1.8 x"),
        (faster(1.05, 1.04, 1.06), "by 4.8 % [3.8, 5.7]"),
        (power("seq", 0.9812), "seq^0.98"),
        (power("seq", -0.001), "seq^0.00"),
        (power("seq", 0.9812, 0.95, 1.01), "seq^0.98 [0.95, 1.01]"),
        (span("1.2 %", "7.9 %"), "1.2 to 7.9 %"),
        (span("900 us", "1.2 ms"), "900 us to 1.2 ms"),
        (span("1.2 %", "1.2 %"), ""),
        (counted(58, 64, "place"), "58 of 64 places"),
        (counted(64, 64, "line"), "all 64 lines"),
        (counted(2, 2, "cell"), "both cells"),
        (counted(1, 1, "place"), "the only place"),
        (none_other(8, "cell"), "in none of the 7 other cells"),
        (none_other(2, "cell"), "not in the other cell"),
        (sentence("layers=3", "trials gather"), "At layers=3, trials gather"),
        (sentence("", "trials gather"), "Trials gather"),
        (sentence("", "eager is faster", names=True), "eager is faster"),
    ],
)
def test_numbers_and_sentences_read_as_people_write_them(text, words):
    assert text == words


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (where(batch=(1,)), "at batch=1"),
        (where(batch=(1, 8)), "at batch=1 or 8"),
        (where(layers=(2,), batch=(1, 2)), "at layers=2, batch=1 and at layers=2, batch=2"),
        (where(layers=(2,), batch=(1, 2, 4)), "at 3 places with layers=2"),
        (where(layers=(1, 2), batch=(1, 2)), "at 4 places such as layers=1, batch=1"),
    ],
)
def test_places_are_told_in_few_words(members, words):
    assert located(members, GRID) == words


def test_places_whose_number_was_just_said_are_not_counted_again():
    assert located(where(layers=(2,), batch=(1, 2, 4)), GRID, told=True) == "all with layers=2"
    assert located(where(layers=(1, 2), batch=(1, 2)), GRID, told=True) == "for example at layers=1, batch=1"


def test_exceptions_are_told_where_they_are_the_few():
    assert exceptions(where(batch=(8,)), GRID) == "; not at batch=8"
    assert exceptions([], GRID) == ""
    assert exceptions(where(batch=(4, 8)), GRID) == ""


def test_values_are_split_by_the_coordinate_that_explains_them():
    by_batch = [0.1 * one["batch"] + 0.001 * one["layers"] for one in GRID]
    assert split_by(by_batch, GRID) == ("batch",)
    by_both = [one["batch"] * one["layers"] for one in GRID]
    assert split_by(by_both, GRID) == ()
    assert split_by([1.0] * len(GRID), GRID) == ()
    assert split_by([1.0], [{}]) == ()
