"""What the operator database is given it gives back, from any process, or it says what is damaged."""

import multiprocessing
import sqlite3

import numpy as np
import pytest
from operator_examples import capture, operator, place, replay, same_table, table, with_source, write_some
from sqlalchemy import text

from stopwatt.errors import StoreError
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode
from stopwatt.operators.table import DeviceSpecs, joined
from stopwatt.operators.work import Family
from stopwatt.records import Setup, Status, Workload
from stopwatt.store import Access, open_store
from stopwatt.wire import to_document


def documents(records):
    return [to_document(record) for record in records]


def test_a_capture_comes_back_exactly(store):
    store.operators.save_capture(capture())
    (found,) = store.operators.captures()
    assert to_document(found) == to_document(capture())
    assert [one.key for one in found.operators] == [operator().key, operator(16).key]


def test_a_capture_of_equal_workload_setup_code_software_and_machine_is_replaced(store):
    for parameters in (12, 13):
        store.operators.save_capture(capture(parameters=parameters))
    with store._read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM captures")) == 1
    assert [found.parameters for found in store.operators.captures()] == [13]


def test_captures_are_the_newest_of_each_workload_and_setup_with_the_newest_first(store):
    for code in ("old", "new"):
        for source in ("mlp", "bert"):
            store.operators.save_capture(capture(source, code=code))
    found = store.operators.captures()
    assert [(one.workload.source, one.code) for one in found] == [("bert", "new"), ("mlp", "new")]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"workload": "bert"}, ["bert"]),
        ({"batch": 4}, ["vit"]),
        ({"precision": "bf16"}, []),
        ({"backend": "eager", "device": "cpu", "batch": 1}, ["bert", "mlp"]),
    ],
)
def test_captures_are_chosen_by_what_they_ran(store, wanted, found):
    for one in (capture(), capture("bert"), capture("vit", batch=4)):
        store.operators.save_capture(one)
    assert sorted(one.workload.source for one in store.operators.captures(**wanted)) == found


def test_the_capture_of_a_workload_and_setup_is_found_or_there_is_none(store):
    store.operators.save_capture(capture(code="old"))
    store.operators.save_capture(capture(code="new"))
    assert store.operators.capture_of(capture().workload, capture().setup).code == "new"
    assert store.operators.capture_of(capture().workload, Setup(batch=64)) is None
    assert store.operators.capture_of(Workload("mlp"), capture().setup) is None


def test_replays_come_back_with_their_place_and_operator_in_the_order_of_saving(store):
    one, other = operator(), operator(16)
    known = {one.key: one, other.key: other}
    sent = [replay(one.key), replay(other.key, Mode.REUSE, seed=1), replay(one.key, status=Status.UNSUPPORTED)]
    store.operators.save_replays(place(), known, sent)
    found = store.operators.replays()
    assert documents(kept.replay for kept in found) == documents(sent)
    assert [kept.operator for kept in found] == [one, other, one]
    assert [kept.place for kept in found] == [place()] * 3
    assert [kept.number for kept in found] == sorted({kept.number for kept in found})
    assert all(kept.at.endswith("+00:00") for kept in found)


def test_replays_are_chosen_by_place_hardware_and_operator(store):
    one, other = operator(), operator(16)
    known = {one.key: one, other.key: other}
    for hardware in ("Imaginary 9000", "Another"):
        store.operators.save_replays(place(hardware), known, [replay(one.key), replay(other.key)])
    assert len(store.operators.replays(place=place())) == 2
    assert len(store.operators.replays(hardware="Another", operators={one.key})) == 1
    assert store.operators.replays(hardware="Nothing") == []
    assert store.operators.replays(operators=[]) == []


def test_more_replays_than_are_read_at_a_time_come_back(store):
    many = [Operator(f"aten.made_up_{number}.default") for number in range(450)]
    sent = [replay(one.key, seed=number) for number, one in enumerate(many)]
    store.operators.save_replays(place(), {one.key: one for one in many}, sent)
    found = store.operators.replays()
    assert [kept.operator.name for kept in found] == [one.name for one in many]
    assert np.array_equal(found[449].replay.samples["call"].values, sent[449].samples["call"].values)


