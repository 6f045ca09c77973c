"""A grid: how many cells it has, which, and what is refused before any is made."""

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.errors import UsageError
from stopwatt.records import Boundary, Precision, Protocol
from stopwatt.sweeping.grid import MOST_CELLS, Axis, Exclusion, Grid, deadlines_of
from stopwatt.sweeping.overlay import overlay
from stopwatt.sweeping.plan import Request, make_plan, plan_grid

LSTM = (Axis("workload", ("lstm",)),)
AXES = {"hidden": (8, 16, 24, 32), "seq": (4, 5, 6), "layers": (1, 2, 3), "batch": (1, 2, 4, 8)}


def axis(name, *values):
    return (Axis(name, values),)


def grid(*blocks, exclude=(), **fields):
    return Grid((LSTM, *blocks), tuple(exclude), **fields)


def excluding(**conditions):
    return Exclusion(tuple(Axis(name, tuple(values)) for name, values in conditions.items()))


def places(plan):
    return [
        {**{name: cell.workload.params[name] for name in ("hidden", "seq", "layers")}, "batch": cell.setup.batch}
        for cell in plan.cells
    ]


def refusal(asked):
    with pytest.raises(UsageError) as refused:
        plan_grid(asked)
    return refused.value


def test_a_product_has_every_combination_once_and_the_last_axis_changes_fastest():
    plan = plan_grid(grid(axis("hidden", 8, 16), axis("batch", 1, 2)))
    found = [(cell.workload.params["hidden"], cell.setup.batch) for cell in plan.cells]
    assert found == [(8, 1), (8, 2), (16, 1), (16, 2)]
    assert len({cell.key for cell in plan.cells}) == 4


def test_axes_that_go_together_are_not_multiplied():
    together = (Axis("hidden", (8, 16)), Axis("seq", (5, 4)))
    plan = plan_grid(grid(together, axis("batch", 1, 2)))
    assert [(one["hidden"], one["seq"]) for one in places(plan)] == [(8, 5), (8, 5), (16, 4), (16, 4)]


def test_an_exclusion_leaves_out_what_meets_all_of_its_conditions():
    plan = plan_grid(
        grid(axis("hidden", 8, 16), axis("batch", 1, 2, 4), exclude=[excluding(hidden=[16], batch=[2, 4])])
    )
    assert [(one["hidden"], one["batch"]) for one in places(plan)] == [(8, 1), (8, 2), (8, 4), (16, 1)]


def test_what_no_axis_names_is_the_default_of_the_workload_and_of_the_setup():
    (cell,) = plan_grid(grid()).cells
    (benched,) = make_plan(Request(["lstm"], backends=["eager"], protocol=cell.protocol)).cells
    assert cell.key == benched.key


@cache
def planned(blocks, exclude):
    return plan_grid(grid(*blocks, exclude=exclude))


@st.composite
def grids(draw):
    """Blocks of some axes, one or two of them zipped, and exclusions of values that occur."""
    names = draw(st.permutations(list(AXES)))[: draw(st.integers(1, 4))]
    axes = {name: draw(st.lists(st.sampled_from(AXES[name]), min_size=1, unique=True)) for name in names}
    blocks = [(Axis(name, tuple(values)),) for name, values in axes.items()]
    if len(blocks) > 1 and draw(st.booleans()):
        (one,), (other,) = blocks.pop(), blocks.pop()
        length = min(len(one.values), len(other.values))
        blocks.append((Axis(one.name, one.values[:length]), Axis(other.name, other.values[:length])))
    kept = {axis.name: axis.values for block in blocks for axis in block}
    exclude = []
    for _ in range(draw(st.integers(0, 2))):
        some = draw(st.lists(st.sampled_from(sorted(kept)), min_size=1, unique=True))
        exclude.append(
            Exclusion(
                tuple(
                    Axis(name, tuple(draw(st.lists(st.sampled_from(kept[name]), min_size=1, unique=True))))
                    for name in sorted(some)
                ),
                may_miss=True,
            )
        )
    return tuple(blocks), tuple(exclude)


