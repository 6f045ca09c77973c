"""The side-by-side with peers: what it reads from each tool, and what it makes of it."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from peers_env import environment, features, page
from peers_env.answers import Answer, paths, read_onnxruntime, read_optimum, read_stopwatt, read_torch
from peers_env.rounds import Outcome, run_all, turns
from peers_env.subjects import SUBJECTS, TORCH, Place, Subject

TRUTH = next(one for one in SUBJECTS if one.name == TORCH)
AGAIN = next(one for one in SUBJECTS if one.name == f"{TORCH}, again")
OPTIMUM = next(one for one in SUBJECTS if one.name == "optimum-benchmark: process launcher")


def outcome(subject, number, median_s=None, why=""):
    return Outcome(subject, number, "command", 2.0, None if median_s is None else Answer(median_s), why)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, tmp_path / "python", tmp_path / "peers/bin/python", tmp_path, threads=2, seconds=1)


def scripted(code, *, name="scripted", in_peers=False):
    def read(text, folder):
        return Answer(float(text), offers=frozenset(one.name for one in folder.iterdir()))

    return Subject(name, lambda place, folder: [sys.executable, "-c", code], read, TORCH, in_peers=in_peers)


# what each tool says


def test_optimum_benchmark_is_read_from_its_report(tmp_path):
    latency = {"p50": 0.25, "stdev": 0.5, "count": 3, "values": [0.2, 0.25, 0.9]}
    (tmp_path / "benchmark_report.json").write_text(json.dumps({"forward": {"latency": latency, "memory": None}}))
    answer = read_optimum("anything that it logs", tmp_path)
    assert (answer.median_s, answer.trials) == (0.25, 3)
    assert "forward.latency.values" in answer.offers
    assert "500 ms" in answer.says


def test_onnxruntime_is_read_from_the_summary_that_it_names_last_in_milliseconds(tmp_path):
    (tmp_path / "old.txt").write_text("Latency_P50\ttest_cases\ttest_times\n99.0\t1\t1\n")
    (tmp_path / "new.txt").write_text("Latency_P50\ttest_cases\ttest_times\n4.25\t10\t100\n")
    text = "Test summary is saved to old.txt\nnoise\nTest summary is saved to new.txt\n"
    answer = read_onnxruntime(text, tmp_path)
    assert answer.median_s == pytest.approx(0.00425)
    assert answer.trials == 1000


def test_torch_is_read_from_the_last_line_after_whatever_its_imports_print(tmp_path):
    document = {"median_s": 0.004, "iqr_s": 0.001, "raw_times_s": [0.004, 0.005], "offers": ["raw_times"]}
    answer = read_torch(f"a library says hello\n{json.dumps(document)}\n", tmp_path)
    assert (answer.median_s, answer.trials, answer.offers) == (0.004, 2, {"raw_times"})
    assert "IQR 1.00 ms" in answer.says


def stopwatt_document(**latency):
    values = {"value": 0.005, "low": 0.0049, "high": 0.0051, "n": 300, "method": "t on 3 rounds", "why": None}
    return json.dumps({"rows": [{"reason": "it crashed", "metrics": {"latency": values | latency}}]})


def test_stopwatt_is_read_with_its_interval(tmp_path):
    answer = read_stopwatt(stopwatt_document(), tmp_path)
    assert answer.median_s == 0.005
    assert answer.says == "5.00 ms [4.90, 5.10], 95 %, t on 3 rounds"


def test_a_stopwatt_row_without_a_latency_is_refused_with_its_reason(tmp_path):
    with pytest.raises(ValueError, match="it crashed"):
        read_stopwatt(stopwatt_document(value=None), tmp_path)


def test_a_name_whose_value_is_null_everywhere_is_not_offered():
    document = {"rows": [{"memory": None, "latency": 1}, {"memory": None, "speed": 0}]}
    assert set(paths(document)) == {"rows.latency", "rows.speed"}


# rounds


def test_everybody_runs_once_a_round_and_some_once_in_all():
    once = replace(TRUTH, name="once", every_round=False)
    plan = list(turns([TRUTH, AGAIN, once], rounds=4, seed=0))
    assert [sum(one is subject for _, one in plan) for subject in (TRUTH, AGAIN, once)] == [4, 4, 1]
    assert [number for number, _ in plan] == sorted(number for number, _ in plan)


def test_the_order_within_a_round_is_not_always_the_same():
    plan = list(turns([TRUTH, AGAIN, OPTIMUM], rounds=8, seed=0))
    orders = {tuple(one.name for number, one in plan if number == wanted) for wanted in range(1, 9)}
    assert len(orders) > 1


def test_a_tool_that_fails_costs_its_own_row_and_says_its_own_error(place, tmp_path):
    broken = scripted("raise RuntimeError('no such launcher')", name="broken")
    silent = scripted("print('not a number')", name="silent")
    good = scripted("print(0.5)", name="good")
    found = {
        one.subject.name: one
        for one in run_all([broken, silent, good], place, environment.Environment(tmp_path), rounds=1, seed=0)
    }
    assert found["broken"].why == "exit code 1: RuntimeError: no such launcher"
    assert "could not convert" in found["silent"].why
    assert found["good"].answer.median_s == 0.5


def test_every_command_has_an_empty_folder_of_its_own(place, tmp_path):
    writer = scripted("open('left', 'w'); print(1.0)", name="writer")
    done = list(run_all([writer, writer], place, environment.Environment(tmp_path), rounds=1, seed=0))
    assert [one.answer.offers for one in done] == [{"left"}, {"left"}]
    assert list(tmp_path.iterdir()) == []


def test_without_their_environment_only_the_peers_in_it_are_missing(place, tmp_path):
    subjects = [scripted("print(1.0)", in_peers=True), scripted("print(1.0)")]
    missing = environment.Environment(tmp_path, why="ERROR: no matching distribution")
    done = {one.subject.in_peers: one for one in run_all(subjects, place, missing, rounds=1, seed=0)}
    assert "no matching distribution" in done[True].why
    assert done[False].answer is not None


def test_an_environment_that_pip_cannot_make_says_what_pip_said(tmp_path, monkeypatch):
    def refuse(step, **_):
        return subprocess.CompletedProcess(step, 1, "", "WARNING: a detail\nERROR: No matching distribution\nbye\n")

    monkeypatch.setattr(subprocess, "run", refuse)
    made = environment.ensure(tmp_path / "peers")
    assert made.why == "ERROR: No matching distribution"


def test_an_environment_that_stands_is_used_again(tmp_path, monkeypatch):
    steps = []

    def record(step, **_):
        steps.append(step)
        (tmp_path / "peers").mkdir(exist_ok=True)
        return subprocess.CompletedProcess(step, 0, "", "")

    monkeypatch.setattr(subprocess, "run", record)
    environment.ensure(tmp_path / "peers")
    first = len(steps)
    environment.ensure(tmp_path / "peers")
    assert len(steps) == first == 2


# the page


def test_the_bias_is_the_ratio_to_the_bare_loop_of_the_same_round():
    truth = {1: 0.004, 2: 0.008, 3: 0.005}
    outcomes = [outcome(TRUTH, number, value) for number, value in truth.items()]
    factors = {1: 2.0, 2: 2.1, 3: 1.9}
    outcomes += [outcome(AGAIN, number, truth[number] * factor) for number, factor in factors.items()]
    row = page.row(AGAIN, outcomes)
    assert row["bias"] == pytest.approx((2.0 * 2.1 * 1.9) ** (1 / 3))
    assert row["bias_low"] < 1.9 < row["bias"] < 2.1 < row["bias_high"]
    assert row["verdict"] == "too long"


def test_a_round_in_which_one_of_the_two_failed_is_not_compared():
    outcomes = [outcome(TRUTH, 1, 0.004), outcome(TRUTH, 2, 0.004), outcome(AGAIN, 1, 0.004)]
    outcomes.append(outcome(AGAIN, 2, why="timed out"))
    row = page.row(AGAIN, outcomes)
    assert row["bias"] == pytest.approx(1.0)
    assert (row["rounds_ok"], row["rounds_failed"], row["failed"]) == (1, 1, "timed out")
    assert "needs 3 rounds" in row["bias_why"]


def document(rows):
    claims = features.judged({}, [])
    about = {"rounds": 3, "seconds": 3, "warmup_s": 1.5, "threads": 2, "load": [0.1, 0.2], "seconds_taken": 300.0}
    return {"rows": rows, "features": claims, "peers_versions": {}, **about}


def test_a_tool_that_cannot_be_run_keeps_its_row_with_its_own_error():
    made = page.make_page("command", document([page.row(OPTIMUM, [outcome(OPTIMUM, 1, why="no | module")])]))
    _, _, table = made.tables[0]
    assert table == [[OPTIMUM.name, "-", "-", "cannot be run here", "no \\| module", "-"]]


def test_a_machine_that_is_not_quiet_is_said_in_front_of_the_table():
    steps = {1: 1.0, 2: 1.3, 3: 0.8}
    outcomes = [outcome(TRUTH, number, 0.004) for number in steps]
    outcomes += [outcome(AGAIN, number, 0.004 * step) for number, step in steps.items()]
    made = page.make_page("command", document([page.row(AGAIN, outcomes)]))
    assert any("does not agree with itself" in sentence for sentence in made.sentences)


def test_a_quiet_machine_is_not_complained_about():
    steps = {1: 1.0, 2: 1.001, 3: 0.999}
    outcomes = [outcome(TRUTH, number, 0.004) for number in steps]
    outcomes += [outcome(AGAIN, number, 0.004 * step) for number, step in steps.items()]
    made = page.make_page("command", document([page.row(AGAIN, outcomes)]))
    assert not any("does not agree with itself" in sentence for sentence in made.sentences)
    assert made.tables[0][2][0][3] == "right within 2%"


# features


def test_every_feature_has_a_claim_for_every_tool():
    judged = features.judged({}, [])
    assert len(judged) == len(features.FEATURES) * len(features.TOOLS)
    assert {one["tool"] for one in judged} == set(features.TOOLS)


def test_the_tools_of_the_features_are_those_that_are_run():
    assert set(features.TOOLS) <= {one.tool for one in SUBJECTS}


def test_a_claim_stands_only_on_what_was_seen(tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool/loop.py").write_text("warmup = 10")
    claims = {
        "shown": (features.Claim("yes", "", features.Shows("latency")), True),
        "not shown": (features.Claim("yes", "", features.Shows("memory")), False),
        "hidden": (features.Claim("no", "", features.Hides("memory")), True),
        "not hidden": (features.Claim("no", "", features.Hides("late")), False),
        "in the source": (features.Claim("no", "", features.Source("tool/loop.py", "warmup = 10")), True),
        "changed since": (features.Claim("no", "", features.Source("tool/loop.py", "warmup = 20")), False),
        "not installed": (features.Claim("no", "", features.Source("other.py", "warmup")), None),
    }
    found = {name: features.holds(claim, ["latency.values"], [tmp_path]) for name, (claim, _) in claims.items()}
    assert found == {name: expected for name, (_, expected) in claims.items()}


def test_nothing_is_confirmed_of_a_tool_that_gave_no_result():
    claim = features.Claim("no", "", features.Hides("memory"))
    assert features.holds(claim, [], []) is None


def test_what_could_not_be_confirmed_has_a_star():
    made = page.make_page("command", document([]))
    cells = [cell for line in made.tables[1][2] for cell in line[1:]]
    assert all(cell.partition(":")[0].endswith("*") for cell in cells)
