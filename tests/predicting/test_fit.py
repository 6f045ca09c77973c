"""`ops fit`: what is learnt from a store, said, and kept in it."""

import json
from io import StringIO

import pytest
from planted_products import SPECS, products

from stopwatt.errors import UsageError
from stopwatt.operators.work import Family
from stopwatt.ops.fitting import NAME, _level, fit_store
from stopwatt.predicting import Predictor
from stopwatt.reporting.console import console_for
from stopwatt.reporting.operators.fit import UNASKED, FitResult
from stopwatt.store import open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with open_store(str(tmp_path_factory.mktemp("fit") / "ops.db")) as results:
        results.operators.save_table(products(90, powered=True))
        results.operators.save_specs(SPECS["planted"])
        yield results


@pytest.fixture(scope="module")
def fitted(store):
    return FitResult(fit_store(store, quick=True))


def test_the_predictor_is_kept_and_predicts(store, fitted):
    content, summary = store.operators.predictor(NAME)
    assert summary["families"]["gemm"] == {"rows": 90, "devices": ["planted"], "power": True}
    forecast = Predictor.from_bytes(content).predict(Family.GEMM, products(5, seed=1))
    assert (forecast.low_s < forecast.high_s).all()
    assert fitted.found.size == len(content)


def test_every_question_is_answered_or_said_not_to_be_in_the_data(fitted):
    (family,) = json.loads(json.dumps(fitted.document(), allow_nan=False))["families"]
    assert [one["question"] for one in family["questions"]] == ["random", "unseen shape", "larger shape"]
    assert family["missing"] == ["unseen model", "unseen device"]
    assert family["noise_floor"] is None
    assert {"stopwatt", "calibrated roofline", "log interpolation", "raw random forest"} == set(
        family["questions"][0]["time"]
    )


def test_people_read_a_table_with_the_best_named(fitted):
    text = StringIO()
    fitted.print_to(console_for(text))
    shown = text.getvalue()
    assert "gemm: 90 of 90 rows" in shown
    assert "(best)" in shown
    assert "unseen device: not in the data." in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_a_family_with_too_few_rows_to_hold_some_out_has_no_empty_table(tmp_path):
    with open_store(str(tmp_path / "few.db")) as results:
        results.operators.save_table(products(12))
        found = FitResult(fit_store(results, quick=True))
    assert found.document()["families"][0]["questions"] == []
    text = StringIO()
    found.print_to(console_for(text))
    assert "question" not in text.getvalue().partition("Each question")[0].replace(UNASKED, "")
    assert UNASKED in text.getvalue()


def test_fitting_one_family_leaves_the_others_as_they_are(store, fitted):
    with pytest.raises(UsageError, match="no family of operators has"):
        fit_store(store, [Family.NORM])
    assert Predictor.from_bytes(store.operators.predictor(NAME)[0]).families == (Family.GEMM,)


def test_an_empty_store_says_where_rows_come_from(tmp_path):
    with open_store(str(tmp_path / "empty.db")) as results, pytest.raises(UsageError) as refused:
        fit_store(results)
    assert "stopwatt ops measure" in refused.value.now
    assert "stopwatt ops import" in refused.value.now


@pytest.mark.parametrize(
    ("counts", "total", "level"), [([10, 100, 1000], 300, 190), ([10, 20], 300, 20), ([500, 500], 300, 150), ([], 9, 0)]
)
def test_no_source_outweighs_the_others(counts, total, level):
    assert _level(counts, total) == level
    assert sum(min(count, level) for count in counts) <= total