def by_hand(blocks, exclude):
    """The same by the plainest means: every combination, then what an exclusion matches taken away."""
    rows = [[{axis.name: axis.values[n] for axis in block} for n in range(len(block[0].values))] for block in blocks]
    for chosen in itertools.product(*rows):
        whole = {name: value for row in chosen for name, value in row.items()}
        if not any(all(whole[one.name] in one.values for one in left_out.conditions) for left_out in exclude):
            yield whole


@settings(deadline=None, max_examples=60)
@given(grids())
def test_the_cells_are_those_of_plain_enumeration_and_no_key_occurs_twice(asked):
    expected = list(by_hand(*asked))
    if not expected:
        assert "leave nothing" in refusal(grid(*asked[0], exclude=asked[1])).what
        return
    cells = planned(*asked)
    assert [{name: place[name] for name in expected[0]} for place in places(cells)] == expected
    assert len({cell.key for cell in cells.cells}) == len(expected)


@settings(deadline=None, max_examples=20)
@given(grids(), st.randoms())
def test_the_order_of_axes_and_values_does_not_change_the_plan(asked, dice):
    blocks, exclude = asked
    if not list(by_hand(blocks, exclude)):
        return
    turned = list(blocks)
    dice.shuffle(turned)
    turned = [(replace(block[0], values=block[0].values[::-1]),) if len(block) == 1 else block for block in turned]
    assert planned(tuple(turned), exclude[::-1]).digest == planned(blocks, exclude).digest


def test_coordinates_of_the_setup_are_axes_too():
    plan = plan_grid(
        grid(
            axis("backend", "eager", "compile:max-autotune"), axis("precision", "fp32", "bf16"), axis("threads", 1),
            axis("boundary", "device", "host"),
        )
    )  # fmt: skip
    setups = {(cell.setup.backend, cell.setup.variant, cell.setup.precision) for cell in plan.cells}
    assert setups == {
        (*backend, precision)
        for backend in (("eager", ""), ("compile", "max-autotune"))
        for precision in (Precision.FP32, Precision.BF16)
    }
    assert {cell.protocol.boundary for cell in plan.cells} == {Boundary.DEVICE, Boundary.HOST}
    assert {cell.setup.threads for cell in plan.cells} == {1}


def test_several_workloads_share_axes_and_may_have_axes_of_their_own():
    blocks = ((Axis("workload", ("lstm", "mlp")),), axis("hidden", 8, 16), axis("lstm.seq", 4, 5))
    cells = plan_grid(Grid(blocks)).cells
    assert [cell.workload.source for cell in cells] == ["lstm"] * 4 + ["mlp"] * 2
    assert len({cell.key for cell in cells}) == 6


def test_an_axis_that_only_another_workload_has_is_refused_with_how_to_write_it():
    with pytest.raises(UsageError, match="unknown axis of mlp 'seq'") as caught:
        plan_grid(Grid(((Axis("workload", ("mlp", "lstm")),), axis("seq", 4, 8))))
    assert "as lstm.seq" in caught.value.now


def test_what_is_given_for_one_workload_wins_over_what_is_given_for_all():
    blocks = ((Axis("workload", ("lstm", "mlp")),), axis("hidden", 8, 16), axis("mlp.hidden", 32))
    cells = plan_grid(Grid(blocks)).cells
    found = [(cell.workload.source, cell.workload.params["hidden"]) for cell in cells]
    assert found == [("lstm", 8), ("lstm", 16), ("mlp", 32)]


def test_an_exclusion_may_name_a_workload_and_does_not_touch_those_without_its_axis():
    blocks = ((Axis("workload", ("lstm", "mlp")),), axis("hidden", 8, 16), axis("lstm.seq", 4, 5))
    of_lstm = plan_grid(Grid(blocks, (excluding(**{"lstm.seq": [4]}),))).cells
    assert [cell.workload.source for cell in of_lstm].count("mlp") == 2
    without = plan_grid(Grid(blocks, (excluding(workload=["mlp"], hidden=[8]),))).cells
    assert len(without) == 5


