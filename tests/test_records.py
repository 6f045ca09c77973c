import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt import wire
from stopwatt.arrays import pack_array, unpack_array
from stopwatt.errors import StopwattError
from stopwatt.records import (
    THOROUGH,
    Boundary,
    Calibration,
    Cell,
    Load,
    Measured,
    Measurement,
    Note,
    Paced,
    Precision,
    Protocol,
    Samples,
    Setup,
    Status,
    Trouble,
    Unavailable,
    Workload,
)

CELL = Cell(Workload("lstm", {"hidden": 200, "bias": True, "rate": 0.5}), Setup(batch=8), Protocol(), code="c")


@pytest.mark.parametrize(
    "other",
    [
        replace(CELL, workload=Workload("lstm", {"hidden": 201})),
        replace(CELL, setup=Setup(batch=9)),
        replace(CELL, setup=Setup(batch=8, precision=Precision.BF16)),
        replace(CELL, protocol=Protocol(trials=301)),
        replace(CELL, code="d"),
        replace(CELL, software={"torch": "2.13.0"}),
        replace(CELL, machine="m"),
    ],
)
def test_whatever_changes_what_is_measured_changes_the_key(other):
    assert other.key != CELL.key


def test_keys_stay_what_they_are_in_the_stores_that_exist():
    rich = Cell(
        Workload('x"é\n', {}),
        Setup("compile", "max", Precision.BF16, 3, "cuda:1", 4),
        replace(THOROUGH, paced=Paced(1e-3, load=Load.CPU), boundary=Boundary.HOST, seed=5),
        code="a",
        software={"torch": "2", "onnx": "1"},
        machine="m",
    )
    assert CELL.key == "25b2e37a94bc1c58c93e"
    assert rich.key == "6769553b154c04fd28c1"


def test_data_to_calibrate_on_change_keys_of_int8_by_what_they_hold():
    data = Calibration("photos", "a", 8)
    int8 = replace(CELL, setup=Setup(batch=8, precision=Precision.INT8))
    keys = [replace(int8, protocol=Protocol(calibration=one)).key for one in (None, data, replace(data, digest="b"))]
    assert len(set(keys)) == 3
    assert replace(int8, protocol=Protocol(calibration=replace(data, data="moved"))).key == keys[1]
    assert replace(CELL, protocol=Protocol(calibration=data)).key == CELL.key


def test_a_cell_whose_key_was_asked_for_is_written_as_any_other():
    asked = replace(CELL)
    assert asked.key
    assert wire.to_json(asked) == wire.to_json(replace(CELL))


def test_more_rounds_or_more_patience_keep_the_key():
    assert replace(CELL, protocol=Protocol(rounds=10, timeout_s=1)).key == CELL.key


def test_the_key_does_not_depend_on_the_order_of_parameters():
    turned = Workload("lstm", dict(reversed(CELL.workload.params.items())))
    assert replace(CELL, workload=turned).key == CELL.key


def test_a_measurement_survives_the_wire_to_the_bit():
    measurement = Measurement(
        cell=CELL,
        round=2,
        status=Status.OUT_OF_MEMORY,
        trouble=Trouble("what", "when", "now"),
        samples={"latency": Samples(np.array([1, 2**60, 3]), "ns"), "rate": Samples(np.array([0.1, np.inf]), "1/s")},
        readings={"cold_start": Measured(0.1, "s"), "device_memory": Unavailable("a CPU has none")},
        phases={"load": 0.25},
        facts={"cores": 2, "turbo": True, "load": 0.5, "name": "<script>\n🚀"},
        notes=(Note("kind", "text"),),
        log="last words",
    )
    assert wire.from_json(Measurement, wire.to_json(measurement)) == measurement


@given(st.lists(st.integers(min_value=-(2**62), max_value=2**62)))
def test_arrays_of_integers_survive_packing(values):
    array = np.array(values, dtype=np.int64)
    assert np.array_equal(unpack_array(pack_array(array)), array)


def test_a_damaged_array_is_noticed():
    document = pack_array(np.arange(100))
    with pytest.raises(StopwattError, match="checksum"):
        unpack_array(document | {"crc32": document["crc32"] ^ 1})
    with pytest.raises(StopwattError, match="checksum"):
        unpack_array(document | {"n": 99})
    with pytest.raises(StopwattError, match="unpacked"):
        unpack_array(document | {"zlib": "AAAA"})
    with pytest.raises(StopwattError, match="unpacked"):
        unpack_array({"n": 3})


def test_a_small_document_does_not_unpack_to_gigabytes():
    bomb = pack_array(np.zeros(10**7)) | {"n": 10}
    tracemalloc.start()
    with pytest.raises(StopwattError):
        unpack_array(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6
