"""Columns packed for a page, and read again as its script reads them (the browser's own tests run the script)."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopwatt.reporting.html.pack import SHORT, STEPS, pack


def unpack(column):
    return column if isinstance(column, list) else KINDS[column["k"]](column)


def _sparse(column):
    values = [0] * column["n"]
    for place, value in zip(unpack(column["at"]), unpack(column["v"]), strict=True):
        values[place] = value
    return values


def _shares(column):
    raw = [int(byte) for byte in _bytes(column["b"])]
    steps = []
    for a, b, c in zip(raw[::3], raw[1::3], raw[2::3], strict=True):
        steps += [a << 4 | b >> 4, (b & 15) << 8 | c]
    return np.array(steps[: column["n"]]) / STEPS


def _whole(dtype):
    return lambda column: np.frombuffer(base64.b64decode(column["b"]), dtype).tolist()


KINDS = {
    "same": lambda column: [column["v"]] * column["n"],
    "count": lambda column: [column["v"] + place for place in range(column["n"])],
    "head": lambda column: [*unpack(column["v"]), *[None] * (column["n"] - len(unpack(column["v"])))],
    "runs": lambda column: [one for one, n in zip(column["v"], column["n"], strict=True) for _ in range(n)],
    "rise": lambda column: np.cumsum([column["v"], *_bytes(column["b"])]).tolist(),
    "even": lambda column: np.linspace(column["lo"], column["hi"], column["n"]).tolist(),
    "sparse": _sparse,
    "u8": _whole("u1"),
    "u16": _whole("<u2"),
    "u32": _whole("<u4"),
    "log": lambda column: (column["lo"] * (column["hi"] / column["lo"]) ** _shares(column)).tolist(),
    "lin": lambda column: (column["lo"] + (column["hi"] - column["lo"]) * _shares(column)).tolist(),
}


def _bytes(text):
    return np.frombuffer(base64.b64decode(text), "u1").astype(int)


@given(st.lists(st.integers(min_value=-5, max_value=2**33), max_size=80))
def test_integers_come_back_exactly(values):
    assert unpack(json.loads(json.dumps(pack(values)))) == values


@given(st.lists(st.integers(min_value=0, max_value=1), min_size=SHORT + 1, max_size=300))
def test_marks_come_back_exactly(values):
    assert unpack(pack(np.array(values, dtype=np.int8))) == values


@given(st.lists(st.floats(min_value=1e-6, max_value=1e6), min_size=SHORT + 1, max_size=120))
def test_times_come_back_to_half_a_step_of_their_range(values):
    found = np.array(unpack(pack(values)))
    step = np.log(max(values) / min(values)) / STEPS
    assert np.abs(np.log(found / values)).max() <= step / 2 + 1e-9


@given(st.lists(st.floats(min_value=-1e3, max_value=1e3), min_size=SHORT + 1, max_size=120))
def test_other_numbers_come_back_to_half_a_step_of_their_range(values):
    found = np.array(unpack(pack(values)))
    assert np.abs(found - values).max() <= (max(values) - min(values)) / STEPS * 0.51 + 1e-9


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(1, 1001), "count"),
        (np.full(1000, 7), "same"),
        (np.repeat([1, 2, 3], 300), "runs"),
        (np.cumsum(np.random.default_rng(0).integers(1, 9, 500)), "rise"),
        (np.where(np.random.default_rng(0).random(1000) < 0.1, 2, 0), "sparse"),
        (np.random.default_rng(0).integers(0, 200, 500), "u8"),
        (np.linspace(5, 1, 40), "even"),
        (np.random.default_rng(0).lognormal(0, 1, 500), "log"),
        (np.random.default_rng(0).normal(0, 1, 500), "lin"),
        ([*np.random.default_rng(0).random(100).tolist(), None, None], "head"),
    ],
)
def test_a_column_is_packed_as_what_it_is(values, kind):
    packed = pack(values)
    assert packed["k"] == kind
    plain = len(json.dumps(values if isinstance(values, list) else values.tolist()))
    assert len(json.dumps(packed)) < plain / 2


def test_texts_and_gaps_inside_stay_as_they_are():
    assert pack(["a"] * 100) == ["a"] * 100
    values = [1.0, None] * 50
    assert pack(values) == values


def test_an_empty_column_stays_empty():
    assert pack([]) == []
    assert pack(np.array([])) == []