def test_what_was_measured_at_a_place_is_counted_whatever_became_of_it(store):
    one = operator()
    sent = [replay(one.key), replay(one.key), replay(one.key, Mode.REUSE, status=Status.CRASHED)]
    store.operators.save_replays(place(), {one.key: one}, sent)
    assert store.operators.measured(place()) == {(one.key, Mode.STREAM): 2, (one.key, Mode.REUSE): 1}
    assert store.operators.measured(place("Another")) == {}


def test_places_say_how_many_operators_have_a_time_in_each_mode(store):
    one, other = operator(), operator(16)
    sent = [replay(one.key), replay(one.key), replay(other.key, status=Status.FAILED)]
    store.operators.save_replays(place(), {one.key: one, other.key: other}, sent)
    ((where, counts, at),) = store.operators.places()
    assert (where.hardware, counts) == ("Imaginary 9000", {Mode.STREAM: (1, 2)})
    assert at == store.operators.replays()[-1].at


def test_a_replay_whose_operator_is_not_given_saves_nothing(store):
    one = operator()
    with pytest.raises(KeyError):
        store.operators.save_replays(place(), {one.key: one}, [replay(one.key), replay("unheard of")])
    assert store.operators.replays() == []


def test_a_table_comes_back_exactly_and_its_numbers_too(store):
    sent = table(500)
    assert store.operators.save_table(sent) == 500
    (found,) = store.operators.tables()
    assert same_table(found, sent)


def test_a_table_of_several_sources_and_devices_is_kept_by_each_of_them(store):
    pieces = [table(3, device=device, source=source) for source in ("a", "b") for device in ("x", "y")]
    store.operators.save_table(joined(pieces[::-1]))
    assert all(same_table(*pair) for pair in zip(store.operators.tables(), pieces, strict=True))
    assert [(one.source, one.device, one.rows, one.powered) for one in store.operators.sources()] == [
        (source, device, 3, 2) for source in ("a", "b") for device in ("x", "y")
    ]


def test_saving_a_table_again_replaces_that_source_and_device_only(store):
    store.operators.save_table(table(8))
    store.operators.save_table(with_source(table(2), "another"))
    store.operators.save_table(table(5, seed=1))
    assert [(one.source, one.rows) for one in store.operators.sources()] == [("a source", 5), ("another", 2)]
    with store._read() as connection:
        assert connection.scalar(text("SELECT count(DISTINCT costs) FROM cost_columns")) == 2


def test_tables_are_chosen_by_family_device_and_source(store):
    store.operators.save_table(table(2, device="x"))
    store.operators.save_table(with_source(table(3, device="y"), "another"))
    assert [len(one) for one in store.operators.tables(device="y")] == [3]
    assert [len(one) for one in store.operators.tables(source="a source")] == [2]
    assert store.operators.tables(family=Family.NORM) == []


def test_a_table_without_a_row_is_kept_as_nothing(store):
    assert store.operators.save_table(table(4).take(np.zeros(4, dtype=bool))) == 0
    assert store.operators.tables() == []


def test_ten_thousand_rows_of_a_grid_take_less_than_40_bytes_each(tmp_path):
    with open_store(tmp_path / "results.db") as store:
        sizes = np.array([1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512])
        grid = np.meshgrid(sizes, sizes, sizes, sizes, indexing="ij")
        dims = dict(zip(("m", "n", "k", "batch"), (axis.ravel() for axis in grid), strict=True))
        empty = {name: np.full(10_000, np.nan) for name in ("flops", "read_bytes", "write_bytes", "limit_w")}
        some = table(10_000)
        store.operators.save_table(type(some)(**{**fields(some), "dims": dims, **empty}))
        with store._read() as connection:
            assert connection.scalar(text("SELECT sum(length(data)) FROM cost_columns")) < 400_000


