"""Where a model's time goes, from planted times of its operators."""

from dataclasses import replace

import numpy as np
import pytest
from explained import ADD, LINEAR, ODD, US, WORKS, net, planted, replay

from stopwatt.operators.explain import Basis, Known, Model, Place, explain
from stopwatt.operators.groups import OUTSIDE, WHOLE, By, pattern
from stopwatt.operators.memory import Caches, Rule
from stopwatt.operators.replay import Mode
from stopwatt.operators.table import DeviceSpecs
from stopwatt.records import Samples, Status

BASIS = Basis(WORKS, Caches(1e6, 1e7))
USUAL = planted(replay(LINEAR, 10), replay(ADD, 3))


def about(value):
    return pytest.approx(value, rel=1e-9)


def parts_of(found):
    return {one.name: one for one in found.parts}


def named(found, by):
    return {one.name: one for one in found.groups[by]}


def test_the_four_numbers_of_a_model_on_a_cpu():
    found = explain(net(), USUAL, Model(Known(40 * US)), BASIS)
    assert found.sum_s == about(26 * US)
    assert found.composed_s == about(36 * US)
    assert found.measured.value == about(40 * US)
    assert found.residual_s == about(4 * US)


def test_parts_between_the_numbers_add_up():
    found = explain(net(), USUAL, Model(Known(40 * US)), replace(BASIS, expected_s={ODD.key: 1 * US}))
    inside = [one.seconds for one in found.parts if one.place is Place.COMPOSED]
    beyond = [one.seconds for one in found.parts if one.place is Place.RESIDUAL]
    assert sum(inside) == about(found.composed_s - found.sum_s)
    assert sum(beyond) == about(found.residual_s)
    assert parts_of(found)["operators without a time"].seconds == about(1 * US)


def test_an_operator_that_cannot_be_replayed_is_listed_with_its_count_and_its_reason():
    found = explain(net(), USUAL, Model(), BASIS)
    (missing,) = found.missing
    assert (missing.operator, missing.calls, missing.why) == (ODD.key, 1, "it has a generator")
    assert missing.expected_s is None
    part = parts_of(found)["operators without a time"]
    assert part.seconds is None
    assert part.why.startswith("operators: 1, calls: 1, of unknown size: 1")


def test_why_an_operator_has_no_time_is_told():
    failed = planted(replay(LINEAR, 0, status=Status.FAILED))
    assert [(one.label.split()[0], one.why) for one in explain(net(), failed, Model(), BASIS).missing] == [
        ("linear", "its replay ended as failed"),
        ("add.Tensor", "not measured yet"),
        ("odd", "it has a generator"),
    ]


def test_coverage_is_the_share_of_the_measured_time():
    assert explain(net(), USUAL, Model(Known(52 * US)), BASIS).coverage == about(0.5)


def test_without_a_measured_time_coverage_counts_what_is_expected_of_the_missing():
    found = explain(net(), USUAL, Model(no_latency="no time left"), replace(BASIS, expected_s={ODD.key: 16 * US}))
    assert found.coverage == about(26 / 52)
    assert found.residual_s is None
    assert found.no_latency == "no time left"
    assert "rest" not in parts_of(found)


def test_what_leaf_modules_can_see_leaves_out_functions():
    found = explain(net(), USUAL, Model(), BASIS)
    assert found.leaf_s == about(20 * US)


def test_groups_by_operator_count_calls_and_share_the_measured_time():
    found = explain(net(), USUAL, Model(Known(40 * US)), BASIS)
    linear, add, odd = found.groups[By.OPERATOR]
    assert (linear.calls, linear.operators, linear.kind) == (2, 1, "gemm")
    assert (linear.each_s, linear.all_s, linear.share) == (about(10 * US), about(20 * US), about(0.5))
    assert (add.all_s, add.share) == (about(6 * US), about(0.15))
    assert (odd.calls, odd.unknown, odd.all_s, odd.share) == (1, 1, None, None)
    assert (linear.flops, odd.flops) == (64, None)