def test_a_parameter_that_is_called_like_a_coordinate_is_reached_by_the_workloads_name(tmp_path):
    file = tmp_path / "model.py"
    file.write_text("def make(batch=1):\n    return lambda x: x, (None,)\n")
    source = f"{file}:make"
    cells = plan_grid(Grid(((Axis("workload", (source,)),), axis(f"{source}.batch", 3, 4), axis("batch", 8)))).cells
    assert [(cell.workload.params["batch"], cell.setup.batch) for cell in cells] == [(3, 8), (4, 8)]


def test_a_grid_of_a_billion_cells_is_refused_with_the_number_before_any_is_made():
    refused = refusal(grid(*(axis(name, *range(1, 1001)) for name in ("hidden", "seq", "features"))))
    assert "1000000000 cells are too many" in refused.what
    assert "1000 hidden x 1000 seq x 1000 features" in refused.when
    assert str(MOST_CELLS) in refused.now


def test_an_endless_axis_is_refused():
    with pytest.raises(UsageError, match="too many values"):
        Axis.of("hidden", itertools.count(1))


@pytest.mark.parametrize(
    ("blocks", "what", "now"),
    [
        ([axis("hidden")], "the axis hidden has no values", "at least one"),
        ([axis("hidden", 8), axis("hidden", 16)], "hidden is given twice", "give it once"),
        ([axis("hiden", 8)], "unknown axis of lstm 'hiden'", "hidden"),
        ([axis("bacth", 8)], "unknown axis of lstm 'bacth'", "batch"),
        ([axis("hidden", "x")], "hidden of lstm cannot be 'x'", "a whole number"),
        ([axis("hidden", 0)], "hidden of lstm is out of bounds: 0", "from 1 to"),
        ([axis("hidden", True)], "hidden of lstm cannot be True", "a whole number"),
        ([axis("hidden", 8, "8")], "hidden=8 is given twice", "once"),
        ([axis("batch", 0)], "batch 0 is out of range", "from 1 to"),
        ([axis("batch", 1.5)], "cannot read 1.5 as batch", "a whole number"),
        ([axis("backend", "eagr")], "unknown backend 'eagr'", "eager"),
        ([axis("backend", "auto", "eager"), axis("precision", "fp33")], "unknown precision 'fp33'", "fp32"),
        ([axis("threads", 10_000)], "10000 threads are out of range", "at once"),
        ([axis("boundary", "unknown")], "unknown boundary", "device, host"),
        ([(Axis("hidden", (8, 16)), Axis("seq", (4,)))], "have 2 and 1 values", "as many"),
        ([(Axis("backend", ("all", "eager")), Axis("batch", (1, 2)))], "stands for several backends", "go together"),
    ],
)
def test_what_is_no_grid_is_refused_with_what_to_do(blocks, what, now):
    refused = refusal(grid(*blocks))
    assert what in refused.what
    assert now in refused.now


def test_a_grid_without_a_workload_is_refused():
    assert "no workload" in refusal(Grid((axis("hidden", 8),))).what


@pytest.mark.parametrize(
    ("exclusion", "what", "now"),
    [
        (excluding(hidden=[9]), "hidden is never 9", "8, 16"),
        (excluding(hidden=[8, 9]), "hidden is never 9", "8, 16"),
        (excluding(hiden=[8]), "unknown axis in an exclusion 'hiden'", "hidden"),
        (excluding(seq=[4], layers=[2]), "no cell has these values together", "leave it out"),
        (excluding(hidden=[8, 16]), "leave nothing of the grid", "fewer"),
        (excluding(hidden=["x"]), "cannot be 'x'", "a whole number"),
    ],
)
def test_an_exclusion_that_matches_nothing_or_everything_is_refused(exclusion, what, now):
    together = (Axis("seq", (4, 5)), Axis("layers", (1, 2)))
    refused = refusal(grid(axis("hidden", 8, 16), together, exclude=[exclusion]))
    assert what in refused.what
    assert now in refused.now


