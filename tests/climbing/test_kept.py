"""A ladder that is finished can be shown again, from the store."""

from dataclasses import replace

import pytest

import stopwatt
from stopwatt.errors import UsageError
from stopwatt.records import QUICK, Warmup
from stopwatt.store import open_store

WARM = Warmup(min_calls=3, min_seconds=0.0, window_calls=10, window_seconds=0.0, cap_seconds=0.3)
RULES = replace(QUICK, rounds=2, trials=20, trial_seconds=0.05, throughput_windows=1, warmup=WARM)


def climb(store, steps=("inference-mode",), **about):
    given = {"steps": steps, "params": {"hidden": 8}, "orders": 1, "graphs": False, "protocol": RULES}
    return stopwatt.ladder("mlp", store=str(store), allow=True, **given, **about)


def test_a_finished_ladder_is_shown_again_and_nothing_is_measured(tmp_path):
    store = tmp_path / "results.db"
    with pytest.raises(UsageError, match="no results database"):
        climb(store, kept=True)
    whole = climb(store)
    again = climb(store, kept=True)
    assert again.to_json() == whole.to_json()
    with open_store(str(store)) as database:
        assert [run.id for run in database.runs()] == [whole.run.id]
    with pytest.raises(UsageError, match="no finished run of this request"):
        climb(store, ("threads:1",), kept=True)