def test_repeated_modules_are_one_group():
    found = named(explain(net(), USUAL, Model(), BASIS), By.MODULE)
    assert list(found) == ["blocks.*.linear", "blocks.*", WHOLE]
    assert (found["blocks.*.linear"].kind, found["blocks.*.linear"].calls) == ("Linear", 2)


def test_groups_by_leaf_show_what_runs_outside_of_leaf_modules():
    found = named(explain(net(), USUAL, Model(), BASIS), By.LEAF)
    assert (found["Linear"].all_s, found[OUTSIDE].all_s) == (about(20 * US), about(6 * US))
    assert found[OUTSIDE].unknown == 1


@pytest.mark.parametrize("by", list(By))
def test_every_grouping_holds_every_call_and_all_of_the_sum(by):
    found = explain(net(), USUAL, Model(), BASIS)
    assert sum(one.calls for one in found.groups[by]) == 5
    assert sum(one.all_s or 0.0 for one in found.groups[by]) == about(found.sum_s)


@pytest.mark.parametrize(
    ("path", "name"),
    [("", WHOLE), ("0", "*"), ("layer.11.fc2", "layer.*.fc2"), ("layer1.0.conv", "layer1.*.conv"), ("a.1.2", "a.*.*")],
)
def test_numbers_of_modules_become_a_star(path, name):
    assert pattern(path) == name


def test_the_mode_decides_which_replay_counts():
    both = planted(
        *(replay(LINEAR, time, mode) for mode, time in [(Mode.REUSE, 10), (Mode.STREAM, 30)]), replay(ADD, 3)
    )
    near = explain(net(), both, Model(), replace(BASIS, rule=Rule.REUSE))
    far = explain(net(), both, Model(), replace(BASIS, rule=Rule.STREAM))
    assert (near.sum_s, far.sum_s) == (about(26 * US), about(66 * US))
    assert (near.groups[By.OPERATOR][0].mode, far.groups[By.OPERATOR][0].mode) == ("reuse", "stream")


def test_the_cache_state_is_bounded_by_the_modes():
    both = planted(
        *(replay(LINEAR, time, mode) for mode, time in [(Mode.REUSE, 10), (Mode.STREAM, 30)]), replay(ADD, 3)
    )
    bound = parts_of(explain(net(), both, Model(), BASIS))["cache state"]
    assert (bound.place, bound.seconds) == (Place.BOUND, None)
    assert (bound.low, bound.high) == (pytest.approx(0, abs=1e-12), about(40 * US))


def test_memory_that_the_measured_calls_took_anew_is_a_part_of_its_own():
    taken = replace(net(), page_faults=2.0, page_fault_s=3 * US)
    own = explain(taken, USUAL, Model(), BASIS)
    counted = explain(taken, USUAL, Model(page_faults=10.0), BASIS)
    assert parts_of(own)["page faults"].seconds == about(6 * US)
    assert parts_of(counted)["page faults"].seconds == about(30 * US)
    assert counted.composed_s - own.composed_s == about(24 * US)
    assert "page faults" not in parts_of(explain(net(), USUAL, Model(), BASIS))


def test_slow_calls_of_several_operators_are_a_part_of_their_own():
    skewed = Samples(np.array([10_000.0] * 90 + [30_000.0] * 10), "ns")
    replays = planted(replay(LINEAR, 10), replay(ADD, 3))
    replays[LINEAR.key] = [replace(replays[LINEAR.key][0], samples={"call": skewed})]
    many = replace(
        net(),
        sequence=np.zeros(60, dtype=np.int64),
        places=np.zeros(60, dtype=np.int64),
        gaps_ns=np.zeros(0),
        leaves=(),
    )
    assert parts_of(explain(many, replays, Model(), BASIS))["slow calls"].seconds == pytest.approx(120 * US, rel=0.2)


