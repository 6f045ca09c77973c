"""What is shown of an explanation: sentences, tables, the figure."""

import io
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "operators"))

from explained import ADD, LINEAR, US, WORKS, net, planted, replay

from stopwatt.operators.capture import Kernel
from stopwatt.operators.explain import Basis, Known, Model, explain
from stopwatt.operators.groups import By
from stopwatt.operators.memory import Caches
from stopwatt.operators.table import DeviceSpecs
from stopwatt.reporting.charts.operators import operators
from stopwatt.reporting.charts.render import to_png, to_svg
from stopwatt.reporting.charts.theme import DARK, LIGHT
from stopwatt.reporting.console import console_for
from stopwatt.reporting.operators.compared import compared
from stopwatt.reporting.operators.explain import ExplainResult
from stopwatt.reporting.operators.explain_sentences import coverage_line, headline, sentences

USUAL = planted(replay(LINEAR, 10), replay(ADD, 3))
MEASURED = Model(Known(40 * US, 39 * US, 41 * US, "t on 3 round medians"), no_energy="no RAPL: virtual machine")


def about(model=MEASURED, replays=USUAL, **basis):
    return explain(net(), replays, model, replace(Basis(WORKS, Caches(1e6, 1e7)), **basis))


def shown(found, **result):
    out = io.StringIO()
    ExplainResult(found, **result).print_to(console_for(out))
    return out.getvalue()


def test_sentences_say_where_most_is_what_lies_between_and_what_is_left():
    assert sentences(about()) == (
        "50 % of the time is in 2 Linear modules of blocks",
        "25 % is Python between operators",
        "1 operator in 1 call without a time: listed below",
        "composed, the operators give 90 % of the measured 40.0 us: -10.0 %",
        "watching leaf modules alone would miss 23 % of the operators' time",
    )


def test_a_model_that_spends_its_time_outside_of_leaf_modules_says_in_what():
    found = about(replays=planted(replay(LINEAR, 1), replay(ADD, 9)))
    assert sentences(found)[0] == "45 % of the time is in 2 calls outside of leaf modules, most of them add.Tensor"


def test_what_is_larger_than_any_module_is_said_first():
    unexplained = headline(about(Model(Known(400 * US))))
    waiting = headline(explain(net((30,) * 6), USUAL, MEASURED, Basis(WORKS, Caches(1e6, 1e7))))
    assert unexplained == "91 % of the time is in neither operators nor gaps; 5.0 % is in 2 Linear modules of blocks"
    assert waiting == "450 % of the time is Python between operators; 50 % is in 2 Linear modules of blocks"


def test_a_model_that_was_not_measured_says_why():
    said = sentences(about(Model(no_latency="the machine is not fit")))
    assert "the model itself was not measured: the machine is not fit" in said


def test_with_ceilings_a_sentence_says_what_bounds_most():
    specs = DeviceSpecs("made", {"float32": 32e6}, bandwidth=960e6)
    assert "operators bound by compute take 65 % of the time" in sentences(about(specs=specs))


def test_coverage_is_told_with_the_reason_why_it_is_not_more():
    known = "operators that were measured account for 65 % of the measured time"
    assert coverage_line(about(target=0.5)) == f"{known} (asked for: 50 %)"
    assert coverage_line(about()) == f"{known}, not 90 %: all that can be called by themselves are measured"
    part = about(replays=planted(replay(LINEAR, 10)))
    assert coverage_line(part).endswith("account for 50 % of the measured time, not 90 %: 1 operator not measured yet")


@pytest.mark.parametrize("by", list(By))
def test_tables_fit_into_100_columns_and_name_the_largest_in_a_word(by):
    lines = shown(about(), by=by).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum("% most" in line for line in lines) == 1


def test_of_long_module_paths_the_end_is_shown_and_of_operators_the_beginning():
    path = "encoder.encoder.layer.*.attention.self.a_long_name.query"
    deep = replace(net(), modules=(*net().modules[:2], replace(net().modules[2], path=path), *net().modules[3:]))
    found = explain(deep, USUAL, MEASURED, Basis(WORKS, Caches(1e6, 1e7)))
    assert "... " not in shown(found, by=By.MODULE)
    assert "attention.self.a_long_name.query " in shown(found, by=By.MODULE)
    wide = replace(ADD, tensors=(replace(ADD.tensors[0], shape=(10000, 20000)),) * 3)
    found = explain(
        replace(net(), operators=(LINEAR, wide, *net().operators[2:])),
        planted(replay(wide, 3)),
        MEASURED,
        Basis(WORKS, Caches(1e6, 1e7)),
    )
    assert "add.Tensor [10000,20000] x ..." in shown(found)


def test_the_four_numbers_stand_with_their_shares():
    text = shown(about())
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for number in (
        "plain sum 26.0 65 % with",
        "composed 36.0 90 %",
        "measured 40.0 100 % [39.0, 41.0], t on 3 round medians",
    ):
        assert any(line.startswith(number) for line in lines), number
    assert "energy: unavailable (no RAPL: virtual machine)" in text


def test_operators_without_a_time_have_their_expected_share():
    found = about(expected_s={net().operators[2].key: 2 * US})
    assert "1 2.00 us 5.0 % it has a generator" in " ".join(shown(found).split())
    assert ExplainResult(found).document()["missing"][0]["share"] == pytest.approx(0.05)


