"""What is exported comes back exactly, in every format, and harms nobody on its way; what is there is listed."""

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from operator_examples import capture, operator, place, replay, same_table, table, with_source
from table_files import package

from stopwatt.cli import main
from stopwatt.errors import UsageError
from stopwatt.operators.replay import Mode
from stopwatt.operators.table import DeviceSpecs, Table
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops.exporting import export_tables
from stopwatt.ops.importing import import_tables
from stopwatt.ops.measured import measured_tables, observed_at, usual_sentinel
from stopwatt.records import Measured, Samples, Status, Suspect
from stopwatt.store import open_store

FORMATS = ["parquet", "csv", "json"]
HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'quoted", "''", "a,b", 'say "x"', "emoji \N{FIRE}", "[bold]"]


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results.db") as opened:
        yield opened


@pytest.fixture
def another(tmp_path):
    with open_store(tmp_path / "another.db") as opened:
        yield opened


def of_family(family: Family, rows: int = 3) -> Table:
    """Rows of any family with numbers that no decimal fraction is equal to."""
    rng = np.random.default_rng(len(family))
    dims = {name: rng.integers(1, 99, rows).astype(float) for name in DIMENSIONS[family]}
    return replace(table(rows), family=family, dims=dims)


def measure(store, *, power: float | None = None):
    """Two operators in one mode, one of them twice, and one that failed."""
    one, other = operator(), operator(16)
    readings = {} if power is None else {"power_gpu": Measured(power, "W")}
    sent = [
        replace(replay(one.key, seed=1), readings=readings),
        replace(replay(one.key, seed=2), readings=readings),
        replace(replay(other.key, Mode.REUSE), readings=readings),
        replay(other.key, status=Status.CRASHED),
    ]
    store.operators.save_replays(place(), {one.key: one, other.key: other}, sent)


@pytest.mark.parametrize("ending", FORMATS)
def test_imported_tables_come_back_exactly(store, another, tmp_path, ending):
    for family in Family:
        store.operators.save_table(of_family(family))
    exported = export_tables(store, tmp_path / f"out.{ending}")
    assert exported.total == 3 * len(Family)
    assert import_tables(another, exported.path).rows == exported.total
    both = zip(store.operators.tables(), another.operators.tables(), strict=True)
    assert all(same_table(*pair) for pair in both)


@pytest.mark.parametrize("ending", FORMATS)
def test_measured_operators_come_back_as_a_table(store, another, tmp_path, ending):
    measure(store, power=123.456)
    import_tables(another, export_tables(store, tmp_path / f"out.{ending}").path)
    assert all(same_table(*pair) for pair in zip(measured_tables(store), another.operators.tables(), strict=True))


@pytest.mark.parametrize("ending", FORMATS)
def test_names_of_any_kind_come_back_exactly(store, another, tmp_path, ending):
    for name in HOSTILE:
        sent = with_source(table(2, device=name), name)
        store.operators.save_table(replace(sent, kind=np.array([name, "gemm"])))
    import_tables(another, export_tables(store, tmp_path / f"out.{ending}").path)
    assert [one.source for one in another.operators.sources()] == sorted(HOSTILE)
    both = zip(store.operators.tables(), another.operators.tables(), strict=True)
    assert all(same_table(*pair) for pair in both)


