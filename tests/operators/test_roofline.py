"""One piece of work under a device's peaks."""

import pytest

from stopwatt.operators.roofline import FLOOR_S, Bound, peak_of, roof_of
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import Family, Work

SPECS = DeviceSpecs("a chip", {"float32": 1e12, "float16": 4e12}, bandwidth=1e11)


def work(flops, moved, dtype="float32"):
    return Work(Family.GEMM, "linear", dtype, {}, flops, moved, 0.0)


def test_much_to_compute_takes_what_the_peak_allows():
    found = roof_of(work(2e9, 1e6), SPECS)

    assert (found.least_s, found.bound) == (pytest.approx(2e-3), Bound.COMPUTE)
    assert (found.intensity, found.balance) == (2000, 10)


def test_much_to_move_takes_what_the_memory_allows():
    found = roof_of(work(1e6, 1e9), SPECS)

    assert (found.least_s, found.bound) == (pytest.approx(1e-2), Bound.MEMORY)


def test_nothing_to_do_takes_the_floor():
    found = roof_of(work(0.0, 0.0), DeviceSpecs("of which nothing is known"))

    assert (found.least_s, found.bound, found.intensity) == (FLOOR_S, Bound.FLOOR, None)


@pytest.mark.parametrize(
    ("stated", "dtype", "peak"),
    [
        ({"float16": 4, "float32": 1}, "float16", 4),
        ({"float16": 4, "float32": 1}, "bfloat16", 4),
        ({"bfloat16": 4, "float32": 1}, "float16", 4),
        ({"float32": 1}, "bfloat16", 1),
        ({"float32": 1}, "complex64", 1),
        ({"float16": 4}, "float32", None),
        ({"float16": 4, "float32": 1}, "int8", None),
        ({"float16": 4, "float32": 1}, "float64", None),
        ({"float16": 4, "float32": 1}, "float8_e4m3fn", None),
    ],
)
def test_a_type_without_a_peak_has_that_of_the_units_that_do_its_work(stated, dtype, peak):
    assert peak_of(DeviceSpecs("a chip", stated), dtype) == peak


def test_with_one_side_unknown_the_other_is_still_a_bound_but_nobody_knows_which_decides():
    unknown_peak, unknown_flops = roof_of(work(1e6, 1e9, "int8"), SPECS), roof_of(work(None, 1e9), SPECS)
    unknown_bandwidth = roof_of(work(2e9, 1e6), DeviceSpecs("a chip", {"float32": 1e12}))

    assert (unknown_peak.least_s, unknown_peak.bound, unknown_peak.balance) == (pytest.approx(1e-2), None, None)
    assert (unknown_flops.least_s, unknown_flops.bound, unknown_flops.intensity) == (pytest.approx(1e-2), None, None)
    assert (unknown_bandwidth.least_s, unknown_bandwidth.bound) == (pytest.approx(2e-3), None)


def test_without_any_peak_nothing_is_said():
    found = roof_of(work(2e9, 1e6), DeviceSpecs("a chip"))
    assert (found.compute_s, found.memory_s, found.least_s, found.bound) == (None, None, None, None)
