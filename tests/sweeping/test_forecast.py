"""What a plan would cost: exact where rounds are known, bounded where they are not."""

from dataclasses import replace
from pathlib import Path

import pytest

from stopwatt import running
from stopwatt.energy import REPORTED, SCREENING
from stopwatt.records import Cell, Paced, Process, Protocol, Setup, Warmup, Workload
from stopwatt.store import open_store
from stopwatt.sweeping import energycost
from stopwatt.sweeping.forecast import forecast, least_s, size_of, timed, trials_s
from stopwatt.sweeping.foresee import _brief, foresee, foresee_by_probe
from stopwatt.sweeping.grid import Axis, Grid
from stopwatt.sweeping.plan import Plan, check_protocol, plan_grid

RULES = Protocol(rounds=2, trials=100, trial_seconds=None, process=Process.SHARED)


def cell(hidden=8, batch=1, source="lstm", **rules):
    return Cell(Workload(source, {"hidden": hidden, "kind": "a"}), Setup(batch=batch), replace(RULES, **rules))


def plan(*cells):
    return Plan(tuple(cells), RULES, {})


def known(of, trial_s, rest_s=1.0, trials=100):
    found = timed(of, trials, {"round": rest_s + trials * trial_s, "trials": trials * trial_s})
    assert found is not None
    return found


def test_rounds_of_the_same_cell_tell_exactly():
    found = forecast(plan(cell()), [known(cell(), 0.01), known(cell(), 0.03)])
    assert (found.rounds, found.same, found.unknown) == (2, 2, 0)
    assert (found.low, found.likely, found.high) == pytest.approx((2 * 2.0, 2 * 3.0, 2 * 4.0))


def test_rounds_that_are_done_cost_nothing():
    found = forecast(plan(cell()), [known(cell(), 0.01)], done=[(cell().key, 0)])
    assert (found.rounds, found.likely) == (1, pytest.approx(2.0))


def test_a_cell_between_two_others_is_read_off_a_power_of_the_size():
    small, middle, large = cell(10), cell(100), cell(1000)
    found = forecast(plan(middle), [known(small, 0.001), known(large, 0.1)])
    assert found.similar == 2
    assert found.likely == pytest.approx(2 * (1.0 + 100 * 0.01))
    assert found.low == pytest.approx(2 * 1.1)
    assert found.high == pytest.approx(2 * 11.0)


def test_of_a_cell_larger_than_all_known_ones_only_the_least_is_said():
    found = forecast(plan(cell(1000)), [known(cell(10), 0.001)])
    assert (found.unknown, found.likely, found.high) == (2, None, None)
    assert found.low == pytest.approx(2 * least_s(cell(1000)))


@pytest.mark.parametrize(
    "other",
    [
        cell(source="mlp"), replace(cell(), setup=Setup(backend="onnxruntime")), replace(cell(), machine="m"),
        replace(cell(), code="c"), replace(cell(), workload=Workload("lstm", {"hidden": 8, "kind": "b"})),
    ],
)  # fmt: skip
def test_what_is_no_cell_of_the_same_kind_says_nothing(other):
    assert forecast(plan(cell()), [known(other, 0.01)]).unknown == 2


def test_other_rules_are_taken_into_account():
    longer = plan(replace(cell(), protocol=replace(RULES, trials=1000)))
    assert forecast(longer, [known(cell(), 0.01)]).likely == pytest.approx(2 * (1.0 + 10.0))
    idle = plan(replace(cell(), protocol=replace(RULES, idle_s=0.02)))
    assert forecast(idle, [known(cell(), 0.01)]).likely == pytest.approx(2 * (1.0 + 3.0))
    paced = plan(replace(cell(), protocol=replace(RULES, paced=Paced(0.001, 5000))))
    assert forecast(paced, [known(cell(), 0.01)]).likely == pytest.approx(2 * (1.0 + 1.0 + 5.0))


@pytest.mark.parametrize(
    ("trial_s", "trial_seconds", "expected"),
    [(0.01, None, 1.0), (0.01, 0.5, 0.5), (0.01, 2.0, 1.0), (0.1, 0.5, 3.0), (0.1, None, 10.0)],
)
def test_trials_end_with_their_number_or_their_time_but_some_are_always_done(trial_s, trial_seconds, expected):
    rules = replace(RULES, trials=100, trial_seconds=trial_seconds, min_trials=30)
    assert trials_s(trial_s, rules) == pytest.approx(expected)


def test_the_least_of_a_round_is_warm_up_and_windows():
    rules = Warmup(min_seconds=2.0, window_seconds=0.5, window_cap_seconds=1.0, cap_seconds=60.0)
    round_of = cell(warmup=rules, throughput_windows=5, throughput_seconds=0.1)
    assert least_s(round_of) == pytest.approx(2.0 + 2 * 0.5 + 0.5)
    capped = replace(round_of, protocol=replace(round_of.protocol, warmup=replace(rules, cap_seconds=1.0)))
    assert least_s(capped) == pytest.approx(1.5)


def test_size_is_the_product_of_what_are_numbers():
    assert size_of(Cell(Workload("x", {"a": 3, "flag": True, "none": 0, "name": "7"}), Setup(batch=4), RULES)) == 12.0