def test_no_cell_of_a_csv_file_begins_as_a_formula_does(store, tmp_path):
    for name in HOSTILE[:5]:
        store.operators.save_table(with_source(table(1), name))
    export_tables(store, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        cells = {record["source"] for record in csv.DictReader(file)}
    assert cells == {f"'{name}" for name in HOSTILE[:5]}


def test_a_row_is_a_replay_with_its_median_and_its_power(store):
    measure(store, power=123.5)
    (found,) = measured_tables(store)
    medians = [float(np.median(replay("", seed=seed).samples["call"].values)) * 1e-9 for seed in (1, 2, 0)]
    assert found.time_s == pytest.approx(medians)
    assert found.mode.tolist() == ["stream", "stream", "reuse"]
    assert found.power_w.tolist() == [123.5] * 3
    assert set(found.source) == {"measured"}
    assert set(found.device) == {"Imaginary 9000"}


def test_power_follows_from_the_energy_of_a_call_where_only_that_was_measured(store):
    one = operator()
    samples = {"call": Samples(np.full(5, 1_000_000.0), "ns")}
    sent = replace(replay(one.key), samples=samples, readings={"energy_gpu": Measured(0.25, "J")})
    store.operators.save_replays(place(), {one.key: one}, [sent])
    assert measured_tables(store)[0].power_w == pytest.approx([250.0])


def test_a_job_whose_sentinel_moved_counts_only_where_no_steady_one_measured_the_operator(store):
    one, other = operator(), operator(16)
    moved = {"sentinel": Suspect(1e-3, "s", "it moved")}
    sent = [
        replace(replay(one.key, seed=1), readings=moved),
        replace(replay(one.key, seed=2), readings={"sentinel": Measured(1e-3, "s")}),
        replace(replay(other.key, seed=3), readings=moved),
    ]
    store.operators.save_replays(place(), {one.key: one, other.key: other}, sent)
    medians = [float(np.median(replay("", seed=seed).samples["call"].values)) * 1e-9 for seed in (2, 3)]
    assert measured_tables(store)[0].time_s == pytest.approx(medians)


def test_rows_of_a_place_are_put_to_one_speed_by_the_sentinels_of_their_jobs(store):
    made = [operator(size) for size in (8, 16, 24)]
    samples = {"call": Samples(np.full(5, 1_100_000.0), "ns")}
    took = (1e-3, 1.1e-3, 2.2e-3)
    sent = [
        replace(replay(one.key), samples=samples, readings={"sentinel": Measured(seconds, "s")})
        for one, seconds in zip(made, took, strict=True)
    ]
    store.operators.save_replays(place(), {one.key: one for one in made}, sent)
    assert usual_sentinel(store, place()) == pytest.approx(1.1e-3)
    assert [row.time_s for row in observed_at(store, place())] == pytest.approx([1.21e-3, 1.1e-3, 0.55e-3])
    assert [row.time_s for row in observed_at(store, place(), 1e-3)] == pytest.approx([1.1e-3, 1e-3, 0.5e-3])
    assert measured_tables(store)[0].time_s == pytest.approx([1.1e-3] * 3)


def test_rows_without_a_sentinel_stay_as_they_are(store):
    measure(store)
    medians = [float(np.median(replay("", seed=seed).samples["call"].values)) * 1e-9 for seed in (1, 2, 0)]
    assert [row.time_s for row in observed_at(store, place(), 1.0)] == pytest.approx(medians)


def test_measured_operators_are_chosen_by_hardware(store):
    measure(store)
    assert measured_tables(store, hardware="Another") == []


def test_rows_are_chosen_by_source_family_and_device(store, tmp_path):
    measure(store)
    store.operators.save_table(table(4))
    store.operators.save_table(of_family(Family.NORM))
    store.operators.save_table(table(5, device="another", source="theirs"))

    def exported(**options):
        return export_tables(store, tmp_path / "out.json", overwrite=True, **options).rows

    assert exported(source="measured") == {Family.GEMM: 3}
    assert exported(families=[Family.NORM]) == {Family.NORM: 3}
    assert exported(device="another") == {Family.GEMM: 5}
    assert exported(source="the", device="another", families=[Family.GEMM]) == {Family.GEMM: 5}


def test_nothing_to_export_is_refused_with_what_there_is(store, tmp_path):
    with pytest.raises(UsageError, match="holds nothing"):
        export_tables(store, tmp_path / "out.csv")
    store.operators.save_table(table())
    with pytest.raises(UsageError, match="nothing fits") as caught:
        export_tables(store, tmp_path / "out.csv", device="another")
    assert "gemm of NVIDIA H200" in caught.value.now
    assert not (tmp_path / "out.csv").exists()


def test_a_file_is_not_replaced_unasked_and_its_ending_must_be_known(store, tmp_path):
    store.operators.save_table(table())
    export_tables(store, tmp_path / "out.csv")
    with pytest.raises(UsageError, match="there already"):
        export_tables(store, tmp_path / "out.csv")
    with pytest.raises(UsageError, match="unknown format"):
        export_tables(store, tmp_path / "out.xlsx")


DOCUMENTED = {
    "family": "gemm",
    "dtype": "bfloat16",
    "m": 3,
    "n": 5,
    "k": 7,
    "batch": 2,
    "time_s": 0.5,
    "device": "Card",
}


def written(path, *changes, without=()):
    records = [{**DOCUMENTED, **change} for change in changes or ({},)]
    names = [name for name in dict.fromkeys(name for record in records for name in record) if name not in without]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(records)
    return path


def test_a_file_with_the_required_columns_only_is_completed(store, tmp_path):
    import_tables(store, written(tmp_path / "mine.csv"))
    (found,) = store.operators.tables()
    assert (found.kind[0], found.source[0], found.device[0], found.mode[0]) == ("gemm", "mine", "Card", "")
    assert found.flops.tolist() == [2 * 2 * 3 * 5 * 7]
    assert found.read_bytes.tolist() == [2 * 2 * (3 * 7 + 5 * 7)]
    assert np.isnan(found.power_w[0])


def test_what_a_file_says_of_work_and_power_is_kept_and_only_the_rest_is_filled_in(store, tmp_path):
    changes = ({"flops": 10, "power_w": 80, "limit_w": 100}, {"flops": "", "power_w": "", "limit_w": ""})
    import_tables(store, written(tmp_path / "mine.csv", *changes))
    (found,) = store.operators.tables()
    assert found.flops.tolist() == [10, 420]
    assert found.power_w[0] == 80
    assert np.isnan(found.power_w[1])


def test_families_may_stand_in_any_order_of_rows(store, tmp_path):
    norm = {"family": "norm", "rows": 4, "columns": 8, "read_bytes": 64, "write_bytes": 64}
    import_tables(store, written(tmp_path / "mine.csv", {"rows": ""}, norm, {"m": 9}))
    assert {one.family: one.rows for one in store.operators.sources()} == {Family.GEMM: 2, Family.NORM: 1}
    assert store.operators.tables(family=Family.GEMM)[0].dims["m"].tolist() == [3, 9]


@pytest.mark.parametrize(
    ("change", "what", "row"),
    [
        ({"family": "gem"}, "family is 'gem'", 2),
        ({"dtype": "floaty"}, "dtype is 'floaty'", 2),
        ({"time_s": -1}, "time_s is -1", 2),
        ({"time_s": ""}, "time_s is missing", 2),
        ({"time_s": "fast"}, "time_s is 'fast', not a number", 2),
        ({"n": "many"}, "n is 'many', not a number", 2),
        ({"n": -5}, "n is -5", 2),
        ({"n": ""}, "n is missing", 2),
        ({"device": ""}, "device is ''", 2),
        ({"device": "x" * 300}, "no usable name", 2),
    ],
)
def test_what_cannot_be_is_refused_with_its_row(store, tmp_path, change, what, row):
    with pytest.raises(UsageError) as caught:
        import_tables(store, written(tmp_path / "mine.csv", {}, change))
    assert what in caught.value.what
    assert caught.value.when.endswith(f"row {row}")
    assert caught.value.now


@pytest.mark.parametrize("column", ["family", "dtype", "time_s", "device", "k"])
def test_a_missing_column_of_the_documented_schema_is_named(store, tmp_path, column):
    with pytest.raises(UsageError, match=f"no column {column}"):
        import_tables(store, written(tmp_path / "mine.csv", without=(column,)))


def test_a_family_without_a_formula_needs_its_bytes(store, tmp_path):
    norm = {"family": "norm", "rows": 4, "columns": 8}
    with pytest.raises(UsageError, match="no column read_bytes, write_bytes"):
        import_tables(store, written(tmp_path / "mine.csv", norm))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("x.json", b"{", "not JSON"),
        ("x.json", b"[]", "not written by stopwatt ops export"),
        ("x.json", b'{"kind": "stopwatt-operators", "columns": ["m"], "rows": [1]}', "damaged"),
        ("x.json", b'{"kind": "stopwatt-operators", "columns": ["m"], "rows": [{"m": 1}, {"m": []}]}', "damaged"),
        ("x.csv", b"a,b\n1,2,3\n", "no table of comma-separated values"),
        ("x.csv", b"family,time_s\n", "no rows"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(store, tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=what):
        import_tables(store, tmp_path / name)


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["ops", *map(str, words)])
    return ended.value.code, capsys.readouterr()


def test_the_verbs_bring_list_and_write(tmp_path, capsys):
    where = tmp_path / "results.db"
    code, said = run(capsys, "import", package(tmp_path), "--families", "gemm", "--store", where)
    assert (code, "6 rows" in said.out) == (0, True)
    assert "products with many experts" in " ".join(said.out.split())
    code, said = run(capsys, "export", tmp_path / "out.csv", "--device", "NVIDIA L40S", "--store", where)
    assert (code, said.out) == (0, f"{tmp_path / 'out.csv'}: 3 rows (3 gemm)\n")
    code, said = run(capsys, "list", "--store", where)
    assert code == 0
    assert "NVIDIA L40S" in said.out


def test_the_list_names_places_captures_sources_specifications_and_predictors(store, tmp_path, capsys):
    measure(store)
    store.operators.save_capture(capture())
    store.operators.save_table(table(1234, source="theirs"))
    store.operators.save_specs(DeviceSpecs("NVIDIA H200", {"bfloat16": 9.89e14}, 4.8e12, power_w=700))
    store.operators.save_predictor("default", b"x" * 5000, {"rows": 7})
    _, said = run(capsys, "list", "--json", "--store", tmp_path / "results.db")
    found = json.loads(said.out)
    assert found["places"][0]["operators"] == {
        "stream": {"with_time": 1, "tried": 2},
        "reuse": {"with_time": 1, "tried": 1},
    }
    assert found["captures"][0]["workload"] == "mlp(hidden=8, bias=True)"
    assert [(one["source"], one["rows"], one["powered"]) for one in found["sources"]] == [("theirs", 1234, 1233)]
    assert found["predictors"][0]["summary"] == {"rows": 7}
    assert found["specs"][0]["bandwidth"] == 4.8e12
    _, said = run(capsys, "list", "--store", tmp_path / "results.db")
    for text in ("Imaginary 9000", "1 / 2", "mlp(hidden=8, bias=True)", "1,234", "1,233", "989 TFLOP/s", "4.88 KiB"):
        assert text in said.out


def test_a_store_without_operators_says_what_to_do(store, tmp_path, capsys):
    code, said = run(capsys, "list", "--store", tmp_path / "results.db")
    assert (code, "stopwatt ops measure" in said.out) == (0, True)


def test_an_import_says_as_json_what_it_brought(tmp_path, capsys):
    _, said = run(capsys, "import", package(tmp_path), "--json", "--store", tmp_path / "results.db")
    found = json.loads(said.out)
    assert found["rows"] == sum(one["rows"] for one in found["imported"]) == 8
    assert found["left_out"][0]["operator"] == "moe"


@pytest.mark.parametrize(
    "words", [("import", "nothing.csv"), ("export", "out.xlsx"), ("import", ".", "--families", "x")]
)
def test_a_request_that_cannot_be_met_ends_with_2_and_three_parts(tmp_path, capsys, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    open_store(tmp_path / "results.db").close()
    code, said = run(capsys, *words, "--store", "results.db")
    assert code == 2
    assert "when:" in said.err
    assert "now:" in said.err