def test_no_more_is_expected_of_operators_than_what_is_left_of_the_measured_time():
    found = about(expected_s={net().operators[2].key: 999 * US})
    assert found.missing[0].expected_s == pytest.approx(found.residual_s) == pytest.approx(4 * US)
    (rest,) = (one for one in found.parts if one.name == "rest")
    assert rest.seconds == pytest.approx(0.0, abs=1e-12)


def test_where_most_time_is_between_operators_that_is_said_once():
    waiting = explain(net((3,) * 6), USUAL, MEASURED, Basis(WORKS, Caches(1e6, 1e7)))
    assert sum("Python between operators" in one for one in sentences(waiting)) == 1


def test_operators_without_a_time_have_a_table_of_their_own():
    text = shown(about(expected_s={}))
    head, _, rest = text.partition("operator without a time")
    assert "odd" not in head.partition("plain sum")[0]
    assert "it has a generator" in rest


def test_of_many_operators_the_last_share_a_row():
    many = [replace(LINEAR, arguments=(*LINEAR.arguments, number)) for number in range(30)]
    capture = replace(net(), operators=tuple(many), sequence=net().sequence * 0 + [0, 1, 2, 3, 4])
    long = replace(capture, sequence=capture.sequence.repeat(6) * 6 % 29, places=capture.places.repeat(6))
    long = replace(long, gaps_ns=capture.gaps_ns[:0], leaves=())
    replays = planted(*(replay(one, 5) for one in many))
    found = explain(long, replays, MEASURED, Basis((WORKS[0],) * 30, Caches(1e6, 1e7)))
    assert len(found.groups[By.OPERATOR]) == 5
    assert "more" not in shown(found).partition("plain sum")[0]
    all_of_them = replace(long, sequence=capture.sequence.repeat(6) * 0 + range(30))
    found = explain(all_of_them, replays, MEASURED, Basis((WORKS[0],) * 30, Caches(1e6, 1e7)))
    assert "12 more" in shown(found).partition("plain sum")[0]


def test_energy_has_a_column_and_a_sentence_where_it_was_measured():
    powered = planted(replay(LINEAR, 10, energy_j=0.003), replay(ADD, 3, energy_j=0.0006))
    text = shown(about(Model(Known(40 * US), Known(0.011), active_idle_w=100), powered))
    assert "energy (mJ)" in text
    assert "energy of a call: plain sum 7.20 mJ, composed 8.60 mJ, measured 11.0 mJ, residual 2.40 mJ" in text


def test_the_ceiling_has_a_column_where_it_was_measured():
    specs = DeviceSpecs("made", {"float32": 32e6}, bandwidth=960e6)
    text = shown(about(specs=specs))
    assert "of ceiling" in text
    assert "10 % compute" in text
    assert "of ceiling" not in shown(about())


def test_backends_show_what_they_fused():
    kernels = (Kernel("fused_add_mm_0", "fused add mm", 2, 9e-6), Kernel("Copy", "Copy", 1, 1e-6))
    fused = replace(net(), kernels=kernels, setup=replace(net().setup, variant="fused"))
    sides = (compared(net(), Known(40 * US), "", None), compared(fused, Known(20 * US), "", net()))
    text = shown(about(), compared=sides)
    assert "20.0 us fastest" in text
    assert text.count("runs nothing") == 1
    assert "eager:fused runs nothing under the name of 1 of eager's calls: odd (1)" in text
    assert "eager:fused has 1 fused group: fused_add_mm_0" in text


def boxes(chart):
    return {row["about"].partition(":")[0]: row for row in chart.datasets["rows"]}


def test_the_figure_holds_modules_operators_and_what_lies_between():
    found = boxes(operators(about()))
    assert found["blocks.*"]["depth"] == 1
    assert found["linear"]["right"] == pytest.approx(50, abs=0.01)
    width = {name: round(row["right"] - row["left"], 2) for name, row in found.items()}
    assert (width["net(width=4)"], width["Python between operators"], width["residual"]) == (100, 25, 10)


def test_what_adds_up_to_more_than_was_measured_goes_beyond_the_measured_time():
    chart = operators(about(Model(Known(18 * US))))
    found = boxes(chart)
    share = about(Model(Known(18 * US))).composed_s / (18 * US)
    assert share > 1
    assert found["net(width=4)"]["right"] == pytest.approx(100 * share, abs=0.01)
    assert "beyond 100" in str(chart.to_dict())
    assert "beyond 100" not in str(operators(about()).to_dict())


def test_boxes_lie_inside_the_box_above_them():
    rows = operators(about()).datasets["rows"]
    for row in rows:
        above = [one for one in rows if one["depth"] == row["depth"] - 1]
        inside = any(one["left"] - 0.01 <= row["left"] and row["right"] <= one["right"] + 0.01 for one in above)
        assert inside or row["depth"] == 0


def test_boxes_beside_each_other_do_not_overlap():
    rows = operators(about()).datasets["rows"]
    for depth in {row["depth"] for row in rows}:
        beside = sorted((row["left"], row["right"]) for row in rows if row["depth"] == depth)
        assert all(left >= right - 0.01 for (_, right), (left, _) in pairwise(beside))


def test_the_figure_says_its_message_and_is_drawn_in_light_and_dark():
    chart = operators(about())
    assert chart.title.text == ["net(width=4): 50 % of the time is in 2 Linear modules of blocks"]
    assert to_png(chart, LIGHT)[:4] == b"\x89PNG"
    assert DARK["paper"] in to_svg(chart, DARK)


def test_a_model_without_times_has_a_figure_that_says_so():
    chart = operators(about(replays={}))
    assert chart.title.text == ["net(width=4): no operator has a time yet"]
    assert to_svg(chart).startswith("<svg")
