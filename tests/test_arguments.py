"""Arguments of another type than a verb of the library takes: a usage error that says what to give."""

import itertools

import numpy as np
import pytest

import stopwatt
from stopwatt.arguments import integers, numbers, scalar, scalars, texts
from stopwatt.errors import UsageError
from stopwatt.records import Protocol

ANYTHING = object()

COMMON = [
    {"params": [1]},
    {"params": {"hidden": None}},
    {"params": {"hidden": [8, 16]}},
    {"params": {3: 8}},
    {"deadlines": ANYTHING},
    {"deadlines": [None]},
    {"deadlines": "500us"},
    {"deadlines": {1.0: 2.0}},
    {"device": 3},
    {"protocol": "quick"},
    {"protocol": Protocol(trials="many")},
    {"tag": 3},
    {"store": 3},
]
OF_SWEEP = [
    {"axes": [1, 2]},
    {"axes": {"hidden": 3.5j}},
    {"axes": {"hidden": [[8]]}},
    {"axes": {"hidden": [None]}},
    {"axes": {"hidden": {8: 16}}},
    {"axes": {"hidden": b"8"}},
    {"axes": {"hidden": np.array(8)}},
    {"axes": {1: [2]}},
    {"axes": "hidden"},
    {"zips": 3},
    {"zips": [3]},
    {"zips": {"hidden": [8]}},
    {"exclude": "hidden"},
    {"exclude": [["hidden"]]},
    {"exclude": [{"hidden": ANYTHING}]},
    {"grid": 3},
    {"executor": 3},
    {"machines": [3]},
]
OF_BENCH = [
    {"backends": 3},
    {"backends": [3]},
    {"precision": None},
    {"batch": None},
    {"batch": "1..8"},
    {"batch": [True]},
    {"batch": [2.5]},
    {"threads": "many"},
]


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        *(("sweep", one) for one in (*COMMON, *OF_SWEEP)),
        *(("bench", one) for one in (*COMMON, *OF_BENCH)),
    ],
)
def test_an_argument_of_another_type_is_refused_in_three_parts(verb, arguments, tmp_path):
    with pytest.raises(UsageError) as refused:
        getattr(stopwatt, verb)("lstm", **{"store": str(tmp_path / "results.db")} | arguments)
    assert "cannot be" in refused.value.what
    assert refused.value.when
    assert refused.value.now.startswith(("give", "use"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["sweep", "bench"])
def test_workloads_are_given_one_by_one(verb):
    with pytest.raises(UsageError, match="a workload cannot be"):
        getattr(stopwatt, verb)(["lstm", "mlp"])


def test_the_place_of_the_wrong_one_among_several_is_said():
    with pytest.raises(UsageError, match=r"deadlines\[1\] cannot be None"):
        numbers("deadlines", [1e-3, None], "seconds")


def test_numbers_of_numpy_are_numbers_of_python():
    found = [*scalars("hidden", np.arange(2)), *integers("batch", np.int64(3), ""), scalar("ratio", np.float32(0.5))]
    assert [(one, type(one)) for one in found] == [(0, int), (1, int), (3, int), (0.5, float)]


def test_one_stands_for_a_list_of_one():
    assert texts("backends", "eager", "") == ("eager",)
    assert numbers("deadlines", 1e-3, "") == (1e-3,)


def test_values_without_an_end_are_taken_one_by_one():
    assert list(itertools.islice(scalars("hidden", itertools.count()), 3)) == [0, 1, 2]
