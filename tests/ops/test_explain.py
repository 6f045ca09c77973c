"""From a question about a model to its explanation: what is taken from the store, and what is measured."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "operators"))

from explained import ODD
from planted_model import ADD, LINEAR, World

from stopwatt.cli import main
from stopwatt.errors import ExitCode, UsageError
from stopwatt.operators.memory import Rule
from stopwatt.operators.replay import Mode
from stopwatt.operators.work import Family
from stopwatt.ops import explaining as verb
from stopwatt.ops import setting
from stopwatt.ops.explaining import Question, run_explain
from stopwatt.ops.summary import write_summary
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Request

US = 1e-6
ASKED = Request(("mlp",), {"hidden": 8}, threads=1)


class Watcher:
    def __init__(self):
        self.told = []

    def announce(self, text):
        self.told.append(text)


@pytest.fixture
def world(monkeypatch):
    planted = World()
    for module, name in ((setting, "run_capture"), (verb, "run_request"), (verb, "measure")):
        monkeypatch.setattr(module, name, getattr(planted, name))
    monkeypatch.setattr(verb, "LEAST_TURN", 1)
    return planted


@pytest.fixture
def where(tmp_path):
    return str(tmp_path / "results.db")


@pytest.fixture
def ask(where):
    def asking(asked=ASKED, watcher=None, **question):
        return run_explain(asked, Question(**question), store=where, watcher=watcher or Watcher())

    return asking


def test_an_empty_store_is_filled_with_what_the_explanation_needs(world, ask):
    found = ask().explanation
    assert (found.sum_s, found.composed_s) == (pytest.approx(26 * US), pytest.approx(36 * US))
    assert found.measured.value == pytest.approx(40 * US)
    assert world.done == {"captures": 1, "latencies": 1}


def test_what_the_store_has_is_not_measured_again(world, ask):
    first = ask().document()
    turns = len(world.turns)
    again = ask().document()
    assert world.done == {"captures": 1, "latencies": 1}
    assert len(world.turns) == turns
    assert again["composed_s"] == first["composed_s"]


def test_the_heaviest_operators_are_measured_first_and_no_more_than_the_target_needs(world, ask):
    watcher = Watcher()
    result = ask(target=0.4, watcher=watcher)
    assert world.turns == [[LINEAR.key]]
    assert result.turns == (0, pytest.approx(0.5))
    assert watcher.told == ["measured operators account for 50 % of the time"]


def test_turns_go_on_until_nothing_is_left_that_can_be_measured(world, ask):
    result = ask(target=1.0)
    assert sorted(key for turn in world.turns for key in turn) == sorted([LINEAR.key, ADD.key])
    assert result.explanation.coverage == pytest.approx(0.65)
    assert [one.why for one in result.explanation.missing] == ["it has a generator"]


def test_without_a_budget_no_operator_is_measured_and_all_are_listed(world, ask):
    result = ask(budget_s=0.0)
    assert world.turns == []
    assert len(result.explanation.missing) == 3


def test_a_turn_that_measures_nothing_is_the_last(world, ask):
    world.deaf = True
    assert ask().explanation.sum_s == 0
    assert len(world.turns) == 1


def test_a_fixed_mode_asks_for_that_mode_alone(world, ask, where):
    ask(rule=Rule.STREAM)
    with open_store(where) as store:
        ((place, modes, _),) = store.operators.places()
    assert set(modes) == {Mode.STREAM}
    assert place.threads == 1


def test_a_capture_of_other_code_does_not_count(world, ask, where):
    ask()
    with open_store(where) as store:
        (known,) = store.operators.captures()
        store.operators.save_capture(replace(known, code="of before"))
    ask()
    assert world.done["captures"] == 2


def test_backends_stand_beside_each_other(world, ask):
    eager, other = ask(compare=("eager", "torchscript")).compared
    assert (eager.backend, eager.calls, eager.latency_s) == ("eager", 5, pytest.approx(40 * US))
    assert (other.calls, other.fused) == (3, ("fused_linear_add_0",))
    assert [(one.kind, one.count) for one in other.ran] == [("fused linear add", 2), ("Relu", 1)]
    assert other.gone == (("odd", 1),)
    assert eager.gone == ()


def test_a_backend_that_gives_nothing_says_why_and_spoils_nothing(world, ask):
    world.refused = {"torchscript"}
    result = ask(compare=("torchscript",))
    assert result.compared[0].why == "it cannot be captured"
    assert result.explanation.sum_s == pytest.approx(26 * US)


@pytest.mark.parametrize("target", [0.0, -0.1, 1.5])
def test_a_target_that_cannot_be_is_refused(world, ask, target):
    with pytest.raises(UsageError, match="out of range"):
        ask(target=target)


def test_one_model_in_one_setup_is_explained(world, ask):
    with pytest.raises(UsageError, match="this names 2"):
        ask(asked=replace(ASKED, batches=(1, 2)))


def test_the_command_prints_tables_and_sentences(world, where, capsys):
    with pytest.raises(SystemExit) as end:
        main(["ops", "explain", "mlp", "--threads", "1", "--store", where, "--mode", "auto", "--by", "operator"])
    said = capsys.readouterr().out
    assert end.value.code == ExitCode.OK
    assert max(map(len, said.splitlines())) <= 100
    for text in ("plain sum", "host gaps", "composed", "residual", "leaf modules", "50 % most", "it has a generator"):
        assert text in said


def test_the_command_prints_json_and_draws_a_figure(world, where, tmp_path, capsys):
    figure = tmp_path / "figure.svg"
    with pytest.raises(SystemExit) as end:
        main(["ops", "explain", "mlp", "--threads", "1", "--store", where, "--json", "--plot", str(figure)])
    assert end.value.code == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert document["residual_s"] == pytest.approx(4 * US)
    assert document["energy"]["measured"] == {"value": None, "unit": "J", "why": "no counter"}
    assert "Linear" in figure.read_text()


def test_a_model_that_fails_is_explained_without_its_latency_and_ends_so(world, where, capsys):
    world.broken = True
    with pytest.raises(SystemExit) as end:
        main(["ops", "explain", "mlp", "--threads", "1", "--store", where])
    said = capsys.readouterr()
    assert end.value.code == ExitCode.PARTLY_FAILED
    assert "the model itself was not measured: it raised" in said.out
    assert "it raised" in said.err


@pytest.mark.parametrize("arguments", [["--until", "lots"], ["--mode", "hot"], ["--by", "colour"], ["--plot", "x.bmp"]])
def test_what_cannot_be_meant_is_a_usage_error(world, where, arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["ops", "explain", "mlp", "--store", where, *arguments])
    assert end.value.code == ExitCode.USAGE
    assert world.done == {}


def summary_of(where, folder):
    """The summary file of the one capture in a store."""
    with open_store(where) as store:
        (capture,) = store.operators.captures()
    return write_summary(capture, folder)


def test_a_summary_file_is_explained_as_the_workload_is(world, ask, where, tmp_path):
    first = ask().document()
    again = ask(asked=Request((str(summary_of(where, tmp_path)),))).document()
    assert {name: again[name] for name in ("sum_s", "composed_s", "measured_s", "changes")} == {
        name: first[name] for name in ("sum_s", "composed_s", "measured_s", "changes")
    }
    assert world.done == {"captures": 1, "latencies": 1}


def test_an_edited_summary_is_explained_as_edited_and_its_changes_are_said(world, ask, where, tmp_path, capsys):
    ask()
    path = summary_of(where, tmp_path)
    lines = [line for line in path.read_text().splitlines() if ODD.key not in line]
    path.write_text("\n".join(lines).replace("count: 2, name: aten.linear", "count: 5, name: aten.linear"))
    found = ask(asked=Request((str(path),)))
    assert found.explanation.sum_s == pytest.approx((5 * 10 + 2 * 3) * US)
    assert found.explanation.missing == ()
    found.table()
    said = capsys.readouterr().out
    assert "counted 5 times, captured 2 times" in said
    assert "1 of 3 operators (1 calls) are left out" in said
    assert "as it was captured" in said
    assert len(found.document()["changes"]) == 2


@pytest.mark.parametrize("more", [{"batches": (2,)}, {"threads": 1}, {"params": {"hidden": 3}}])
def test_a_summary_says_its_own_setup(world, ask, where, tmp_path, more):
    ask()
    with pytest.raises(UsageError, match="says its own"):
        ask(asked=Request((str(summary_of(where, tmp_path)),), **more))


def test_a_plan_and_a_summary_of_another_backend_are_not_explained(world, ask, where, tmp_path):
    ask(compare=("torchscript",))
    with open_store(where) as store:
        (capture,) = store.operators.captures(backend="torchscript")
    with pytest.raises(UsageError, match="a summary of torchscript") as refusal:
        ask(asked=Request((str(write_summary(capture, tmp_path)),)))
    assert "--compare eager,torchscript" in refusal.value.now
    plan = tmp_path / "plan.yaml"
    plan.write_text("plan: 1\n")
    with pytest.raises(UsageError, match="this is a plan"):
        ask(asked=Request((str(plan),)))


def test_a_summary_of_other_code_says_so(world, ask, where, tmp_path):
    ask()
    with open_store(where) as store:
        (known,) = store.operators.captures()
        store.operators.save_capture(replace(known, code="of before"))
    found = ask(asked=Request((str(summary_of(where, tmp_path)),)))
    assert any("other code" in note for note in found.notes)


class Told:
    """Says three microseconds of every operator of the families that it learnt of."""

    def __init__(self, *families):
        self.families = families

    def modes(self, _family):
        return frozenset(Mode)

    def predict(self, _family, table, _specs):
        every = np.full(len(table), 3 * US)
        names = ("time_s", "low_s", "high_s", "power_w", "power_low_w", "power_high_w")
        nothing = {"why": np.full(len(table), ""), "outside": np.zeros(len(table), bool)}
        return SimpleNamespace(**dict.fromkeys(names, every), **nothing)


def test_what_was_not_measured_is_expected_as_the_fitted_predictor_says(world, ask, monkeypatch):
    monkeypatch.setattr(verb, "learnt_at", lambda *_: Told(Family.ELEMENTWISE))
    rough = {one.operator: one.expected_s for one in ask(budget_s=0.0).explanation.missing}
    assert rough == {ADD.key: pytest.approx(2 * 3 * US), LINEAR.key: None, ODD.key: None}


def test_a_damaged_predictor_costs_rough_times_only(world, ask, where):
    with open_store(where) as store:
        store.operators.save_predictor("operators", b"damaged", {})
    watcher = Watcher()
    assert ask(watcher=watcher).explanation.sum_s == pytest.approx(26 * US)
    assert any("stopwatt ops fit" in text for text in watcher.told)
