"""Operations and families of single operators, against torch's own counter where that is right, else by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from traced import only, operators_of

from stopwatt.operators.formulas import FORMULAS, work_of
from stopwatt.operators.formulas.attention import causal_pairs
from stopwatt.operators.operator import Operator, Tensor
from stopwatt.operators.work import DIMENSIONS, Family


def counted(function, *inputs):
    """What torch counts, without oneDNN, whose operators it does not know."""
    with FlopCounterMode(display=False) as counter, torch.backends.mkldnn.flags(enabled=False), torch.no_grad():
        function(*inputs)
    return counter.get_total_flops()


def work(function, *inputs, weights=()):
    return work_of(only(function, *inputs, weights=weights))


def r(*shape):
    return torch.randn(*shape)


PRODUCTS = {
    "linear": (functional.linear, r(2, 5, 4), r(3, 4), r(3)),
    "linear of one row": (functional.linear, r(4), r(3, 4)),
    "addmm": (torch.addmm, r(3), r(5, 4), r(4, 3)),
    "mm": (torch.mm, r(5, 4), r(4, 3)),
    "bmm": (torch.bmm, r(6, 5, 4), r(6, 4, 3)),
    "baddbmm": (torch.baddbmm, r(6, 5, 3), r(6, 5, 4), r(6, 4, 3)),
    "matmul, both broadcast": (torch.matmul, r(2, 1, 5, 4), r(3, 4, 7)),
    "matmul, one matrix for a batch": (torch.matmul, r(2, 3, 5, 4), r(4, 7)),
    "matmul of a vector and a matrix": (torch.matmul, r(4), r(4, 3)),
    "einsum": (torch.einsum, "bhid,bhjd->bhij", r(2, 3, 5, 4), r(2, 3, 6, 4)),
    "einsum with an ellipsis": (torch.einsum, "...ij,jk->...ik", r(2, 3, 5, 4), r(4, 6)),
    "einsum without a result": (torch.einsum, "ij,jk", r(5, 4), r(4, 6)),
    "tensordot": (lambda a, b: torch.tensordot(a, b, dims=2), r(2, 3, 4), r(3, 4, 5)),
    "conv2d": (functional.conv2d, r(2, 4, 9, 8), r(6, 4, 3, 3)),
    "conv2d strided and padded": (lambda x, w: functional.conv2d(x, w, None, 2, 1), r(2, 4, 9, 8), r(6, 4, 3, 3)),
    "conv2d dilated": (lambda x, w: functional.conv2d(x, w, dilation=2), r(2, 4, 9, 8), r(6, 4, 3, 3)),
    "conv2d grouped": (lambda x, w: functional.conv2d(x, w, groups=2), r(2, 4, 9, 8), r(6, 2, 3, 3)),
    "conv2d depthwise": (lambda x, w: functional.conv2d(x, w, groups=4), r(2, 4, 9, 8), r(4, 1, 3, 3)),
    "conv2d of the same size": (lambda x, w: functional.conv2d(x, w, padding="same"), r(2, 4, 9, 8), r(6, 4, 3, 3)),
    "conv2d without a batch": (functional.conv2d, r(4, 9, 8), r(6, 4, 3, 3)),
    "conv1d": (functional.conv1d, r(2, 4, 9), r(6, 4, 3)),
    "conv3d": (functional.conv3d, r(2, 4, 5, 6, 7), r(6, 4, 3, 2, 1)),
    "transposed": (lambda x, w: functional.conv_transpose2d(x, w, stride=2), r(2, 4, 5, 6), r(4, 6, 3, 3)),
    "transposed and grouped": (
        lambda x, w: functional.conv_transpose2d(x, w, groups=2, stride=2),
        r(2, 4, 5, 6),
        r(4, 3, 3, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PRODUCTS.values(), ids=PRODUCTS)
def test_products_and_convolutions_have_the_operations_that_torch_counts(case):
    found = work(*case)

    assert found.family in {Family.GEMM, Family.CONVOLUTION}
    assert found.flops == counted(*case) > 0


def test_a_matrix_and_a_vector_are_a_product_too_though_torch_does_not_count_it():
    found = work(torch.matmul, r(5, 4), r(4))

    assert (found.dims, found.flops) == ({"m": 5, "n": 1, "k": 4, "batch": 1}, 40)
    assert counted(torch.matmul, r(5, 4), r(4)) == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.LSTM(5, 6, 2),
        nn.LSTM(5, 6, 2, bidirectional=True, batch_first=True),
        nn.LSTM(5, 6, proj_size=3),
        nn.GRU(5, 6, 2, bias=False),
        nn.RNN(5, 6),
    ],
    ids=lambda one: f"{type(one).__name__} {one.extra_repr()}",
)
def test_recurrent_layers_have_the_operations_of_their_products(layer):
    given = r(7, 3, 5)
    (found,) = [
        one for one in map(work_of, operators_of(layer, given, weights=layer.parameters()))
        if one.family is Family.RECURRENT
    ]  # fmt: skip

    assert found.flops == counted(layer, given) > 0
    assert found.dims["steps"] == (3 if layer.batch_first else 7)
    assert (found.dims["inputs"], found.dims["hidden"], found.dims["layers"]) == (5, 6, layer.num_layers)
    assert found.dims["directions"] == 1 + layer.bidirectional
    assert found.weight_bytes == 4 * sum(one.numel() for one in layer.parameters())


def test_packed_sequences_count_the_steps_that_there_are_and_no_padding():
    layer = nn.GRU(5, 6)
    packed = nn.utils.rnn.pack_sequence([r(4, 5), r(2, 5)])
    (found,) = [one for one in map(work_of, operators_of(layer, packed)) if one.family is Family.RECURRENT]

    assert found.flops == 2 * 6 * 3 * 6 * (5 + 6)
    assert (found.dims["steps"], found.kind) == (4, "gru")


def test_one_layer_of_oneDNN_is_known_as_the_layer_that_it_is():  # noqa: N802  (its name)
    layer = nn.LSTM(5, 6)
    given = r(7, 3, 5)
    whole = work_of(operators_of(layer, given)[-1])
    state, shape = Tensor((1, 3, 6), storage=7), Tensor((7, 3, 6), storage=8)
    weights = [Tensor(tuple(one.shape), storage=1 + place) for place, one in enumerate(layer.parameters())]
    tensors = (Tensor((7, 3, 5)), *weights, state, state)
    places = [{"tensor": place} for place in range(len(tensors))]
    rest = (False, [], 2, 6, 1, True, False, False, False)
    one = Operator("aten.mkldnn_rnn_layer.default", tensors, (*places, *rest), {}, (shape,))

    assert (work_of(one).dims, work_of(one).flops) == (whole.dims, whole.flops)


ATTENTION = r(2, 4, 6, 8), r(2, 4, 9, 8), r(2, 4, 9, 8)


def test_attention_has_two_products_over_all_pairs_though_torch_counts_nothing_on_a_cpu():
    found = work(functional.scaled_dot_product_attention, *ATTENTION)

    assert found.flops == 2 * 2 * 2 * 4 * 6 * 9 * 8
    assert counted(functional.scaled_dot_product_attention, *ATTENTION) == 0
    assert found.dims == {
        "batch": 2, "heads": 4, "kv_heads": 4, "head_dim": 8, "q_len": 6, "kv_len": 9, "causal": 0, "window": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("q_len", "kv_len"), [(1, 1), (4, 4), (3, 7), (7, 3)])
def test_causal_attention_counts_the_pairs_that_its_mask_leaves(q_len, kv_len):
    assert causal_pairs(q_len, kv_len) == int(torch.ones(q_len, kv_len).tril().sum())


def test_causal_attention_has_less_to_do_than_torch_counts():
    given = r(2, 4, 9, 8)
    found = work(lambda q: functional.scaled_dot_product_attention(q, q, q, is_causal=True), given)

    assert found.flops == 2 * 2 * 2 * 4 * 8 * 45
    assert found.dims["causal"] == 1


def test_a_mask_is_read_and_every_pair_counts():
    mask = torch.ones(6, 9, dtype=torch.bool).tril()
    plain = work(functional.scaled_dot_product_attention, *ATTENTION)
    found = work(functional.scaled_dot_product_attention, *ATTENTION, mask)

    assert found.kind == "context masked"
    assert found.flops == plain.flops
    assert found.read_bytes == plain.read_bytes + 54


def test_grouped_queries_read_their_few_keys_once():
    found = work(
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        r(2, 8, 1, 16),
        r(2, 2, 9, 16),
        r(2, 2, 9, 16),
    )

    assert (found.dims["heads"], found.dims["kv_heads"], found.kind) == (8, 2, "generation")
    assert found.flops == 2 * 2 * 2 * 8 * 9 * 16
    assert found.read_bytes == 4 * (2 * 8 * 16 + 2 * 2 * 2 * 9 * 16)


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("_scaled_dot_product_flash_attention", (0.0, True)),
        ("_scaled_dot_product_flash_attention_for_cpu", (0.0, True)),
        ("_scaled_dot_product_efficient_attention", (None, False, 0.0, True)),
        ("_scaled_dot_product_cudnn_attention", (None, False, 0.0, True)),
        ("_scaled_dot_product_attention_math", (None, 0.0, True)),
    ],
)
def test_every_kernel_of_attention_is_the_same_work(name, rest):
    whole = work(lambda q: functional.scaled_dot_product_attention(q, q, q, is_causal=True), r(2, 4, 9, 8))
    one = Tensor((2, 4, 9, 8), strides=(288, 72, 8, 1))
    arguments = ({"tensor": 0}, {"tensor": 0}, {"tensor": 0}, *rest)
    found = work_of(Operator(f"aten.{name}.default", (one,), arguments, {}, (Tensor((2, 4, 9, 8), storage=1),)))

    assert (found.family, found.kind, found.dims, found.flops) == (whole.family, whole.kind, whole.dims, whole.flops)


def test_a_layer_of_the_fast_path_for_encoders_has_the_operations_of_its_parts():
    layer = nn.TransformerEncoderLayer(32, 4, 48, batch_first=True).eval()
    (found,) = map(work_of, operators_of(layer, r(2, 6, 32), weights=layer.parameters()))

    assert (found.family, found.kind) == (Family.OTHER, "_transformer_encoder_layer_fwd")
    assert found.flops == 2 * 12 * (4 * 32 * 32 + 2 * 32 * 48) + 4 * 2 * 6 * 6 * 32


MATRIX, TALL, IMAGE = r(3, 4), r(4, 3), r(2, 4, 6, 6)
ROWS, PLACES, TURNED = r(2, 4), torch.tensor([1, 0]), r(4, 3).t()
ONE_EACH = {
    "relu": (Family.ELEMENTWISE, MATRIX.relu, {"elements": 12, "operands": 1, "run": 12}),
    "in place": (Family.ELEMENTWISE, r(3, 4).relu_, {"elements": 12, "operands": 1, "run": 12}),
    "broadcast": (Family.ELEMENTWISE, lambda: MATRIX * MATRIX[0], {"elements": 12, "operands": 2, "run": 12}),
    "transposed": (Family.ELEMENTWISE, lambda: MATRIX + TALL.t(), {"elements": 12, "operands": 2, "run": 1}),
    "comparison": (Family.ELEMENTWISE, lambda: MATRIX > 0, {"elements": 12, "operands": 1, "run": 12}),
    "conversion": (Family.ELEMENTWISE, MATRIX.double, {"elements": 12, "operands": 1, "run": 12}),
    "larger": (Family.ELEMENTWISE, lambda: torch.max(MATRIX, MATRIX), {"elements": 12, "operands": 2, "run": 12}),
    "largest": (Family.REDUCTION, lambda: MATRIX.max(1), {"elements": 12, "outputs": 3}),
    "mean": (Family.REDUCTION, MATRIX.mean, {"elements": 12, "outputs": 1}),
    "running sum": (Family.REDUCTION, lambda: MATRIX.cumsum(0), {"elements": 12, "outputs": 12}),
    "softmax": (Family.SOFTMAX, lambda: MATRIX.softmax(0), {"rows": 4, "columns": 3}),
    "layer norm": (Family.NORM, lambda: functional.layer_norm(MATRIX, (4,)), {"rows": 3, "columns": 4}),
    "rms norm": (Family.NORM, lambda: functional.rms_norm(MATRIX, (4,)), {"rows": 3, "columns": 4}),
    "group norm": (Family.NORM, lambda: functional.group_norm(IMAGE, 2), {"rows": 4, "columns": 72}),
    "batch norm": (
        Family.NORM,
        lambda: functional.batch_norm(IMAGE, IMAGE[0, :, 0, 0], IMAGE[1, :, 0, 0].abs()),
        {"rows": 4, "columns": 72},
    ),
    "max pooling": (
        Family.POOLING,
        lambda: functional.max_pool2d(IMAGE, 3, 3),
        {"batch": 2, "channels": 4, "in_size": 36, "out_size": 4, "kernel": 9},
    ),
    "adaptive pooling": (
        Family.POOLING,
        lambda: functional.adaptive_avg_pool2d(IMAGE, 3),
        {"batch": 2, "channels": 4, "in_size": 36, "out_size": 9, "kernel": 4},
    ),
    "embedding": (
        Family.EMBEDDING,
        lambda: functional.embedding(PLACES, MATRIX),
        {"lookups": 2, "width": 4, "rows": 3},
    ),
    "concatenation": (Family.MOVEMENT, lambda: torch.cat([MATRIX, MATRIX], 1), {"elements": 24, "run": 4}),
    "rows by number": (Family.MOVEMENT, lambda: MATRIX[PLACES], {"elements": 8, "run": 4}),
    "gather": (Family.MOVEMENT, lambda: MATRIX.gather(1, PLACES[:, None]), {"elements": 2, "run": 1}),
    "transposed copy": (Family.MOVEMENT, TURNED.contiguous, {"elements": 12, "run": 1}),
    "repeat": (Family.MOVEMENT, lambda: MATRIX.repeat(2, 1), {"elements": 24, "run": 24}),
    "padding": (Family.MOVEMENT, lambda: functional.pad(MATRIX, (1, 1)), {"elements": 18, "run": 18}),
    "written": (Family.MOVEMENT, lambda: r(3, 4).index_put_((PLACES,), ROWS), {"elements": 8, "run": 1}),
    "zeros": (Family.CREATION, lambda: torch.zeros(3, 4), {"elements": 12}),
    "sort": (Family.ORDER, lambda: MATRIX.sort(1), {"elements": 12, "kept": 12}),
    "largest few": (Family.ORDER, lambda: MATRIX.topk(2), {"elements": 12, "kept": 6}),
    "view": (Family.VIEW, lambda: MATRIX.view(4, 3), {}),
    "transpose": (Family.VIEW, MATRIX.t, {}),
    "dropout while evaluating": (Family.VIEW, lambda: functional.dropout(MATRIX, training=False), {}),
    "nothing to convert": (Family.VIEW, lambda: MATRIX.to(torch.float32), {}),
}  # fmt: skip


@pytest.mark.parametrize(("family", "function", "dims"), ONE_EACH.values(), ids=ONE_EACH)
def test_every_family_has_its_sizes(family, function, dims):
    found = work_of(operators_of(function)[-1])

    assert (found.family, dict(found.dims)) == (family, dims)
    assert tuple(found.dims) == DIMENSIONS[family]
    assert found.flops is not None


def test_a_reshape_is_a_view_only_where_it_shares_memory():
    assert work(lambda one: one.reshape(4, 3), MATRIX).family is Family.VIEW
    copied = work(lambda one: one.reshape(12), TURNED)
    assert (copied.family, copied.write_bytes) == (Family.MOVEMENT, 48)


def test_what_writes_in_place_is_no_view_though_it_gives_what_it_was_given():
    assert work(lambda one: one.add_(1), r(3)).family is Family.ELEMENTWISE
    assert work(lambda one: torch.add(one, 1, out=one), r(3)).family is Family.ELEMENTWISE
    assert work(lambda one: one.unsqueeze_(0), r(3)).family is Family.VIEW


def test_a_quantised_layer_reads_its_packed_weights_as_bytes():
    given, output = Tensor((3, 8), strides=(8, 1)), Tensor((3, 4), strides=(4, 1), storage=1)
    found = work_of(Operator("quantized.linear_dynamic.default", (given,), ({"tensor": 0}, "packed"), {}, (output,)))

    assert (found.family, found.dtype, found.flops) == (Family.GEMM, "int8", 2 * 3 * 8 * 4)
    assert (found.weight_bytes, found.read_bytes) == (32, 32 + 4 * 24)


@pytest.mark.parametrize(
    "operator",
    [
        Operator("mine.mystery.default", (Tensor((3, 4)),), ({"tensor": 0},), {}, (Tensor((5,), storage=1),)),
        Operator("aten.linear.default", (Tensor((3, 4)),), ({"tensor": 0},), {}, (Tensor((5,), storage=1),)),
        Operator("aten.softmax.int", (Tensor((3, 4)),), ({"tensor": 0}, 7), {}, (Tensor((5,), storage=1),)),
    ],
    ids=["unknown", "without a weight", "of a dimension that is not there"],
)
def test_what_no_formula_knows_is_listed_as_such_with_its_bytes_and_never_as_nothing(operator):
    found = work_of(operator)

    assert (found.family, found.flops) == (Family.OTHER, None)
    assert (found.read_bytes, found.write_bytes) == (48, 20)


def test_an_operator_without_any_tensor_has_an_answer_too():
    assert work_of(Operator("nonsense")).family is Family.OTHER
    assert work_of(Operator("aten.relu.default")).family is Family.OTHER


def test_no_operator_belongs_to_two_groups_of_formulas():
    from stopwatt.operators import formulas

    names = [name for group in formulas._GROUPS for name in group.FORMULAS]
    assert len(names) == len(set(names)) == len(FORMULAS)


def test_every_name_in_the_formulas_is_one_of_torch():
    known = {name.partition("::")[2].split(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    wrong = {one for one in FORMULAS if "." not in one and not {one, f"{one}_", f"__{one}__"} & known}

    assert sorted(wrong) == []
