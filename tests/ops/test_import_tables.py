"""Published operator tables become rows of one meaning, or the file is refused with the row and the reason."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from operator_examples import same_table
from table_files import package, rows, write

from stopwatt.errors import UsageError
from stopwatt.operators.table import DeviceSpecs
from stopwatt.operators.work import DIMENSIONS, Family
from stopwatt.ops import importing
from stopwatt.ops.importing import import_tables
from stopwatt.ops.worked import needed_pairs
from stopwatt.store import open_store


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "results.db") as opened:
        yield opened


def only_row(store, path, **options):
    """The single row of a file, as plain values."""
    import_tables(store, path, **options)
    (table,) = store.operators.tables()
    assert len(table) == 1
    row = {name: getattr(table, name)[0] for name in table.__dataclass_fields__ if name not in {"family", "dims"}}
    return row | {name: values[0] for name, values in table.dims.items()} | {"family": table.family}


def written(tmp_path, operator, **change):
    return write(tmp_path / "tables" / f"{operator}_perf.parquet", rows(operator, change))


def assert_row(row, **expected):
    found = {name: row[name] for name in expected}
    assert found == expected


def test_a_product_keeps_its_sizes_its_time_in_seconds_and_its_power(store, tmp_path):
    row = only_row(store, written(tmp_path, "gemm"))
    assert_row(row, family=Family.GEMM, m=3, n=5, k=7, batch=1, kind="gemm", dtype="bfloat16", mode="", group="")
    assert_row(row, time_s=2e-3, power_w=350, limit_w=700, device="NVIDIA H200", source="tables vllm 0.22.0 gemm")
    assert_row(row, flops=2 * 3 * 5 * 7, read_bytes=2 * (3 * 7 + 5 * 7), write_bytes=2 * 3 * 5, weight_bytes=2 * 5 * 7)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("fp8", ("float8_e4m3fn", "gemm", 1, 1)),
        ("fp8_block", ("float8_e4m3fn", "gemm block", 1, 1)),
        ("int8_wo", ("bfloat16", "gemm int8 weights", 2, 1)),
        ("int4_wo", ("bfloat16", "gemm int4 weights", 2, 0.5)),
        ("sq", ("int8", "gemm", 1, 1)),
        ("nvfp4", ("float4_e2m1fn", "gemm", 9 / 16, 9 / 16)),
    ],
)
def test_a_quantisation_scheme_decides_type_kind_and_bytes(store, tmp_path, scheme, expected):
    dtype, kind, left, right = expected
    row = only_row(store, written(tmp_path, "gemm", gemm_dtype=scheme))
    assert_row(row, dtype=dtype, kind=kind, read_bytes=left * 3 * 7 + right * 5 * 7, weight_bytes=right * 5 * 7)


def test_context_attention_is_causal_over_what_is_new_and_what_is_cached(store, tmp_path):
    row = only_row(store, written(tmp_path, "context_attention", step=4))
    assert_row(row, family=Family.ATTENTION, kind="context", q_len=16, kv_len=20, causal=1, window=0)
    assert_row(row, batch=4, heads=8, kv_heads=2, head_dim=64)
    pairs = sum(4 + query + 1 for query in range(16))
    assert_row(row, flops=4 * 4 * 8 * 64 * pairs, write_bytes=2 * 4 * 8 * 16 * 64, weight_bytes=0)
    assert_row(row, read_bytes=2 * 4 * 8 * 16 * 64 + 2 * 2 * 4 * 2 * 20 * 64)


def test_generation_has_one_query_and_all_keys_of_the_cache_in_the_type_of_the_cache(store, tmp_path):
    row = only_row(store, written(tmp_path, "generation_attention", kv_cache_dtype="fp8"))
    assert_row(row, kind="generation float8_e4m3fn cache", dtype="bfloat16", q_len=1, kv_len=128, causal=0)
    assert_row(row, flops=4 * 4 * 8 * 64 * 128, read_bytes=2 * 4 * 8 * 64 + 1 * 2 * 4 * 2 * 128 * 64)


def test_a_window_hides_keys_that_are_then_not_read(store, tmp_path):
    row = only_row(store, written(tmp_path, "generation_attention", window_size=32))
    assert_row(row, window=32, flops=4 * 4 * 8 * 64 * 32, read_bytes=2 * 4 * 8 * 64 + 2 * 2 * 4 * 2 * 32 * 64)


def test_attention_of_an_encoder_sees_everything_with_keys_for_each_head(store, tmp_path):
    row = only_row(store, written(tmp_path, "encoder_attention"))
    assert_row(row, kind="context", q_len=50, kv_len=50, heads=4, kv_heads=4, causal=0, window=0)
    assert_row(row, flops=4 * 2 * 4 * 72 * 50 * 50)


@pytest.mark.parametrize(("name", "k", "n"), [("mla_gen_pre", 128, 512), ("mla_gen_post", 512, 128)])
def test_a_product_of_latent_attention_has_a_matrix_for_each_head(store, tmp_path, name, k, n):
    row = only_row(store, written(tmp_path, "mla_bmm", op_name=name))
    assert_row(row, kind="bmm", m=9, n=n, k=k, batch=16, weight_bytes=2 * 16 * k * n)


def test_scaling_a_matrix_reads_16_bits_and_writes_8_for_each_element(store, tmp_path):
    row = only_row(store, written(tmp_path, "scale_matrix"))
    assert_row(row, family=Family.ELEMENTWISE, elements=60, operands=1, run=60, read_bytes=120, write_bytes=60)


@given(st.integers(1, 40), st.integers(0, 40), st.booleans(), st.integers(0, 50))
def test_pairs_are_those_that_a_count_over_all_queries_finds(q_len, past, causal, window):
    kv_len = q_len + past
    dims = {"q_len": q_len, "kv_len": kv_len, "causal": float(causal), "window": window}
    found = needed_pairs({name: np.array([float(value)]) for name, value in dims.items()})

    def sees(query, key):
        place = past + query
        return (not (causal or window) or key <= place) and (not window or key > place - window)

    assert found[0] == sum(sees(query, key) for query in range(q_len) for key in range(kv_len))


@pytest.mark.parametrize("change", [{"power": None, "power_limit": None}, {"power": 0.0, "power_limit": math.nan}])
def test_a_power_that_is_not_there_is_none(store, tmp_path, change):
    row = only_row(store, written(tmp_path, "gemm", **change))
    assert np.isnan([row["power_w"], row["limit_w"]]).all()


def test_a_table_without_columns_of_power_has_none(store, tmp_path):
    write(tmp_path / "gemm_perf.parquet", rows("gemm", power=False))
    assert np.isnan(only_row(store, tmp_path / "gemm_perf.parquet")["power_w"])


def test_every_family_has_the_sizes_that_it_is_defined_by(store, tmp_path):
    for operator in ("gemm", "mla_bmm", "context_attention", "encoder_attention", "scale_matrix"):
        written(tmp_path, operator)
    import_tables(store, tmp_path / "tables")
    assert {tuple(one.dims) == DIMENSIONS[one.family] for one in store.operators.tables()} == {True}
    assert {one.family for one in store.operators.sources()} == {Family.GEMM, Family.ATTENTION, Family.ELEMENTWISE}


def test_source_and_device_can_be_named(store, tmp_path):
    row = only_row(store, written(tmp_path, "gemm"), source="mine", device="My Card")
    assert_row(row, source="mine vllm 0.22.0 gemm", device="My Card")


def test_rows_of_several_devices_and_versions_are_kept_apart(store, tmp_path):
    records = rows("gemm", {}, {"device": "NVIDIA L40S"}, {"version": "0.24.0"})
    brought = import_tables(store, write(tmp_path / "t" / "gemm_perf.parquet", records))
    assert brought.imported[0].devices == ("NVIDIA H200", "NVIDIA L40S")
    assert [(one.source, one.device, one.rows) for one in store.operators.sources()] == [
        ("t vllm 0.22.0 gemm", "NVIDIA H200", 1),
        ("t vllm 0.22.0 gemm", "NVIDIA L40S", 1),
        ("t vllm 0.24.0 gemm", "NVIDIA H200", 1),
    ]


@pytest.mark.parametrize("operator", ["gemm", "mla_bmm", "context_attention"])
def test_a_file_that_was_renamed_is_read_by_what_its_rows_say(store, tmp_path, operator):
    row = only_row(store, write(tmp_path / "t" / "renamed.parquet", rows(operator)))
    assert row["source"] == f"t vllm 0.22.0 {operator}"


def test_files_of_one_name_in_several_folders_are_different_sources(store, tmp_path):
    for name in ("monday", "tuesday"):
        write(tmp_path / "all" / name / "gemm_perf.parquet", rows("gemm"))
    assert import_tables(store, tmp_path / "all").rows == 2
    assert [one.source for one in store.operators.sources()] == [
        f"all {name} vllm 0.22.0 gemm" for name in ("monday", "tuesday")
    ]


def test_a_package_brings_its_tables_by_system_and_its_specifications(store, tmp_path):
    brought = import_tables(store, package(tmp_path))
    assert brought.rows == 8
    assert [one.source for one in store.operators.sources() if one.device == "NVIDIA H200"] == [
        "aiconfigurator h200_sxm trtllm 1.3.0rc20 gemm",
        "aiconfigurator h200_sxm vllm 0.24.0 context_attention",
        "aiconfigurator h200_sxm vllm 0.24.0 gemm",
    ]
    flops = {"bfloat16": 9.89e14, "float8_e4m3fn": 1.978e15}
    known = store.operators.specs()
    assert sorted(known) == ["NVIDIA H200", "NVIDIA L40S", "a30", "h200_sxm", "l40s"]
    assert known["NVIDIA H200"] == DeviceSpecs(
        "NVIDIA H200", flops, 4.8e12, power_w=700, source="aiconfigurator h200_sxm.yaml"
    )


def test_what_no_family_has_sizes_for_is_left_out_with_its_rows_and_the_reason(store, tmp_path):
    (left,) = import_tables(store, package(tmp_path)).left_out
    assert (left.operator, left.files, left.rows) == ("moe", 2, 6)
    assert "experts" in left.why


def test_systems_and_families_restrict_what_a_package_brings(store, tmp_path):
    brought = import_tables(store, package(tmp_path), systems=["l40s"], families=[Family.GEMM])
    assert (brought.rows, brought.specs) == (3, ("NVIDIA L40S", "l40s"))
    assert {(one.device, one.family) for one in store.operators.sources()} == {("NVIDIA L40S", Family.GEMM)}


def test_the_installed_package_is_found_without_importing_it(store, tmp_path, monkeypatch):
    folder = package(tmp_path) / "aiconfigurator_core"
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_tables(store, "aiconfigurator").path == folder


def test_importing_again_changes_nothing(store, tmp_path):
    import_tables(store, package(tmp_path))
    before = store.operators.tables()
    import_tables(store, tmp_path)
    assert all(same_table(*pair) for pair in zip(before, store.operators.tables(), strict=True))


def refused(store, what, **options):
    with pytest.raises(UsageError) as caught:
        import_tables(store, what, **options)
    assert caught.value.now
    assert caught.value.when
    return caught.value


@pytest.mark.parametrize("column", ["m", "gemm_dtype", "latency", "device"])
def test_a_missing_column_is_named(store, tmp_path, column):
    path = write(tmp_path / "gemm_perf.parquet", rows("gemm"), without=column)
    error = refused(store, path)
    assert f"no column {column}" in error.what
    assert str(path) in error.when


@pytest.mark.parametrize(("value", "shown"), [(-1.0, "-1"), (0.0, "0"), (math.nan, "missing"), (math.inf, "inf")])
def test_a_time_that_cannot_be_is_refused_with_its_row_and_how_many_there_are(store, tmp_path, value, shown):
    records = rows("gemm", {}, {"latency": value}, {}, {"latency": value})
    error = refused(store, write(tmp_path / "gemm_perf.parquet", records))
    assert f"latency is {shown}" in error.what
    assert "2 of 4 rows" in error.what
    assert error.when.endswith("row 2")
    assert store.operators.sources() == []


@pytest.mark.parametrize("value", [0, -4, None])
def test_a_size_that_cannot_be_is_refused_with_its_row(store, tmp_path, value):
    error = refused(store, write(tmp_path / "gemm_perf.parquet", rows("gemm", {}, {}, {"k": value})))
    assert error.what.startswith("k is")
    assert error.when.endswith("row 3")


def test_text_in_a_column_of_numbers_is_refused_with_its_row(store, tmp_path):
    records = rows("gemm", {"m": "12"}, {"m": "twelve"})
    error = refused(store, write(tmp_path / "gemm_perf.parquet", records))
    assert error.what == "m is 'twelve', not a number"
    assert error.when.endswith("row 2")


def test_an_unknown_element_type_is_refused_with_its_row_and_those_that_are_known(store, tmp_path):
    error = refused(store, write(tmp_path / "gemm_perf.parquet", rows("gemm", {}, {"gemm_dtype": "fp3"})))
    assert "'fp3'" in error.what
    assert "bfloat16" in error.what
    assert error.when.endswith("row 2")


@pytest.mark.parametrize(
    ("content", "what"), [(b"", "the file is empty"), (b"no parquet at all", "no Parquet"), (b"PAR1PAR1", "no Parquet")]
)
def test_a_file_that_is_no_table_is_refused(store, tmp_path, content, what):
    path = tmp_path / "gemm_perf.parquet"
    path.write_bytes(content)
    assert what in refused(store, path).what


def test_a_truncated_file_is_refused(store, tmp_path):
    path = written(tmp_path, "gemm")
    path.write_bytes(path.read_bytes()[:-20])
    assert "no Parquet" in refused(store, path).what


def test_a_table_without_rows_is_refused(store, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    whole = pa.Table.from_pylist(rows("gemm"))
    parquet.write_table(whole.slice(0, 0), tmp_path / "gemm_perf.parquet")
    assert refused(store, tmp_path / "gemm_perf.parquet").what == "the file has no rows"


def test_what_is_not_there_or_of_another_kind_is_refused(store, tmp_path):
    assert "cannot be read" in refused(store, tmp_path / "nothing.parquet").what
    (tmp_path / "table.xlsx").write_bytes(b"x")
    assert "unknown kind of file" in refused(store, tmp_path / "table.xlsx").what
    (tmp_path / "empty").mkdir()
    assert "nothing to import" in refused(store, tmp_path / "empty").what


def test_a_folder_that_cannot_be_read_is_refused(store, tmp_path, monkeypatch):
    def closed(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", closed)
    assert "the folder cannot be read: Permission denied" in refused(store, tmp_path).what


def test_a_folder_of_tables_without_a_family_says_why(store, tmp_path):
    write(tmp_path / "nccl_perf.parquet", [{"latency": 1.0}])
    assert "between several devices" in refused(store, tmp_path).what


def test_an_unknown_system_is_refused_with_those_that_are_there(store, tmp_path):
    assert refused(store, package(tmp_path), systems=["h300"]).now == "there are a30, h200_sxm, l40s"


def test_systems_are_refused_where_there_are_none(store, tmp_path):
    path = written(tmp_path, "gemm")
    for what in (path, path.parent):
        assert "no systems" in refused(store, what, systems=["h200_sxm"]).what


@pytest.mark.parametrize("text", ["gpu: [", "gpu: {mem_bw: fast}"])
def test_a_damaged_file_of_a_system_is_refused(store, tmp_path, text):
    package(tmp_path)
    (tmp_path / "aiconfigurator_core" / "systems" / "a30.yaml").write_text(text)
    assert refused(store, tmp_path).when.endswith("a30.yaml")


def test_a_package_that_is_not_installed_is_refused_with_how_to_install_it(store, monkeypatch):
    monkeypatch.setattr(importing, "_MODULE", "a_package_that_nobody_wrote")
    assert "pip install" in refused(store, "aiconfigurator").now


@pytest.mark.parametrize("name", ["x" * 201, "new\nline"])
def test_a_name_that_cannot_be_shown_is_refused(store, tmp_path, name):
    assert "no usable name" in refused(store, written(tmp_path, "gemm"), device=name).what
    assert "no usable name" in refused(store, written(tmp_path, "gemm", device=name)).what
