"""Which rounds moved, by what the same work took in them."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.meters.sentinel import MOVED, moved, sentinel_of
from stopwatt.records import Cell, Measurement, Protocol, Setup, Status, Workload


def round_of(
    joules, number=0, *, device="cuda", batch=1, status=Status.OK, threads=1, uuid="GPU-1", degrees=None, **more
):
    scope = "gpu" if device == "cuda" else "package"
    facts = {"gpu.uuid": uuid, f"energy.{scope}.sentinel_j": joules, f"energy.{scope}.sentinel_half_width": 0.003}
    facts |= {f"energy.{scope}.sentinel_{name}": value for name, value in more.items()}
    if degrees is not None:
        facts[f"energy.{scope}.sentinel_temperature"] = degrees
    cell = Cell(Workload("mlp"), Setup(batch=batch, device=device, threads=threads), Protocol(), machine="here")
    return Measurement(cell, 0, status, facts=facts)


def judged(*rounds):
    why = moved(sentinel for one in rounds if (sentinel := sentinel_of(one)))
    return [why.get(one.id, "") for one in rounds]


def test_the_round_that_is_more_than_two_percent_off_the_median_moved():
    found = judged(*map(round_of, (1.0, 1.004, 1.031, 0.996, 1.0)))
    assert found == ["", "", "the sentinel was +3.1 % off that of the other rounds", "", ""]


def test_one_that_took_less_moved_as_well_and_temperatures_are_named_where_they_differ():
    cold = round_of(0.95, degrees=37)
    found = judged(*(round_of(1.0, degrees=degrees) for degrees in (48, 49, 50)), cold)
    assert found == ["", "", "", "the sentinel was -5.0 % off that of the other rounds (37 °C, usually 48 °C)"]


def test_a_single_round_never_moves_and_of_two_that_differ_both_do():
    assert judged(round_of(1.0)) == [""]
    assert all(judged(round_of(1.0), round_of(1.1)))


@pytest.mark.parametrize("other", [{"uuid": "GPU-2"}, {"device": "cpu"}])
def test_another_device_is_another_measure(other):
    assert judged(*(round_of(1.0) for _ in range(3)), round_of(3.0, **other)) == [""] * 4


def test_another_cell_leaves_the_device_in_another_state():
    assert judged(*(round_of(1.0) for _ in range(3)), *(round_of(1.03, batch=8) for _ in range(3))) == [""] * 6


def test_numpys_product_on_other_threads_is_other_work_but_a_gpu_has_no_threads():
    few, many = (sentinel_of(round_of(1.0, device="cpu", threads=threads)) for threads in (1, 2))
    assert few.device != many.device
    few, many = (sentinel_of(round_of(1.0, threads=threads)) for threads in (1, 2))
    assert few.device == many.device


@pytest.mark.parametrize(
    "unknown",
    [
        {"half_width": 0.03},
        {"why": "the power of gpu-0 changed within a window"},
        {"status": Status.INTERRUPTED},
        {"joules": 0.0},
        {"joules": float("nan")},
    ],
)
def test_a_sentinel_that_is_not_known_well_enough_says_nothing(unknown):
    assert sentinel_of(round_of(**{"joules": 1.0, **unknown})) is None


def test_a_round_without_a_sentinel_says_nothing():
    assert sentinel_of(Measurement(round_of(1.0).cell, 0, Status.OK)) is None


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=30), st.sampled_from([2.0**-20, 0.5, 1024.0]))
def test_neither_the_order_nor_the_unit_changes_which_rounds_moved(values, unit):
    found = judged(*map(round_of, values))
    assert judged(*map(round_of, reversed(values))) == found[::-1]
    assert judged(*(round_of(value * unit) for value in values)) == found
    usual = median(values)
    assert [not why for why in found] == [abs(value / usual - 1) <= MOVED for value in values]
