"""Operators made from their sizes have these sizes again, and can be called."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stopwatt.errors import Unsupported
from stopwatt.measuring.job import Job, JobKind
from stopwatt.measuring.operators import replay as replaying
from stopwatt.measuring.operators.caches import Caches
from stopwatt.measuring.worker import perform
from stopwatt.operators.formulas import work_of
from stopwatt.operators.operator import Role
from stopwatt.operators.replay import Mode, ReplayRules
from stopwatt.operators.synthesis import MADE, operator_of
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.records import Cell, Protocol, Setup, Status, Workload

SIZE = st.integers(1, 96)
KINDS = [(family, kind) for family, kinds in MADE.items() for kind in kinds]
OPERANDS = {"where": 3, "masked_fill": 2, "maximum": 2, "minimum": 2, "pow": 2}
BINARY = {"add", "sub", "mul", "div", "eq", "ne", "ge", "gt", "le", "lt"}
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
QUICK = ReplayRules(modes=(Mode.REUSE,), samples=3, seconds=0.01, least=3, settle_s=0.0)


def _convolution(draw, kind):
    rank = int(kind[-2])
    side, kernel, stride, groups = (draw(st.integers(low, high)) for low, high in ((4, 24), (1, 4), (1, 3), (1, 4)))
    padding, depthwise = draw(st.integers(0, kernel - 1)), draw(st.booleans())
    out = (side + 2 * padding - kernel) // stride + 1
    channels = groups * draw(st.integers(1, 8))
    sides = {"in_size": side**rank, "out_size": out**rank, "kernel": kernel**rank, "stride": stride**rank}
    outputs = channels if depthwise else groups * draw(st.integers(1, 8))
    others = {"in_channels": channels, "out_channels": outputs, "groups": channels if depthwise else groups}
    return sides | others | {"batch": draw(st.integers(1, 4)), "dilation": 1, "dims": rank}


def _pooling(draw, kind):
    rank, side = int(kind[-2]), draw(st.integers(4, 24))
    known = {"batch": draw(st.integers(1, 4)), "channels": draw(SIZE), "in_size": side**rank}
    if "adaptive" in kind:
        out = draw(st.integers(1, side)) ** rank
        return known | {"out_size": out, "kernel": side**rank / out}
    kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    out = (side + 2 * (kernel // 2) - kernel) // stride + 1
    return known | {"out_size": out**rank, "kernel": kernel**rank}


def _attention(draw, kind):
    kv_heads, shared = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    generation, causal = kind.startswith("generation"), draw(st.booleans()) and "masked" not in kind
    q_len = 1 if generation else draw(st.integers(2, 40))
    heads = {"heads": kv_heads * shared, "kv_heads": kv_heads, "head_dim": 8 * draw(st.integers(1, 8))}
    return (
        {"batch": draw(st.integers(1, 4)), "q_len": q_len, "kv_len": draw(st.integers(2, 40))}
        | heads
        | {
            "causal": float(causal),
            "window": 0,
        }
    )


def _recurrent(draw, kind):
    few = {name: draw(st.integers(1, 3)) for name in ("layers", "batch")} | {"directions": draw(st.integers(1, 2))}
    return few | {name: draw(SIZE) for name in ("steps", "inputs", "hidden")} | {"gates": GATES[kind]}


def _in_runs(draw, kind, family):
    rows, run = draw(st.integers(2, 40)), draw(SIZE)
    dense = draw(st.booleans()) and kind not in {"contiguous", "cat"}
    dims = {"elements": rows * run, "run": rows * run if dense else run}
    if family is Family.MOVEMENT:
        return dims
    return dims | {"operands": OPERANDS.get(kind, draw(st.integers(1, 2)) if kind in BINARY else 1)}


def _dims(draw, family, kind):
    if family is Family.CONVOLUTION:
        return _convolution(draw, kind)
    if family is Family.POOLING:
        return _pooling(draw, kind)
    if family is Family.ATTENTION:
        return _attention(draw, kind)
    if family is Family.RECURRENT:
        return _recurrent(draw, kind)
    if family in {Family.ELEMENTWISE, Family.MOVEMENT}:
        return _in_runs(draw, kind, family)
    sizes = {name: draw(SIZE) for name in DIMENSIONS[family]}
    if family is Family.GEMM and kind in {"linear", "addmm", "mm"}:
        sizes["batch"] = 1
    if family is Family.REDUCTION:
        sizes["elements"] = sizes["outputs"] * (1 if kind == "cumsum" else draw(SIZE))
    return sizes


@pytest.mark.parametrize(("family", "kind"), KINDS)
@settings(max_examples=12, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(["float32", "bfloat16"]))
def test_an_operator_that_is_made_has_the_sizes_it_was_made_from(family, kind, data, dtype):
    dims = _dims(data.draw, family, kind)
    work = work_of(operator_of(family, kind, dims, dtype))
    assert (work.family, work.kind, work.dtype) == (family, kind, dtype)
    assert work.dims == {name: float(size) for name, size in dims.items()}
    assert work.flops is not None
    assert work.bytes > 0


def _example(family, kind):
    sides = {"in_size": 64.0, "out_size": 16.0, "kernel": 9.0, "stride": 4.0}
    known = {
        Family.RECURRENT: {"steps": 5, "batch": 2, "inputs": 3, "hidden": 6, "layers": 2, "directions": 2}
        | {"gates": GATES.get(kind)},
        Family.ATTENTION: {"batch": 2, "heads": 4, "kv_heads": 2, "head_dim": 16, "kv_len": 7, "causal": 0, "window": 0}
        | {"q_len": 1 if kind.startswith("generation") else 5},
        Family.CONVOLUTION: sides | {"batch": 2, "in_channels": 6, "out_channels": 6, "groups": 6, "dilation": 1},
        Family.POOLING: {"batch": 2, "channels": 3} | {name: sides[name] for name in ("in_size", "out_size", "kernel")},
    }
    if family is Family.CONVOLUTION:
        rank = int(kind[-2])
        sides = {"in_size": 8.0**rank, "out_size": 4.0**rank, "kernel": 3.0**rank, "stride": 2.0**rank, "dims": rank}
        return known[family] | sides
    if family is Family.POOLING and kind.endswith("1d"):
        return known[family] | {"in_size": 64, "out_size": 32, "kernel": 2}
    if family is Family.POOLING:
        return known[family] | ({"kernel": 4} if "adaptive" in kind else {})
    if family in known:
        return known[family]
    if family in {Family.ELEMENTWISE, Family.MOVEMENT}:
        return _runs_of(family, kind)
    sizes = dict.fromkeys(DIMENSIONS[family], 12)
    return sizes | ({"batch": 1} if kind in {"linear", "addmm", "mm"} else {})


def _runs_of(family, kind):
    dims = {"elements": 96, "run": 8}
    return dims if family is Family.MOVEMENT else dims | {"operands": OPERANDS.get(kind, 2 if kind in BINARY else 1)}


def test_one_of_each_kind_can_be_called_and_takes_a_time(monkeypatch):
    monkeypatch.setattr(replaying, "caches_of", lambda device: Caches(2**14, 2**18, 2**26))
    made = {pair: operator_of(*pair, _example(*pair), "float32") for pair in KINDS}
    cell = Cell(Workload("operators"), Setup(threads=1), Protocol())
    found = perform(Job(JobKind.REPLAY, cell, bundle="", operators=tuple(made.values()), rules=QUICK))
    failed = {
        pair: one.trouble
        for pair, one in zip(made, found.replays, strict=True)
        if one.status is not Status.OK or not (one.samples["call"].values > 0).all()
    }
    assert failed == {}


def test_what_an_operator_is_said_to_give_is_what_torch_gives():
    import torch

    from stopwatt.measuring.operators.materials import Materials, function_of

    for family, kind in KINDS:
        operator = operator_of(family, kind, _example(family, kind), "float32")
        call = Materials(operator, "cpu").make()
        with torch.inference_mode():
            given = function_of(operator.name)(*call.arguments, **call.keywords)
        every = (given,) if isinstance(given, torch.Tensor) else given
        said = [(one.shape, f"torch.{one.dtype}") for one in operator.outputs]
        assert [(tuple(one.shape), str(one.dtype)) for one in every] == said, (family, kind)


@pytest.mark.parametrize("family", sorted(set(Family) - set(MADE)))
def test_families_that_cannot_be_made_say_so(family):
    with pytest.raises(Unsupported, match=f"the family {family} cannot be made") as found:
        operator_of(family, "any", {}, "float32")
    assert "capture" in found.value.now


@pytest.mark.parametrize(
    ("family", "kind", "dims", "why"),
    [
        (Family.GEMM, "einsum", {}, "'einsum' cannot be made"),
        (Family.GEMM, "linear", {"m": 4, "n": 4, "k": 4, "batch": 2}, "no batch"),
        (Family.GEMM, "linear", {"m": 4, "n": 4, "k": 4}, "needed are m, n, k, batch"),
        (Family.GEMM, "linear", {"m": 0, "n": 4, "k": 4, "batch": 1}, "m is no whole number from 1 on"),
        (Family.GEMM, "linear", {"m": 1.5, "n": 4, "k": 4, "batch": 1}, "m is no whole number"),
        (Family.GEMM, "linear", {"m": math.nan, "n": 4, "k": 4, "batch": 1}, "m is no whole number"),
        (Family.GEMM, "linear", {"m": math.inf, "n": 4, "k": 4, "batch": 1}, "m is no whole number"),
        (Family.REDUCTION, "sum", {"elements": 10, "outputs": 3}, "no multiple of outputs"),
        (Family.NORM, "group_norm", {"rows": 1, "columns": 1}, "'group_norm' cannot be made"),
        (Family.RECURRENT, "gru", dict.fromkeys(DIMENSIONS[Family.RECURRENT], 4), "it has 3 gates"),
        (Family.RECURRENT, "lstm", dict.fromkeys(DIMENSIONS[Family.RECURRENT], 4), "one way or both ways"),
    ],
)
def test_sizes_that_no_operator_has_are_refused_with_the_reason(family, kind, dims, why):
    with pytest.raises(Unsupported) as found:
        operator_of(family, kind, dims, "float32")
    assert why in found.value.what
    assert found.value.now


def test_a_picture_that_no_padding_makes_so_large_is_refused():
    dims = {"batch": 1, "in_channels": 1, "out_channels": 1, "groups": 1, "dilation": 1, "dims": 2}
    with pytest.raises(Unsupported, match="no padding turns"):
        operator_of(
            Family.CONVOLUTION, "conv2d", dims | {"in_size": 64, "out_size": 4, "kernel": 9, "stride": 1}, "float32"
        )


@given(m=SIZE, n=SIZE, k=SIZE)
@settings(max_examples=20)
def test_the_weights_of_a_layer_are_weights_and_its_input_is_not(m, n, k):
    assume(m != n)
    made = operator_of(Family.GEMM, "linear", {"m": m, "n": n, "k": k, "batch": 1}, "float32")
    assert [one.role for one in made.tensors] == [Role.ACTIVATION, Role.WEIGHT, Role.WEIGHT]
    assert work_of(made).weight_bytes == 4 * (n * k + n)
