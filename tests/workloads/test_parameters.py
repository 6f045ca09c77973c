"""Parameters come as text, leave complete, typed and bounded, or not at all."""

from dataclasses import dataclass

import pytest

from stopwatt.errors import UsageError
from stopwatt.workloads.base import Param
from stopwatt.workloads.params import check_params
from stopwatt.workloads.resolve import resolve


@dataclass(frozen=True)
class Example:
    open_params: bool = False
    name: str = "example"
    params: tuple[Param, ...] = (
        Param("hidden", 200, "units", low=1, high=1000),
        Param("rate", 0.5, low=0.0),
        Param("fast", False),
        Param("mode", "a", choices=("a", "bb")),
    )


def test_defaults_complete_what_was_not_given_in_the_family_order():
    assert list(check_params(Example(), {"rate": "2"}).items()) == [
        ("hidden", 200),
        ("rate", 2.0),
        ("fast", False),
        ("mode", "a"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "64", 64),
        ("hidden", "1e2", 100),
        ("hidden", 64.0, 64),
        ("rate", "1e-3", 0.001),
        ("rate", 3, 3.0),
        ("fast", "yes", True),
        ("fast", "0", False),
        ("fast", True, True),
        ("mode", "bb", "bb"),
    ],
)
def test_text_becomes_the_type_of_the_default(name, text, value):
    got = check_params(Example(), {name: text})[name]

    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hidden", "many"),
        ("hidden", "1.5"),
        ("hidden", ""),
        ("hidden", True),
        ("hidden", None),
        ("hidden", "nan"),
        ("rate", "inf"),
        ("rate", "nan"),
        ("fast", "maybe"),
        ("fast", "2"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_and_the_parameter_named(name, text):
    with pytest.raises(UsageError, match=name):
        check_params(Example(), {name: text})


@pytest.mark.parametrize(("name", "text"), [("hidden", "0"), ("hidden", "-1"), ("hidden", "1001"), ("rate", "-0.1")])
def test_a_value_out_of_bounds_is_refused_with_the_bounds(name, text):
    with pytest.raises(UsageError, match="out of bounds") as caught:
        check_params(Example(), {name: text})

    assert "from 1 to 1000" in caught.value.now or "at least 0" in caught.value.now


@pytest.mark.parametrize("text", ["1000000000", "1" + "0" * 400, "9" * 5000])
def test_a_huge_value_is_refused_before_anything_is_built(text):
    with pytest.raises(UsageError, match="hidden of lstm"):
        check_params(resolve("lstm"), {"hidden": text})


def test_an_unknown_choice_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        check_params(resolve("bert"), {"size": "bas"})

    assert "base" in caught.value.now


def test_an_unknown_parameter_offers_the_nearest():
    with pytest.raises(UsageError) as caught:
        check_params(resolve("lstm"), {"hiden": "3"})

    assert "hidden" in caught.value.now


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("0.5", 0.5), ("true", True), ("'3'", "3"), ("[1]", "[1]"), ("a b", "a b"), (7, 7)]
)
def test_open_parameters_pass_through_as_the_literal_that_they_spell(text, value):
    got = check_params(Example(open_params=True), {"other": text})["other"]

    assert got == value
    assert type(got) is type(value)
