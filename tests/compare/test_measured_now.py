"""Two setups measured in turn, and one against itself, in real processes."""

from dataclasses import replace

import pytest

import stopwatt
from stopwatt.comparing import compare_now, measure_itself
from stopwatt.errors import UsageError
from stopwatt.store import Selection, open_store
from stopwatt.sweeping.grid import Axis, Grid

pytestmark = pytest.mark.slow


@pytest.fixture
def grid(short):
    """`(pairs, **axes)`: a grid of the synthetic workload."""

    def make(pairs, **axes):
        named = {"workload": ("synthetic",), "threads": (1,)} | axes
        return Grid(tuple((Axis(name, values),) for name, values in named.items()), protocol=short(rounds=pairs))

    return make


def test_a_planted_slowdown_is_found_in_abba_blocks(grid, tmp_path):
    store = str(tmp_path / "s.db")
    found = compare_now(grid(4, duration=("300us", "30ms")), store=store, allow=True)

    (row,) = found.comparison.cells
    assert row.ratio.value > 5, "planted are 100, of which what else runs takes a part"
    assert str(row.ratio.verdict) == "slower"
    assert [found.comparison.named.a, found.comparison.named.b] == [
        "synthetic(duration=300us), eager fp32 batch 1 cpu",
        "synthetic(duration=30ms), eager fp32 batch 1 cpu",
    ]
    with open_store(store) as database:
        order = [one.cell.workload.params["duration"] for one in database.measurements(Selection())]
    assert order == ["300us", "30ms", "30ms", "300us"] * 2
    assert stopwatt.compare(found.run[:8], store=store).to_json() == found.to_json()


def test_a_setup_measured_against_itself_tells_what_the_machine_can_detect(grid, tmp_path, capsys):
    store = str(tmp_path / "s.db")
    found = measure_itself(grid(3, duration=("1ms",)), store=store, allow=True)

    assert found.calibration.pairs == 3
    assert found.calibration.spread.sd > 0
    found.table()
    assert "smallest detectable slowdown" in capsys.readouterr().out
    assert stopwatt.compare("last", store=store).to_json() == found.to_json()


def test_two_setups_are_two_and_not_one_or_three(grid):
    for durations in (("1ms",), ("1ms", "2ms", "3ms")):
        with pytest.raises(UsageError, match=f"describe {len(durations)}"):
            compare_now(grid(3, duration=durations))
    with pytest.raises(UsageError, match="describe 2"):
        measure_itself(grid(3, duration=("1ms", "2ms")))


def test_an_aa_does_not_go_on_with_an_unfinished_bench_of_the_same_rounds(grid, tmp_path):
    asked = grid(3, duration=("300us",))
    plans = [replace(asked, protocol=replace(asked.protocol, rounds=6)), asked]
    from stopwatt.sweeping.abba import plan_itself
    from stopwatt.sweeping.plan import plan_grid

    assert plan_grid(plans[0]).digest != plan_itself(plans[1]).digest
