"""From a request to a prediction: what is looked up, what is predicted, and what is said where nothing is known."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted_store import OWN_MODES, Oracle, Planted, around, cell_of, linear, odd, relu, seconds, view

import stopwatt
from stopwatt.cli import main
from stopwatt.errors import StopwattError, UsageError
from stopwatt.operators.replay import Place, Replay
from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops import forecasting
from stopwatt.ops.forecasting import Improve
from stopwatt.ops.learning import material_of
from stopwatt.ops.predicting import predict, run_predict
from stopwatt.ops.target import target_of
from stopwatt.predicting.columns import Source
from stopwatt.predicting.predictor import Predictor
from stopwatt.records import Status
from stopwatt.store import open_store
from stopwatt.sweeping.plan import Request

US = 1e-6
WIDTHS = (16, 32, 48, 64, 80, 96, 112, 128, 160, 192)


@pytest.fixture
def planted(tmp_path):
    return Planted(tmp_path / "s.db")


def learnt(planted, batch=8):
    """Enough rows of two families to learn from."""
    planted.replayed(*(make(batch, width) for make in (linear, relu) for width in WIDTHS))


@pytest.fixture
def quick_fits(monkeypatch):
    """Predictors that need not be learnt: they know the law."""
    monkeypatch.setattr("stopwatt.ops.learning.Material.predictor", lambda *_: Oracle())


def one(planted, source="mlp", **asked):
    (found,) = predict(source, threads=1, store=planted.path, **asked)
    return found


def test_a_model_of_measured_operators_is_their_sum_and_the_gaps(planted):
    planted.model("mlp", 64, measured=False)
    found = one(planted)
    lin, act, flat = (make(1, 64) for make in (linear, relu, view))
    assert found.composed.composition.sum_s == pytest.approx(
        2 * seconds(lin) + 2 * seconds(act) + seconds(flat), rel=0.01
    )
    assert found.composed.composition.gaps_s == pytest.approx(6 * US)
    assert found.composed.shares.measured == 1
    assert found.interval.low_s <= found.interval.time_s <= found.interval.high_s
    assert found.host.startswith("with the host's time")


def test_what_was_not_measured_is_predicted_from_what_was(planted):
    learnt(planted)
    operators = (linear(8, 72), relu(8, 72))
    planted.captured("mlp", operators, [0, 1, 0, 1])
    found = one(planted)
    assert {row.source for row in found.rows} == {Source.PREDICTED}
    law = 2 * sum(map(seconds, operators))
    assert found.composed.composition.sum_s == pytest.approx(law, rel=0.25)
    assert found.interval.low_s < found.interval.time_s < found.interval.high_s
    assert found.composed.shares.predicted == 1


def test_operators_unlike_those_that_were_learnt_from_are_flagged_with_why(planted):
    learnt(planted)
    planted.captured("mlp", (linear(8, 2048), odd(8, 64), relu(8, 64)), [0, 1, 2])
    found = one(planted)
    reasons = {row.label.split()[0]: row.why for row in found.flagged}
    assert reasons["linear"].startswith("larger than measured")
    assert reasons["odd"] == "no formula for its work"
    assert found.composed.shares.outside > 0.5


def test_measuring_next_what_has_most_of_the_variance(planted, quick_fits):
    learnt(planted)
    planted.captured("mlp", (linear(8, 72), relu(8, 72), odd(8, 72, obstacle="it has a generator")), [0, 0, 0, 1, 2])
    found = one(planted)
    assert [row.label.split()[0] for row in found.next_ones] == ["linear", "relu"]
    assert found.next_ones[0].variance > found.next_ones[1].variance


def test_the_model_itself_is_a_check_and_never_mixed_in(planted):
    planted.model("mlp", 64, measured=False)
    before = one(planted)
    planted.measured("mlp", 10 * before.interval.time_s)
    after = one(planted)
    assert before.measured is None
    assert after.measured.value == pytest.approx(10 * before.interval.time_s, rel=0.01)
    assert after.interval.time_s == before.interval.time_s


def test_eight_models_of_four_families_calibrate_the_interval_and_it_is_kept(planted, quick_fits, monkeypatch):
    planted.world(batches=(1, 2, 4))
    learnt(planted, batch=4)
    planted.model("vit", 80, batch=4, measured=False)
    found = one(planted, "vit", batch=4)
    assert found.interval.method == "calibrated on 12 models of 4 families"
    assert found.interval.calibrated
    with open_store(planted.path) as store:
        assert [kept.name.startswith("models of ") for kept in store.operators.predictors()] == [True]
    monkeypatch.setattr("stopwatt.ops.calibrating.cases_of", None)
    assert one(planted, "vit", batch=4).interval == found.interval


def test_a_new_latency_makes_the_calibration_again(planted, quick_fits):
    planted.world(batches=(1, 2, 4))
    learnt(planted, batch=4)
    planted.model("vit", 80, batch=4, measured=False)
    one(planted, "vit", batch=4)
    planted.measured("vit", 1e-3, batch=4)
    assert one(planted, "vit", batch=4).interval.method == "calibrated on 13 models of 5 families"


def test_a_few_more_operators_do_not_make_the_calibration_again_but_many_do(planted, quick_fits, monkeypatch):
    planted.world(batches=(1, 2, 4))
    planted.model("vit", 80, batch=4, measured=False)
    one(planted, "vit", batch=4)
    made = []
    monkeypatch.setattr("stopwatt.ops.calibrating.cases_of", lambda *_: made.append(True) or ())
    planted.replayed(linear(4, 8))
    one(planted, "vit", batch=4)
    assert made == []
    learnt(planted)
    one(planted, "vit", batch=4)
    assert made == [True]


def test_a_family_whose_rows_are_the_same_is_fitted_once(planted, monkeypatch):
    learnt(planted)
    fitted = []

    def fit(tables, _):
        fitted.append(next(iter(tables)))
        return Predictor(dict.fromkeys(tables))

    monkeypatch.setattr("stopwatt.ops.learning.fit", fit)
    with open_store(planted.path) as store:
        material = material_of(store, target_of(store, "cpu", 1), {})
    material.predictor()
    material.predictor({linear(8, 16).key})
    assert sorted(fitted) == [Family.ELEMENTWISE, Family.GEMM, Family.GEMM]


def test_too_few_models_are_said(planted):
    planted.world(batches=(1,))
    assert one(planted).interval.method.startswith("not calibrated: 4 models of 4 families measured, 8 of 3")


def test_several_batches_are_several_predictions_with_throughput(planted):
    for batch in (1, 4):
        planted.model("mlp", 64, batch=batch, measured=False)
    few, many = predict("mlp", batch=[1, 4], threads=1, store=planted.path)
    assert few.throughput[0] == pytest.approx(1 / few.interval.time_s)
    assert many.throughput[0] == pytest.approx(4 / many.interval.time_s)
    assert many.throughput[1] <= many.throughput[0] <= many.throughput[2]


def test_an_empty_database_names_the_commands(planted):
    planted.captured("mlp", (linear(1, 64),))
    with pytest.raises(UsageError) as failure:
        one(planted)
    assert "nothing is known of operators on" in failure.value.what
    assert "stopwatt ops measure --device cpu" in failure.value.now
    assert "stopwatt ops fit" in failure.value.now


def test_a_database_of_another_device_only_says_which(planted):
    planted.captured("mlp", (linear(1, 64),))
    elsewhere = Place("cuda", "NVIDIA H200", "m", 1)
    planted.replayed(*(linear(1, width) for width in WIDTHS), place=elsewhere)
    with pytest.raises(UsageError, match="the database has rows of NVIDIA H200"):
        one(planted)


def test_an_unknown_device_lists_what_there_is(planted):
    planted.replayed(linear(1, 64), place=Place("cuda", "NVIDIA H200", "m", 1))
    with pytest.raises(UsageError) as failure:
        one(planted, device="abacus")
    assert "abacus" in failure.value.what
    assert "NVIDIA H200" in failure.value.now


def test_another_machines_device_has_its_rows_and_no_host_time(planted):
    planted.captured("mlp", (linear(1, 64), relu(1, 64)), [0, 1], gaps_us=5.0)
    planted.replayed(linear(1, 64), relu(1, 64), place=Place("cuda", "NVIDIA H200", "m", 1), ratio=0.1)
    found = one(planted, device="nvidia h200")
    assert found.hardware == "NVIDIA H200"
    assert found.host.startswith("without host time: device time only")
    assert found.composed.composition.gaps_s == 0
    stream = 1.2
    assert found.composed.time_s == pytest.approx(
        0.1 * stream * (seconds(linear(1, 64)) + seconds(relu(1, 64))), rel=0.02
    )
    assert not found.interval.calibrated


def imported(device, rows, **about):
    """A table of matrix products as others publish them."""
    m = np.geomspace(1, 512, rows)
    dims = {"m": m, "n": np.full(rows, 64.0), "k": np.full(rows, 64.0), "batch": np.ones(rows)}
    flops, read, write = 2 * m * 64 * 64, 4 * (m * 64 + 64 * 64), 4 * m * 64
    texts = {"kind": "linear", "dtype": "float32", "device": device, "source": "others", "mode": "", "group": ""}
    columns = {name: np.array([text] * rows, dtype=np.str_) for name, text in texts.items()}
    numbers = {"flops": flops, "read_bytes": read, "write_bytes": write, "weight_bytes": np.full(rows, 4.0 * 64 * 64)}
    time_s = 2e-6 + flops / 1e13 + (read + write) / 1e12
    power = np.full(rows, about.get("power_w", np.nan))
    names = DIMENSIONS[Family.GEMM]
    return Table(
        Family.GEMM, {name: dims[name] for name in names}, **columns, **numbers,
        time_s=time_s, power_w=power, limit_w=np.full(rows, 700.0),
    )  # fmt: skip


def test_imported_tables_of_a_device_are_enough_to_predict_and_give_energy(planted):
    planted.captured("mlp", (linear(32, 64), view(32, 64)), [0, 1])
    with open_store(planted.path) as store:
        store.operators.save_table(imported("h200_sxm", 60, power_w=350.0))
        store.operators.save_specs(DeviceSpecs("h200_sxm", {"float32": 1e13}, 1e12, 132, 5e7, 700.0))
    found = one(planted, device="h200_sxm")
    assert found.rows[0].source is Source.PREDICTED
    assert "memory mode" not in found.rows[0].why
    assert found.rows[1].each_s == 0  # a view runs nothing on a GPU
    assert found.energy.value == pytest.approx(350 * found.interval.time_s, rel=0.1)


def test_improving_measures_the_operators_that_matter_until_the_interval_is_small(planted, quick_fits, monkeypatch):
    learnt(planted)
    operators = (linear(8, 72), relu(8, 72))
    planted.captured("mlp", operators, [0, 1])
    asked = []

    def measure(_store, chosen, *_rest, **_how):
        asked.append([row.label.split()[0] for row in chosen])
        planted.replayed(*chosen)

    monkeypatch.setattr(forecasting, "measure", measure)
    found = one(planted, improve=True, within=1e-6)
    assert asked[0][0] == "linear"
    assert found.composed.shares.measured == 1
    assert len(found.turns) == len(asked) + 1
    before, after = (found.turns[0], found.turns[-1])
    assert after.high_s - after.low_s < before.high_s - before.low_s


def test_improving_ends_when_the_interval_is_small_enough(planted, quick_fits, monkeypatch):
    learnt(planted)
    planted.captured("mlp", (linear(8, 72), relu(8, 72)), [0, 1])
    monkeypatch.setattr(forecasting, "measure", None)
    assert len(one(planted, improve=True, within=1e6).turns) == 1
    assert len(one(planted, improve=True, within=1e-6, budget_s=0.0).turns) == 1


def test_an_operator_that_cannot_be_measured_is_tried_once(planted, quick_fits, monkeypatch):
    learnt(planted)
    planted.captured("mlp", (linear(8, 72),))
    turns = []

    def fail(store, chosen, place, *rest, **how):
        turns.append(chosen)
        replays = [Replay(op.key, mode, Status.FAILED) for op in chosen for mode in OWN_MODES]
        store.operators.save_replays(place, {op.key: op for op in chosen}, replays)

    monkeypatch.setattr(forecasting, "measure", fail)
    one(planted, improve=True, within=1e-6)
    assert len(turns) == 1


def test_what_is_not_in_this_machine_cannot_be_improved(planted):
    planted.replayed(linear(1, 64), place=Place("cuda", "NVIDIA H200", "m", 1))
    with pytest.raises(UsageError, match="not in this machine"):
        one(planted, device="NVIDIA H200", improve=True)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"backend": "compile"}, "only eager is predicted"),
        ({"within": 0.0}, "--within"),
        ({"budget_s": -1.0}, "budget"),
        ({"device": "cuda:x"}, "unknown device"),
        ({"batch": 0}, "batch"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(planted, asked, message):
    with pytest.raises(StopwattError, match=message):
        one(planted, **asked)


def test_two_models_at_once_are_refused(planted):
    with pytest.raises(UsageError, match="one model"):
        run_predict(Request(("mlp", "lstm"), backends=("eager",), baseline=False), Improve(), store=planted.path)


def test_a_model_whose_forward_fails_says_so(tmp_path, planted):
    learnt(planted)
    source = tmp_path / "bad.py"
    source.write_text(
        "import torch\n\n\nclass Bad(torch.nn.Module):\n"
        "    def forward(self, x):\n        raise ValueError('no such way')\n"
        "\n\ndef bad():\n    return Bad(), torch.ones(1, 4)\n"
    )
    with pytest.raises(StopwattError, match="no such way"):
        one(planted, f"{source}:bad")


def test_a_predictor_that_cannot_be_read_says_to_fit_again(planted):
    learnt(planted)
    planted.captured("mlp", (linear(8, 72),))
    with open_store(planted.path) as store:
        store.operators.save_predictor("operators", b"of another version", {})
    with pytest.raises(StopwattError) as failure:
        one(planted)
    assert "stopwatt ops fit" in failure.value.now


def test_many_operators_are_no_trouble(planted, quick_fits):
    learnt(planted)
    operators = (linear(8, 64), relu(8, 64))
    planted.captured("mlp", operators, [0, 1] * 50_000)
    found = one(planted)
    assert found.composed.calls.tolist() == [50_000, 50_000]
    assert found.composed.time_s == pytest.approx(50_000 * sum(map(seconds, operators)), rel=0.3)


def test_the_table_fits_a_hundred_columns_and_names_what_matters(planted, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    learnt(planted)
    planted.captured("mlp", (linear(8, 2048), odd(8, 64), *(relu(8, width) for width in WIDTHS)))
    with pytest.raises(SystemExit) as ended:
        main(["predict", "mlp", "--threads", "1", "--store", planted.path])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert max(map(len, shown.splitlines())) <= 100
    assert "[90 %]" in shown
    assert "not calibrated" in shown
    assert "energy: unavailable (no operator's power is known there)" in shown
    assert "larger than measured" in shown
    assert "measure these next" in shown


def test_json_has_the_documented_keys(planted, capsys):
    planted.model("mlp", 64)
    with pytest.raises(SystemExit):
        main(["predict", "mlp", "--threads", "1", "--store", planted.path, "--json"])
    (found,) = json.loads(capsys.readouterr().out)["predictions"]
    assert found["energy"]["value"] is None
    assert found["energy"]["why"]
    assert found["time"]["low"] <= found["time"]["value"] <= found["time"]["high"]
    assert found["shares"] == {"measured": 1.0, "predicted": 0.0, "outside": 0.0}
    assert found["measured"]["value"] > 0
    assert {row["source"] for row in found["operators"]} == {"measured"}


def test_the_library_has_the_verb(planted, capsys):
    planted.model("mlp", 64)
    result = stopwatt.predict("mlp", threads=1, store=planted.path)
    result.table()
    assert "mlp" in capsys.readouterr().out
    assert json.loads(result.to_json())["schema"] == "1"


def test_replays_of_other_threads_are_not_the_places_own(planted):
    planted.model("mlp", 64, replays=False, measured=False)
    operators = (linear(1, 64), relu(1, 64), view(1, 64))
    planted.replayed(*operators, place=replace(planted.place, threads=2), ratio=100.0)
    with pytest.raises(UsageError, match="too few operators were measured"):
        one(planted)


def test_cells_of_the_planted_store_are_those_that_are_planned():
    assert cell_of("mlp", 2).setup.batch == 2
    assert around(1e-3).values.mean() == pytest.approx(1e6)