def test_one_mode_alone_bounds_nothing():
    bound = parts_of(explain(net(), USUAL, Model(), BASIS))["cache state"]
    assert (bound.low, bound.high, bound.why) == (None, None, "operators were measured in one memory mode")


def test_several_replays_of_an_operator_count_with_their_median():
    several = planted(*(replay(LINEAR, time) for time in (10, 11, 90)), replay(ADD, 3))
    assert explain(net(), several, Model(), BASIS).sum_s == about(28 * US)


def test_the_sum_of_trimmed_means_stands_beside_that_of_medians():
    skewed = replay(LINEAR, 10)
    values = np.array([10_000] * 6 + [17_000])
    skewed = replace(skewed, samples={"call": Samples(values, "ns")})
    found = explain(net(), planted(skewed, replay(ADD, 3)), Model(), BASIS)
    assert found.sum_s == about(26 * US)
    assert found.trimmed_s == about(28 * US)


def test_on_a_gpu_the_host_is_composed_beside_the_device():
    fast = planted(replay(LINEAR, 1, submit_us=4), replay(ADD, 1, submit_us=4))
    found = explain(net((1, 1, 1, 1, 1, 0), device="cuda"), fast, Model(Known(30 * US)), BASIS)
    assert found.sum_s == about(4 * US)
    assert found.composed_s == about(21 * US)
    assert parts_of(found)["host gaps"].seconds == about(17 * US)


def test_gaps_that_watching_leaves_below_nothing_count_as_none():
    assert explain(net((-1, -1, -1, 4, -1, -1)), USUAL, Model(), BASIS).composed_s == about(30 * US)


def test_a_capture_without_gaps_says_so():
    bare = replace(net(), gaps_ns=np.array([]))
    part = parts_of(explain(bare, USUAL, Model(), BASIS))["host gaps"]
    assert (part.seconds, part.why) == (None, "the capture holds no gaps")


def test_operators_stand_below_the_ceiling_that_bounds_them():
    specs = DeviceSpecs("made", {"float32": 32e6}, bandwidth=960e6)  # linear: 1 us and 0.1 us; add: 0.125 and 0.05 us
    found = named(explain(net(), USUAL, Model(), replace(BASIS, specs=specs)), By.FAMILY)
    assert (found["gemm"].roofline_s, found["gemm"].bound) == (about(2 * US), "compute")
    half = replace(specs, flops={"float16": 1.0})
    found = named(explain(net(), USUAL, Model(), replace(BASIS, specs=half)), By.FAMILY)
    assert (found["gemm"].roofline_s, found["gemm"].bound) == (about(0.2 * US), "memory")


def test_energy_that_nobody_measured_is_missing_with_the_reason():
    energy = explain(net(), USUAL, Model(no_energy="no RAPL: virtual machine"), BASIS).energy
    assert (energy.sum_j, energy.composed_j, energy.measured_j, energy.residual_j) == (None,) * 4
    assert energy.why == "no RAPL: virtual machine"


def test_energy_counts_the_idle_power_once_for_the_whole_time():
    powered = planted(replay(LINEAR, 10, energy_j=0.003), replay(ADD, 3, energy_j=0.0006))  # 300 W and 200 W
    model = Model(Known(40 * US), Known(0.011), active_idle_w=100)
    energy = explain(net(), powered, model, BASIS).energy
    assert energy.sum_j == about(0.0072)
    assert energy.composed_j == about(100 * 40 * US + 200 * 20 * US + 100 * 6 * US)
    assert energy.residual_j == about(0.011 - 0.0086)
    assert energy.why == "1 of 5 calls without a measured energy"
    assert named(explain(net(), powered, model, BASIS), By.FAMILY)["gemm"].energy_j == about(0.006)


def test_a_model_of_which_no_operator_was_measured_yet_has_a_sum_of_nothing():
    found = explain(net(), {}, Model(Known(40 * US)), BASIS)
    assert (found.sum_s, found.coverage) == (0, 0)
    assert len(found.missing) == 3
