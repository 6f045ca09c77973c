"""What goes into the store comes out of it, from SQLite and from PostgreSQL alike."""

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import func, select
from store_examples import HOSTILE_NAMES, cell, measurement

from stopwatt.errors import StoreError, UsageError
from stopwatt.records import Measurement, Samples, Status
from stopwatt.store import Access, RunStatus, Selection, open_store
from stopwatt.store.tables import cells, environments, rounds, samples


def begin(store, plan="plan", tag=""):
    return store.begin_run("stopwatt bench lstm", plan, tag, "0.1.0")


def test_a_measurement_comes_back_exactly(store):
    run = begin(store)
    saved = measurement(status=Status.FAILED)
    store.save(run, saved)
    assert store.measurement(saved.id) == saved
    assert list(store.measurements()) == [saved]


def test_a_saved_round_is_there_for_the_next_process(where):
    saved = measurement()
    with open_store(where) as first:
        first.save(begin(first), saved)
    with open_store(where, access=Access.READ) as second:
        assert list(second.measurements()) == [saved]


def test_a_measurement_that_holds_nothing_comes_back_exactly(store):
    bare = Measurement(cell(), 0, Status.NO_RESULT)
    store.save(begin(store), bare)
    assert store.measurement(bare.id) == bare


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_comes_back_exactly_and_can_be_selected(store, name):
    run = begin(store, tag=name)
    saved = measurement(name)
    store.save(run, saved)
    store.save(run, measurement("another", seed=1))
    assert list(store.measurements(Selection(workload=name))) == [saved]


def test_saving_a_round_twice_changes_nothing(store):
    run = begin(store)
    store.save(run, measurement())
    store.save(run, measurement())
    assert store.run(run.id).rounds == 1


def test_cells_that_differ_in_rounds_and_timeout_only_share_a_key_and_come_back_exactly(store):
    run = begin(store)
    few, many = measurement(of=cell(rounds=3)), measurement(of=cell(rounds=10), number=1)
    store.save(run, few)
    store.save(run, many)
    assert few.cell.key == many.cell.key
    assert list(store.measurements()) == [few, many]


def test_a_round_of_a_run_that_is_not_there_is_refused(store):
    run = begin(store)
    with pytest.raises(StoreError):
        store.save(replace(run, id="0" * 32), measurement())
    assert list(store.measurements()) == []