def fields(record):
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_specifications_are_kept_by_name_and_replaced(store):
    for bandwidth in (1e12, 4.8e12):
        store.operators.save_specs(DeviceSpecs("H200", {"bfloat16": 9.89e14}, bandwidth, source="a file"))
    assert store.operators.specs() == {"H200": DeviceSpecs("H200", {"bfloat16": 9.89e14}, 4.8e12, source="a file")}


def test_a_predictor_is_kept_by_name_and_replaced(store):
    store.operators.save_predictor("default", b"old", {})
    store.operators.save_predictor("default", b"\0new" * 1000, {"rows": 5, "families": ["gemm"]})
    assert store.operators.predictor("default") == (b"\0new" * 1000, {"rows": 5, "families": ["gemm"]})
    (info,) = store.operators.predictors()
    assert (info.name, info.size, info.summary["rows"]) == ("default", 4000, 5)
    assert store.operators.predictor("another") is None


def test_names_of_any_kind_are_kept(store):
    for name in ("=cmd()", "<b>", "emoji \N{FIRE}", "x" * 200, "it's"):
        store.operators.save_table(table(2, source=name))
    assert {one.source for one in store.operators.sources()} == {"=cmd()", "<b>", "emoji \N{FIRE}", "x" * 200, "it's"}


@pytest.fixture
def damaged(tmp_path):
    """A database of which one blob after another is spoilt; gives what opens it."""
    path = tmp_path / "results.db"
    one = operator()
    with open_store(path) as store:
        store.operators.save_capture(capture())
        store.operators.save_replays(place(), {one.key: one}, [replay(one.key)])
        store.operators.save_table(table())
        store.operators.save_predictor("default", b"content", {})

    def spoil(statement):
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()
        return open_store(path, access=Access.READ)

    return spoil


@pytest.mark.parametrize(
    ("statement", "read", "named"),
    [
        ("UPDATE captures SET crc32 = 1", lambda shelf: shelf.captures(), "mlp"),
        ("UPDATE captures SET data = x'00'", lambda shelf: shelf.captures(), "mlp"),
        ("UPDATE replays SET n = n - 1", lambda shelf: shelf.replays(), "replay 1"),
        ("UPDATE operators SET data = substr(data, 1, 20)", lambda shelf: shelf.replays(), "aten.linear.default"),
        ("UPDATE cost_columns SET crc32 = 1 WHERE name = 'dims.k'", lambda shelf: shelf.tables(), "dims.k of gemm"),
        ("UPDATE costs SET n = 5", lambda shelf: shelf.tables(), "a source"),
        ("DELETE FROM cost_columns WHERE name = 'time_s'", lambda shelf: shelf.tables(), "gemm of a source"),
        ("UPDATE cost_columns SET texts = '[' WHERE name = 'dtype'", lambda shelf: shelf.tables(), "gemm"),
        ("UPDATE predictors SET crc32 = 1", lambda shelf: shelf.predictor("default"), "default"),
    ],
)
def test_what_is_damaged_is_named_with_a_remedy(damaged, statement, read, named):
    with damaged(statement) as store, pytest.raises(StoreError) as caught:
        read(store.operators)
    assert named in caught.value.when
    assert caught.value.now


def test_a_document_of_another_make_is_refused_not_believed(store):
    from stopwatt.store.documents import packed_bytes

    store.operators.save_capture(capture())
    with store._write() as connection:
        row = packed_bytes(b'{"workload": 5}')
        connection.execute(text("UPDATE captures SET n = :n, crc32 = :crc32, data = :data"), row)
    with pytest.raises(StoreError, match="not what this stopwatt writes"):
        store.operators.captures()


def test_two_processes_write_at_once_and_nothing_is_lost_or_doubled(where):
    open_store(where).close()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    writers = [context.Process(target=write_some, args=(where, number, barrier)) for number in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    with open_store(where) as store:
        assert sorted(store.operators.measured(place()).values()) == [10, 10]
        assert [one.parameters for one in store.operators.captures()] == [9]
        assert [one.rows for one in store.operators.sources()] == [3]
        assert same_table(store.operators.tables()[0], table(3, seed=9))
