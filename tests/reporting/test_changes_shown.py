"""Changes of a graph as people and programs see them."""

import json
from io import StringIO

from stopwatt.operators.changes import Change, Changes
from stopwatt.reporting.console import console_for
from stopwatt.reporting.operators.changes import changes_document, changes_line, render_changes

NOTHING = Changes((), (), (), (), 5, 5, types_before={"float32": 5}, types_after={"float32": 5})
FOLDED = Changes(
    gone=(Change("batch_norm", "float32", 20, 0),),
    new=(),
    fewer=(Change("add", "float32", 9, 8),),
    more=(),
    calls_before=69,
    calls_after=48,
    flops_before=4e9,
    flops_after=2e9,
    weight_bytes_before=2**20,
    weight_bytes_after=2**19,
)
NARROWED = Changes(
    gone=(Change("conv2d", "float32", 20, 0),),
    new=(Change("conv2d", "bfloat16", 0, 20),),
    fewer=(),
    more=(),
    calls_before=20,
    calls_after=20,
    types_before={"float32": 20},
    types_after={"bfloat16": 20},
)
COMPILED = Changes(
    gone=(Change("conv2d", "float32", 20, 0),),
    new=(Change("fused add relu", "", 0, 8),),
    fewer=(),
    more=(),
    calls_before=20,
    calls_after=8,
    kernels_after=True,
    fused={"fused add relu": 8},
    unnamed={"batch_norm": 20, "flatten": 1},
)


def shown(found):
    output = StringIO()
    render_changes(console_for(output), found, "step")
    return output.getvalue()


def test_a_line_names_what_is_gone_and_fewer_and_how_much_work_and_weight_is_left():
    assert changes_line(FOLDED) == (
        "69 -> 48 operators: gone: batch_norm (20); fewer: add (1); 0.500 x the operations; weights 1.00 MiB -> 512 KiB"
    )


def test_an_operator_of_another_type_is_neither_gone_nor_new():
    assert changes_line(NARROWED) == "20 -> 20 operators: float32 -> bfloat16"


def test_kernels_are_not_listed_as_new_beside_operators_of_other_names():
    assert changes_line(COMPILED) == (
        "20 operators -> 8 kernels: 8 fused: fused add relu (8); no kernel's own: batch_norm (20), flatten (1)"
    )


def test_nothing_is_said_to_be_the_same_operators():
    assert changes_line(NOTHING) == "the same operators"
    assert shown(NOTHING).strip() == "step: the same operators"


def test_the_table_has_a_row_for_each_operator_with_both_types():
    row = next(line for line in shown(NARROWED).splitlines() if line.startswith("conv2d"))
    assert row.split() == ["conv2d", "20", "20", "float32", "bfloat16"]


def test_many_operators_end_in_a_row_of_the_rest():
    many = Changes(tuple(Change(f"op{n}", "", 1, 0) for n in range(15)), (), (), (), 15, 0)
    (rest,) = (line for line in shown(many).splitlines() if line.startswith("and "))
    assert rest.split() == ["and", "3", "others", "3", "0"]


def test_the_document_is_json_with_every_field():
    document = json.loads(json.dumps(changes_document(FOLDED), allow_nan=False))

    assert document["gone"] == [{"name": "batch_norm", "dtype": "float32", "before": 20, "after": 0}]
    assert document["any"] is True
    assert (document["calls_before"], document["calls_after"]) == (69, 48)
