"""Which operators are worth measuring next."""

import pytest
from explained import ADD, LINEAR, ODD, WORKS, net

from stopwatt.operators.expected import expected, next_ones, weights
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Family, Work

SPECS = DeviceSpecs("made", {"float32": 32.0}, bandwidth=96.0)  # linear: 1 s of operations, 1 s of bytes


def test_an_operator_weighs_what_the_roofline_gives_it():
    assert weights(WORKS[:2], SPECS) == [1.0, 0.5]


def test_without_ceilings_it_weighs_its_bytes_and_its_operations():
    assert weights(WORKS, None) == [100.0, 48.5, 32.0]


def test_an_operator_that_no_formula_knows_weighs_its_bytes():
    strange = Work(Family.OTHER, "odd", "int8", {}, None, 96.0, 96.0)
    assert weights([strange], SPECS) == [2.0]


def test_nothing_is_expected_while_nothing_is_known():
    assert expected(net(), WORKS, {}, SPECS) == {}


def test_what_is_expected_follows_from_those_that_are_known():
    found = expected(net(), WORKS, {ADD.key: 1.5}, SPECS)  # three times its roofline
    assert found == {LINEAR.key: pytest.approx(3.0), ODD.key: 1.5}


def test_no_operator_is_expected_to_be_quicker_than_all_others():
    assert expected(net(), WORKS, {LINEAR.key: 3.0}, SPECS) == {ADD.key: 3.0, ODD.key: 3.0}


def test_the_heaviest_in_all_calls_come_first_and_no_more_than_needed():
    assert next_ones(net(), [ADD, LINEAR], WORKS, SPECS, 0.6) == [LINEAR]  # 2 of 3
    assert next_ones(net(), [ADD, LINEAR], WORKS, SPECS, 0.7) == [LINEAR, ADD]
    assert next_ones(net(), [ADD, LINEAR], WORKS, SPECS, 0.6, least=2) == [LINEAR, ADD]
    assert next_ones(net(), [ADD], WORKS, SPECS, 0.1) == [ADD]
    assert next_ones(net(), [], WORKS, SPECS, 0.9) == []