def test_one_exclusion_that_leaves_nothing_is_counted_as_one():
    refused = refusal(grid(axis("hidden", 8, 16), exclude=[excluding(hidden=[8, 16])]))
    assert refused.when == "1 exclusion"


def test_an_error_says_where_the_value_was_written():
    written = Axis("hidden", (8, 0), "g.yaml, line 2", ("g.yaml, line 3", "g.yaml, line 4"))
    assert refusal(grid((written,))).when.startswith("g.yaml, line 4")


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_deadline_that_cannot_be_met_is_refused(value):
    with pytest.raises(UsageError, match="cannot be met"):
        deadlines_of([1.0, value])


def test_deadlines_rise_and_occur_once():
    assert deadlines_of([2.0, 1.0, 2.0]) == (1.0, 2.0)


def test_rules_that_no_round_could_follow_are_refused():
    assert "trials" in refusal(grid(protocol=Protocol(trials=0))).what


def test_options_replace_the_axes_of_a_file_and_keep_the_others():
    below = grid(axis("hidden", 8, 16), axis("seq", 4, 5))
    above = Grid((axis("hidden", 24), axis("batch", 1, 2)), tag="mine")
    both = overlay(below, above)
    assert {one.name: one.values for one in both.axes} == {
        "workload": ("lstm",), "seq": (4, 5), "hidden": (24,), "batch": (1, 2),
    }  # fmt: skip
    assert both.tag == "mine"


def test_a_trimmed_axis_does_not_turn_the_files_exclusions_into_errors():
    below = grid(axis("hidden", 8, 16), axis("batch", 1, 2), exclude=[excluding(hidden=[16], batch=[2])])
    assert len(plan_grid(overlay(below, Grid((axis("hidden", 8),)))).cells) == 2
    assert len(plan_grid(overlay(below, Grid((axis("hidden", 16),)))).cells) == 1


def test_an_axis_cannot_be_taken_out_of_those_that_go_together():
    below = grid((Axis("hidden", (8, 16), "g.yaml, line 3"), Axis("seq", (4, 5), "g.yaml, line 4")))
    with pytest.raises(UsageError, match="hidden goes together with seq") as refused:
        overlay(below, Grid((axis("hidden", 8),)))
    assert refused.value.when == "g.yaml, line 3"
    both = overlay(below, Grid((axis("hidden", 8), axis("seq", 9))))
    assert len(plan_grid(both).cells) == 1


def test_the_founding_grid_has_512_cells():
    from stopwatt.sweeping.gridfile import read_grid_file

    example = Path(__file__).resolve().parents[2] / "examples" / "lstm.yaml"
    plan = plan_grid(read_grid_file(example))
    assert len(plan.cells) == 4 * 4 * 4 * 4 * 2
    assert {cell.protocol.trials for cell in plan.cells} == {1000}
    assert {cell.protocol.trial_seconds for cell in plan.cells} == {None}


def test_what_is_the_same_for_a_hundred_thousand_cells_is_looked_up_once(monkeypatch):
    from stopwatt.backends import catalogue
    from stopwatt.workloads.lstm import Lstm

    calls = {"software": 0, "code": 0}
    software, code = catalogue.software, Lstm.code

    def counted_software(*words):
        calls["software"] += 1
        return software(*words)

    def counted_code(family):
        calls["code"] += 1
        return code(family)

    monkeypatch.setattr(catalogue, "software", counted_software)
    monkeypatch.setattr(Lstm, "code", counted_code)
    sizes = (axis("hidden", *range(1, 101)), axis("seq", *range(1, 51)), axis("layers", 1, 2, 3, 4, 5))
    plan = plan_grid(grid(*sizes, axis("batch", 1, 2), axis("backend", "eager", "onnxruntime")))
    assert len(plan.cells) == 100_000
    assert calls == {"software": 2, "code": 1}
    assert len({cell.key for cell in plan.cells}) == 100_000
