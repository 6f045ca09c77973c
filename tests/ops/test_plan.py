"""A plan: what is worth measuring next of the models that a store has, within a budget."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_store import Planted, linear, odd, relu, seconds, view

from stopwatt.cli import main
from stopwatt.errors import UsageError
from stopwatt.operators.formulas import work_of
from stopwatt.operators.replay import ReplayRules
from stopwatt.operators.synthesis import MADE
from stopwatt.operators.table import DeviceSpecs
from stopwatt.ops import plan
from stopwatt.ops.pace import USUAL_S, pace_of, series_s
from stopwatt.ops.queue import Order
from stopwatt.predicting.candidates import Why, identity_of
from stopwatt.store import open_store

WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384)


@pytest.fixture
def planted(tmp_path):
    return Planted(tmp_path / "s.db")


def planned(planted, *workloads, **asked):
    return plan(*workloads, threads=1, store=planted.path, **asked).plan


def keys(found):
    return [one.operator.key for one in found.planned]


def command(words, code=0):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == code


def learnt(planted, rows=8):
    """Enough of two families to learn from, by the law."""
    planted.replayed(*(make(rows, width) for make in (linear, relu) for width in WIDTHS))


def test_without_any_time_the_heaviest_captured_operators_come_first(planted):
    heavy, light = linear(8, 512), relu(8, 16)
    planted.captured("mlp", [light, heavy], [0, 1])
    found = planned(planted, count=2)
    assert not found.learnt
    assert keys(found)[0] == heavy.key
    assert found.planned[0].why is Why.CAPTURED
    assert found.measured == 0


def test_a_plan_fits_its_budget_and_ends_where_it_says(planted):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    found = planned(planted, budget_s=20.0)
    ends = [one.until_s for one in found.planned]
    assert ends == sorted(ends)
    assert found.seconds == ends[-1] <= 20.0
    assert found.seconds + 4 * found.series_s > 20.0  # no other would have fitted
    assert len(planned(planted, budget_s=60.0).planned) > len(found.planned)


def test_no_more_are_planned_than_were_asked_for(planted):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    assert len(planned(planted, count=3).planned) == 3


def test_what_has_a_time_is_not_planned_again(planted):
    operators = [linear(8, width) for width in WIDTHS]
    planted.captured("mlp", operators)
    planted.replayed(*operators[:4])
    found = planned(planted)
    known = {identity_of(work_of(one)) for one in operators[:4]}
    assert found.measured == 4
    assert not known & {identity_of(one.work) for one in found.planned}


def test_what_cannot_be_called_by_itself_is_not_planned(planted):
    planted.captured("mlp", [linear(8, 64), odd(8, 64, "takes a generator")])
    assert odd(8, 64, "takes a generator").key not in keys(planned(planted))


def test_operators_that_have_more_of_the_time_are_planned_first_once_times_are_known(planted):
    learnt(planted)
    much, little = linear(8, 300), linear(8, 20)
    planted.captured("mlp", [much, little, view(8, 20)], [0] * 20 + [1, 2])
    found = planned(planted, count=30)
    assert found.learnt
    order = keys(found)
    assert order[0] == much.key
    assert found.planned[0].time_s == pytest.approx(seconds(much) * 1.1, rel=0.3)
    if little.key in order:
        assert order.index(much.key) < order.index(little.key)


def test_models_that_are_not_named_do_not_decide(planted):
    mine, other = linear(8, 64), relu(64, 512)
    planted.captured("mlp", [mine])
    planted.captured("lstm", [other])
    assert other.key not in keys(planned(planted, "mlp"))
    assert {mine.key, other.key} <= set(keys(planned(planted)))


def test_around_an_operator_that_breaks_the_law_neighbours_are_planned(planted):
    planted.captured("mlp", [linear(8, 64), relu(8, 64)])
    learnt(planted)
    planted.replayed(linear(8, 160), ratio=8.0)
    found = planned(planted)
    assert found.candidates[Why.POOR] > 0
    poor = [one for one in found.planned if one.why is Why.POOR]
    assert poor
    assert {one.of for one in poor} == {linear(8, 160).label}
    assert all(one.error > 0.5 for one in poor)


def test_equal_stores_and_seeds_give_equal_plans(planted):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    assert keys(planned(planted, seed=3)) == keys(planned(planted, seed=3))


def test_a_device_of_another_machine_is_planned_for_from_the_captures_of_this_one(planted):
    planted.captured("mlp", [linear(8, 64)])
    with open_store(planted.path) as store:
        store.operators.save_specs(DeviceSpecs("Made-up 9000", {"float32": 1e13}, 1e12))
    found = planned(planted, device="made-up 9000")
    assert (found.hardware, found.device, found.here) == ("Made-up 9000", "cuda", False)
    assert linear(8, 64).key in keys(found)
    assert found.planned[0].gain > 0


def test_on_a_device_without_any_rows_views_do_not_come_first(planted):
    planted.captured("mlp", [view(8, 512), linear(8, 64)])
    with open_store(planted.path) as store:
        store.operators.save_specs(DeviceSpecs("Made-up 9000"))
    assert keys(planned(planted, device="made-up 9000"))[0] == linear(8, 64).key


@pytest.mark.parametrize("names", [(), ("mlp",)])
def test_without_captures_there_is_nothing_to_plan_and_the_error_says_how_to_make_some(planted, names):
    with open_store(planted.path):
        pass
    with pytest.raises(UsageError, match="captured") as found:
        planned(planted, *names)
    assert found.value.when
    assert "stopwatt ops capture" in found.value.now


def test_operators_that_belong_to_no_model_are_planned_without_any_store_and_of_every_family(tmp_path):
    found = plan(threads=1, basis=True, count=200, store=str(tmp_path / "new.db")).plan
    assert {one.why for one in found.planned} == {Why.BASIS}
    assert {one.work.family for one in found.planned} == set(MADE)
    assert found.models == ()


def test_beside_captured_models_some_of_the_budget_goes_to_what_no_model_has_called(planted):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    chosen = {one.why for one in planned(planted, count=300).planned}
    assert {Why.CAPTURED, Why.BASIS} <= chosen
    assert Why.BASIS not in {one.why for one in planned(planted, "mlp", count=300).planned}


def test_the_basis_of_a_workload_is_refused(planted):
    with pytest.raises(UsageError, match="belongs to no workload") as found:
        planned(planted, "mlp", basis=True)
    assert found.value.now


@pytest.mark.parametrize("wrong", [{"budget_s": 0.0}, {"budget_s": float("nan")}, {"count": 0}])
def test_a_budget_or_count_that_cannot_be_is_refused(planted, wrong):
    planted.captured("mlp", [linear(8, 64)])
    with pytest.raises(UsageError) as found:
        planned(planted, **wrong)
    assert found.value.now


def saved(*seconds_after):
    return [SimpleNamespace(at=f"2026-01-01T00:{s // 60:02d}:{s % 60:02d}.000+00:00") for s in seconds_after]


def test_the_pace_is_what_jobs_took_a_series_without_the_pauses_between_sessions():
    assert pace_of(saved(0, 0, 4, 4, 8, 8, 12, 12)) == pytest.approx(2.0)
    assert pace_of(saved(0, 4, 8, 12, 12 + 600)) == pytest.approx(4.0)
    assert pace_of(saved(0, 4)) is None
    assert pace_of([]) is None


def test_a_series_takes_the_pace_and_what_long_calls_take_beyond_it():
    rules = ReplayRules(least=11, seconds=0.05)
    assert series_s(1e-5, 0.5, rules) == 0.5
    assert series_s(float("nan"), 0.5, rules) == 0.5
    assert series_s(1.0, 0.5, rules) == pytest.approx(0.5 + 16 - 0.05)


def test_the_command_prints_a_table_within_100_columns_and_the_next_command(planted, tmp_path, capsys):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    out = tmp_path / "plan.yaml"
    command(["ops", "plan", "--threads", "1", "--budget", "30s", "--out", str(out), "--store", planted.path])
    shown = capsys.readouterr().out
    assert all(len(line) <= 100 for line in shown.splitlines() if str(tmp_path) not in line)
    assert "captured, not measured" in shown
    assert f"about {int(planned(planted, budget_s=30.0).seconds)} s of 30 s" in " ".join(shown.split())
    assert f"stopwatt ops measure {out} --threads 1 --store {planted.path}" in " ".join(shown.split())
    assert f"{USUAL_S * 1000:g} ms a memory mode, usual" in " ".join(shown.split())


def test_its_json_has_every_operator_with_its_reason(planted, capsys):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    command(["ops", "plan", "--threads", "1", "--count", "5", "--json", "--store", planted.path])
    document = json.loads(capsys.readouterr().out)
    assert len(document["operators"]) == 5
    first = document["operators"][0]
    assert first["why"] == "captured"
    assert first["dims"] == dict(work_of(linear(8, 384)).dims)
    assert document["candidates"]["captured"] == len(WIDTHS)
    assert document["file"] is None


@pytest.mark.parametrize("name", ["plan.yaml", "plan.json"])
def test_measuring_a_plan_takes_its_operators_in_its_order_and_its_budget(planted, tmp_path, monkeypatch, name):
    planted.captured("mlp", [linear(8, width) for width in WIDTHS])
    out, heard = tmp_path / name, {}
    command(["ops", "plan", "--threads", "1", "--budget", "30s", "--out", str(out), "--store", planted.path])

    def measure(store, operators, place, rules, budget_s, _, **how):
        heard.update(keys=[one.key for one in operators], budget_s=budget_s, order=how["order"])
        raise KeyboardInterrupt

    monkeypatch.setattr("stopwatt.ops.named.measure", measure)
    words = ["ops", "measure", str(out), "--threads", "1", "--store", planted.path]
    command(words, code=130)
    assert heard == {"keys": keys(planned(planted, budget_s=30.0)), "budget_s": 30.0, "order": Order.GIVEN}
    command([*words, "--budget", "5s"], code=130)
    assert heard["budget_s"] == 5.0