def test_a_round_without_trials_tells_nothing():
    assert timed(cell(), 0, {"round": 1.0, "trials": 0.0}) is None
    assert timed(cell(), 10, {"trials": 1.0}) is None


def asked(rules, *batches):
    source = (Axis("workload", ("synthetic",)),)
    return Grid((source, (Axis("batch", batches),), (Axis("duration", ("1ms",)),)), protocol=rules)


@pytest.mark.slow
def test_the_rounds_of_a_store_tell_of_the_same_grid_and_of_cells_between(tmp_path: Path, short):
    store = str(tmp_path / "results.db")
    rules = short(trials=100, rounds=1)
    running.run_grid(asked(rules, 1, 4), store=store, allow=True)
    with open_store(store) as database:
        found = foresee(plan_grid(asked(rules, 1, 2, 4, 8)), database)
        assert (found.forecast.same, found.forecast.similar, found.forecast.unknown) == (2, 1, 1)
        assert (found.known, found.probed, found.done) == (2, False, 0)
        assert found.forecast.low > 3 * 0.1, "a hundred trials of a millisecond"
        whole = foresee(plan_grid(asked(rules, 1, 4)), database)
    assert whole.forecast.likely is not None
    assert whole.forecast.likely > 0.2
    assert (whole.references, whole.conversions) == (0, 0)


@pytest.mark.slow
def test_a_probe_measures_the_ends_and_leaves_no_trace(tmp_path: Path, short, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan_of_three = plan_grid(asked(short(trials=1000, rounds=2), 1, 2, 4))
    found = foresee_by_probe(plan_of_three, running.Silent())
    assert (found.known, found.probed) == (2, True)
    assert (found.forecast.similar, found.forecast.unknown) == (6, 0)
    assert found.forecast.low > 6 * 1.0, "a thousand trials of a millisecond in each round"
    assert found.preparation_s is not None
    assert list(tmp_path.iterdir()) == []


def metered(of, energy_s, idle_s=0.0):
    """A round that took 2 s beside its energy."""
    phases = {"round": 2.0 + energy_s, "trials": 1.0, "energy": energy_s, "idle": idle_s}
    return timed(of, 100, {name: seconds for name, seconds in phases.items() if seconds})


@pytest.mark.parametrize(("energy_s", "idle_s", "wanted_s"), [(9.0, 1.5, 12.5), (9.0, 0.0, 11.0), (0.0, 0.0, 2.0)])
def test_energy_takes_what_it_took_before_which_is_nothing_without_a_counter(energy_s, idle_s, wanted_s):
    found = forecast(plan(cell(energy=SCREENING)), [metered(cell(energy=SCREENING), energy_s, idle_s)])
    assert found.likely == pytest.approx(2 * wanted_s)


def test_energy_that_was_not_asked_for_before_takes_what_its_rules_say():
    found = forecast(plan(cell(energy=SCREENING, process=Process.FRESH)), [known(cell(), 0.01)])
    rules = energycost.planned_s(SCREENING) + SCREENING.idle_s
    assert found.likely == pytest.approx(2 * (2.0 + rules))
    assert rules >= 1.2 + 3 * 2.0 + 2 * 1.5


def test_energy_under_other_rules_takes_what_those_say_unless_there_is_no_counter():
    longer = forecast(plan(cell(10, energy=REPORTED)), [metered(cell(10, energy=SCREENING), 9.0)])
    assert longer.likely == pytest.approx(2 * (2.0 + energycost.planned_s(REPORTED)))
    none = forecast(plan(cell(10, energy=REPORTED)), [metered(cell(10, energy=SCREENING), 0.0)])
    assert none.likely == pytest.approx(2 * 2.0)


def test_rounds_with_energy_tell_the_time_of_rounds_without():
    found = forecast(plan(cell()), [metered(cell(energy=SCREENING), 9.0, 1.5)])
    assert found.likely == pytest.approx(2 * 2.0)


def test_the_least_time_knows_the_windows_of_energy_where_a_counter_is_certain():
    on_cpu = cell(energy=SCREENING)
    on_gpu = replace(on_cpu, setup=Setup(device="cuda"))
    assert least_s(on_cpu) == least_s(cell())
    without = least_s(replace(on_gpu, protocol=RULES))
    assert least_s(on_gpu) == pytest.approx(without + energycost.planned_s(SCREENING))


def test_the_sentinel_and_its_settling_are_in_the_budget():
    without = replace(SCREENING, sentinel_s=0.0)
    assert energycost.planned_s(SCREENING) - energycost.planned_s(without) == pytest.approx(1.3)
    assert energycost.planned_s(replace(SCREENING, sentinel_s=0.1)) - energycost.planned_s(without) == pytest.approx(
        1.0
    )


def test_a_probe_measures_only_as_much_energy_as_shows_whether_there_is_a_counter():
    brief = _brief(replace(RULES, energy=REPORTED))
    check_protocol(brief)
    assert energycost.planned_s(brief.energy) < 1.0
    assert _brief(RULES).energy is None