SELECTIONS = {
    "workload": Selection(workload="gpt2"),
    "backend": Selection(backend="openvino"),
    "batch": Selection(batch=8),
    "status": Selection(status=Status.FAILED),
    "tag": Selection(tag="night"),
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_a_selection_gives_what_fits_and_nothing_else(store, selection):
    wanted = measurement(of=cell("gpt2", backend="openvino", batch=8), status=Status.FAILED, seed=7)
    store.save(begin(store), measurement())
    store.save(begin(store, tag="night"), wanted)
    assert list(store.measurements(selection)) == [wanted]
    assert [entry.id for entry in store.entries(selection)] == [wanted.id]


def test_run_and_cell_are_selected_by_the_beginning_of_their_ids(store):
    first, second = begin(store), begin(store)
    saved = measurement(seed=1)
    store.save(first, measurement("another"))
    store.save(second, saved)
    assert list(store.measurements(Selection(run=second.id[:10]))) == [saved]
    assert list(store.measurements(Selection(cell=saved.cell.key[:10]))) == [saved]


def test_percent_and_underscore_in_a_beginning_are_no_wildcards(store):
    store.save(begin(store), measurement())
    assert list(store.measurements(Selection(run="%"))) == []
    assert list(store.measurements(Selection(cell="_"))) == []


def test_a_limit_gives_the_latest_in_the_order_in_which_they_were_saved(store):
    run = begin(store)
    saved = [measurement(number=number) for number in range(5)]
    for one in saved:
        store.save(run, one)
    assert list(store.measurements(Selection(limit=2))) == saved[-2:]


@pytest.mark.parametrize("selection", [Selection(limit=-1), Selection(limit=0), Selection(batch=10**30)])
def test_a_number_that_no_round_can_have_is_a_usage_error(store, selection):
    with pytest.raises(UsageError, match="out of range"):
        store.entries(selection)


def test_more_measurements_than_are_read_at_a_time_come_in_order(store):
    run = begin(store)
    for number in range(120):
        store.save(run, measurement(number=number, trials=1))
    assert [one.round for one in store.measurements()] == list(range(120))


def test_an_entry_says_what_it_was_and_how_it_ended(store):
    run = begin(store, tag="night")
    store.save(run, measurement(status=Status.CRASHED, number=2))
    (entry,) = store.entries()
    assert (entry.run, entry.tag, entry.round, entry.status, entry.reason) == (
        run.id,
        "night",
        2,
        "crashed",
        "it broke",
    )
    assert entry.workload == "lstm"
    assert entry.params == {"hidden": 200, "dropout": 0.0, "bias": True, "mode": "1"}
    assert (entry.backend, entry.precision, entry.trials) == ("eager:max-autotune", "bf16", 5)


def test_calls_of_the_warm_up_are_no_trials(store):
    warm = Samples(np.ones(1000, np.int64), "ns")
    good, early = measurement(), measurement(number=1)
    run = begin(store)
    store.save(run, replace(good, samples={**good.samples, "warmup_latency": warm}))
    store.save(run, replace(early, samples={"warmup_latency": warm}))
    assert [entry.trials for entry in store.entries()] == [5, 0]


def test_the_beginning_of_an_id_finds_it_unless_it_is_ambiguous(store):
    run = begin(store)
    store.save(run, replace(measurement(), id="ab" + "0" * 30))
    store.save(run, replace(measurement(), id="ac" + "0" * 30))
    assert store.measurement("AB").id.startswith("ab")
    with pytest.raises(UsageError, match="several ids"):
        store.measurement("a")
    with pytest.raises(UsageError, match="no measurement 'dd'"):
        store.measurement("dd")


def test_an_unfinished_run_is_found_by_its_plan_once_its_process_has_gone(store, monkeypatch):
    monkeypatch.setattr("stopwatt.store.database.this_process", lambda: "")
    run = begin(store, plan="p1")
    begin(store, plan="p2")
    store.save(run, measurement())
    found = store.find_unfinished("p1")
    assert (found.id, found.rounds) == (run.id, 1)
    assert store.find_unfinished("p3") is None


def test_a_run_on_which_another_process_works_is_left_alone(store, monkeypatch):
    monkeypatch.setattr("stopwatt.store.database.this_process", lambda: "another")
    monkeypatch.setattr("stopwatt.store.database.is_alive", lambda owner: owner == "another")
    run = begin(store)
    monkeypatch.setattr("stopwatt.store.database.this_process", lambda: "this one")
    assert store.find_unfinished("plan") is None
    with pytest.raises(StoreError, match="another process"):
        store.continue_run(run)


def test_a_run_that_failed_in_this_process_can_be_continued_in_it(store):
    run = begin(store)
    assert store.continue_run(store.find_unfinished("plan")).id == run.id


@pytest.mark.parametrize(
    ("status", "goes_on"),
    [(RunStatus.INTERRUPTED, True), (RunStatus.COMPLETE, False), (RunStatus.PARTLY_FAILED, False)],
)
def test_an_interrupted_run_goes_on_and_a_finished_one_does_not(store, status, goes_on):
    run = begin(store)
    store.finish_run(run, status)
    assert (store.find_unfinished("plan") is not None) is goes_on
    assert (store.run(run.id).status, store.run(run.id).finished_at is not None) == (status, True)


def test_the_latest_finished_run_of_a_plan_is_found(store):
    begin(store, plan="p1")
    assert store.find_finished("p1") is None
    runs = [begin(store, plan="p1") for _ in range(3)]
    for run, status in zip(runs, (RunStatus.COMPLETE, RunStatus.PARTLY_FAILED, RunStatus.INTERRUPTED), strict=True):
        store.finish_run(run, status)
    assert store.find_finished("p1").id == runs[1].id
    assert store.find_finished("p2") is None


def test_a_later_finished_run_of_the_plan_hides_an_older_unfinished_one(store):
    begin(store)
    store.finish_run(begin(store), RunStatus.COMPLETE)
    assert store.find_unfinished("plan") is None


def test_a_continued_run_is_open_again(store):
    run = begin(store)
    store.finish_run(run, RunStatus.INTERRUPTED)
    again = store.continue_run(run)
    assert (again.status, again.finished_at) == (RunStatus.OPEN, None)


def test_a_continued_run_keeps_what_was_asked_for_last(store):
    run = store.begin_run("stopwatt sweep mlp --deadline 1ms", "plan", "", "0.1.0", {"deadlines": [1e-3]})
    assert store.continue_run(run).request == {"deadlines": [1e-3]}
    again = store.continue_run(run, "stopwatt sweep mlp --deadline 2ms", {"deadlines": [2e-3]})
    assert (again.command, again.request) == ("stopwatt sweep mlp --deadline 2ms", {"deadlines": [2e-3]})
    assert store.run(run.id) == again


def test_rounds_done_are_all_but_the_interrupted_ones_of_this_run(store):
    run, other = begin(store), begin(store)
    done, failed = measurement(number=0), measurement(number=1, status=Status.FAILED)
    for one in (done, failed, measurement(number=2, status=Status.INTERRUPTED)):
        store.save(run, one)
    store.save(other, measurement(number=3))
    assert store.rounds_done(run) == {(done.cell.key, 0): Status.OK, (done.cell.key, 1): Status.FAILED}


def test_equal_environments_and_cells_are_kept_once(store):
    run = begin(store)
    for number in range(3):
        store.save(run, measurement(number=number))
    with store._engine.begin() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table)) for table in (cells, environments)]
    assert counts == [1, 1]


@pytest.mark.parametrize(
    ("column", "value"), [("data", b"\x00\x01 not zlib"), ("crc32", 1), ("n", 4), ("dtype", "object")]
)
def test_a_damaged_array_is_named_and_the_rest_stays_readable(store, column, value):
    run = begin(store)
    damaged, sound = measurement(), measurement(number=1)
    store.save(run, damaged)
    store.save(run, sound)
    which = (samples.c.measurement == damaged.id) & (samples.c.metric == "latency")
    with store._engine.begin() as connection:
        connection.execute(samples.update().where(which).values({column: value}))
    first, second = store.measurements()
    assert second == sound
    assert set(first.samples) == {"throughput"}
    assert damaged.id in first.notes[-1].text
    assert first.notes[-1].kind == "damaged-samples"


def test_a_damaged_document_is_an_error_that_names_the_measurement_and_the_others_can_be_read(store):
    run = begin(store)
    damaged, sound = measurement(), measurement("gpt2", number=1)
    store.save(run, damaged)
    store.save(run, sound)
    with store._engine.begin() as connection:
        connection.execute(rounds.update().where(rounds.c.id == damaged.id).values(document='{"round": "x'))
    with pytest.raises(StoreError, match=damaged.id):
        list(store.measurements())
    assert list(store.measurements(Selection(workload="gpt2"))) == [sound]
    assert len(store.entries()) == 2
