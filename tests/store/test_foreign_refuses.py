"""Tables that cannot be what they are said to be: refused with the line, and nothing is stored."""

import pytest
from foreign_examples import MEANS, TIME, read

from stopwatt.errors import UsageError
from stopwatt.store.foreign import gather
from stopwatt.store.foreign.bring import read_table
from stopwatt.store.foreign.spec import TableSpec


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def refused(path, text, match, **spec):
    with pytest.raises(UsageError, match=match) as caught:
        read(path, text, **spec)
    assert caught.value.now
    return caught.value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("-0.001", "not positive"), ("0", "not positive"), ("nan", "not a finite number"), ("inf", "not a finite"),
        ("", "there is no number"), ("fast", "'fast' is not a number"), ("1_000", "not a number"),
        ("1e-12", "no call lasts that long"), ("1e12", "no call lasts that long"),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_is_refused_with_its_line(path, value, why):
    error = refused(path, MEANS.replace("0.003", value), why)
    assert error.when == f"{path}, line 4"
    assert TIME in error.what


@pytest.mark.parametrize("value", ["-1", "0", "nan", "x"])
def test_a_trial_that_cannot_be_is_refused_with_its_line(path, value):
    text = f"n,t_us\n1,5\n1,6\n1,{value}\n1,7\n"
    assert refused(path, text, value, axis=("n",), trials="t_us").when == f"{path}, line 4"


def test_lines_are_counted_as_an_editor_counts_them(path):
    text = 'n,note,t_us\n1,"two\nlines",5\n\n2,x,oops\n'
    assert refused(path, text, "oops", axis=("n",), time="t_us").when == f"{path}, line 5"


def test_a_decimal_comma_that_nobody_stated_says_how_to_state_it(path):
    assert "--decimal" in refused(path, "n;t_s\n1;0,5\n", "0,5", axis=("n",), time="t_s", separator=";").what


def test_a_point_in_a_table_of_decimal_commas_is_not_taken_for_anything(path):
    refused(path, "n;t_s\n1;1.234,5\n", "has a point", axis=("n",), time="t_s", separator=";", decimal=",")


@pytest.mark.parametrize(("sign", "named"), [(";", "--separator ';'"), ("\t", "--separator tab")])
def test_a_table_that_another_sign_separates_says_how_to_state_it(path, sign, named):
    text = f"n{sign}t_s\n1{sign}0,5\n"
    error = refused(path, text, "a single column", axis=("n",), time="t_s")
    assert named in error.now


def test_a_line_of_json_that_names_a_value_twice_is_refused(tmp_path):
    text = '{"n": 1, "t_s": 1}\n{"n": 2, "t_s": 1, "n": 3}\n'
    error = refused(tmp_path / "t.jsonl", text, "'n' is there twice", axis=("n",), time="t_s")
    assert error.when.endswith("line 2")


def test_a_gap_between_trials_is_refused(path):
    refused(path, "n,t1,t2,t3\n1,5,,7\n", "'t2': there is no number", axis=("n",), trials="t*", unit="us")


def test_a_line_without_a_trial_is_refused(path):
    refused(path, "n,t1,t2\n1,5,6\n2,,\n", "no trial", axis=("n",), trials="t*", unit="us")


@pytest.mark.parametrize("option", ["time", "trials", "round", "count", "sd"])
def test_a_column_that_is_not_there_is_refused_with_the_nearest(path, option):
    spec = {"trials": "Average tim (s)"} if option == "trials" else {"time": TIME, option: "Average tim (s)"}
    if option == "count":
        assert "neither a column nor a number" in refused(path, MEANS, "count", **spec).what
    else:
        assert TIME in refused(path, MEANS, "unknown column", **spec).now


def test_a_missing_axis_is_refused_with_the_nearest(path):
    assert "Layers" in refused(path, MEANS, "'Layer'", axis=("Layer",)).now


def test_a_unit_that_nobody_stated_is_asked_for(path):
    error = refused(path, MEANS.replace(TIME, "time"), "the unit of 'time' is not stated", time="time")
    assert "never guessed" in error.when
    assert "--unit" in error.now


def test_the_unit_of_a_deviation_is_not_that_of_the_mean(path):
    refused(path, "n,t (s),sd\n1,2,0.1\n", "the unit of 'sd'", axis=("n",), time="t (s)", sd="sd")


def test_a_unit_against_the_head_is_refused(path):
    refused(path, MEANS, "says s, but --unit says us", unit="us")


def test_times_that_nobody_named_are_asked_for_with_an_example_of_this_table(path):
    error = refused(path, MEANS, "not said which column holds the times", time="")
    assert error.now == (
        'say it, as in: --axis "Layers" --axis "Batch size" --time "Average time (s)" (means), '
        'or --trials "Average time (s)" (one trial a line)'
    )


def test_means_and_trials_exclude_each_other(path):
    refused(path, MEANS, "exclude each other", trials=TIME, time=TIME)
    refused(path, MEANS, "belong to means", trials=TIME, count="5")


def test_two_means_of_one_cell_are_refused_with_both_lines_and_the_way_to_tell_them_apart(path):
    error = refused(path, MEANS + "1,8,0.005\n", "lines 3 and 6 tell of the same cell: Layers=1, Batch size=8")
    assert "--round" in error.now


def test_two_spellings_of_one_cell_are_the_same_cell(path):
    refused(path, "n,t_s\n8,1\n8.0,2\n", "lines 2 and 3 tell of the same cell", axis=("n",), time="t_s")


def test_without_axes_a_table_of_means_is_one_cell(path):
    refused(path, MEANS, "no axis is named", axis=())


def test_two_means_of_one_round_are_refused(path):
    text = "n,run,t_s\n1,1,5\n1,1,6\n"
    refused(path, text, "same cell: n=1, run=1", axis=("n",), round="run", time="t_s")


def test_an_empty_axis_is_refused(path):
    error = refused(path, MEANS.replace("2,1,", ",1,"), "'Layers' is empty")
    assert error.when == f"{path}, line 4"


@pytest.mark.parametrize(
    ("head", "value", "why"),
    [("batch", "0", "whole number"), ("batch", "1.5", "whole number"), ("precision", "fp12", "none of fp32"),
     ("threads", "many", "not a number"), ("batch", "9e99", "whole number")],
)  # fmt: skip
def test_a_setup_that_cannot_be_is_refused_with_its_line(path, head, value, why):
    text = f"n,{head},t_s\n1,{'fp32' if head == 'precision' else 1},1\n2,{value},1\n"
    assert refused(path, text, why, axis=("n", head), time="t_s").when == f"{path}, line 3"


@pytest.mark.parametrize("said", [{"batch": "Btch"}, {"precision": "double"}, {"threads": "x"}])
def test_a_setup_that_is_neither_a_column_nor_a_value_is_refused(path, said):
    refused(path, MEANS.replace("Batch size", "b"), "is no column", axis=("Layers", "b"), **said)


def test_an_axis_that_is_named_twice_is_refused(path):
    refused(path, "n size,n-size,t_s\n1,2,3\n", "'n_size' is named twice", axis=("n size", "n-size"), time="t_s")
    refused(path, MEANS, "'batch' is named twice", batch="4")


def test_one_column_cannot_be_two_things(path):
    refused(path, MEANS, "named for two things", axis=("Layers", "Batch size", TIME))


@pytest.mark.parametrize("head", ["workload", "Boundary", "version"])
def test_an_axis_cannot_have_the_name_of_what_every_cell_has(path, head):
    refused(path, f"{head},t_s\n1,2\n", "cannot be called", axis=(head,), time="t_s")


@pytest.mark.parametrize("name", ["../x", "=cmd()", "a/b", "<b>", "a\nb", " ", "x" * 101, ".hidden"])
def test_a_name_that_files_and_pages_could_stumble_over_is_refused(path, name):
    refused(path, MEANS, "is no name", name=name)


@pytest.mark.parametrize(
    ("file", "name"),
    [("..csv", "table"), ("a b(1).csv", "a_b_1"), ("=cmd().csv", "cmd"), ("größe.v2.csv", "größe.v2")],
)
def test_a_files_name_becomes_a_usable_one(tmp_path, file, name):
    assert read(tmp_path / file, MEANS).source == f"imported:{name}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"), ("\n\n", "the file is empty"), (MEANS.splitlines()[0], "no line under"),
        (MEANS + "1,2\n", "2 values, but there are 3 columns"), (MEANS + "1,2,3,4\n", "4 values, but there are 3"),
        (MEANS + '1,"2,3\n', "cannot be split"), (b"\x89PNG\0\0\0\rIHDR,\0", "not a table of text"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(path, text, why):
    assert refused(path, text, why).when.startswith(str(path))


@pytest.mark.parametrize("text", ["[1, 2]\n", "{\n", '{"a": 1, "t_s": 1}\n3\n', "[" * 5000])
def test_lines_that_are_no_objects_are_refused(tmp_path, text):
    refused(tmp_path / "table.jsonl", text, "not (a )?JSON", axis=("a",), time="t_s")


def test_json_lines_without_a_value_say_the_line(tmp_path):
    text = '{"n": 1, "t_s": 1}\n{"n": 2}\n'
    assert refused(tmp_path / "t.jsonl", text, "no number", axis=("n",), time="t_s").when.endswith("line 2")
    text = '{"n": 1, "t_s": 1}\n{"n": [2], "t_s": 1}\n'
    refused(tmp_path / "t.jsonl", text, "holds a list", axis=("n",), time="t_s")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    refused(tmp_path / "table.parquet", "PAR1" * 10, "not Parquet")


def test_a_damaged_parquet_is_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"n": list(range(5000)), "t_s": [1.0 + n for n in range(5000)]}), tmp_path / "source")
    content = bytearray((tmp_path / "source").read_bytes())
    content[200:2000] = b"\xff" * 1800
    refused(tmp_path / "table.parquet", bytes(content), "damaged|not Parquet", axis=("n",), time="t_s")


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    for place in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UsageError):
            read_table(place, TableSpec(time="t_s"))


def test_a_column_of_identifiers_taken_for_an_axis_is_refused_before_memory_runs_out(path, monkeypatch):
    monkeypatch.setattr(gather, "MOST_SERIES", 50)
    text = "id,n,t_s\n" + "".join(f"{k},{k % 3},1\n" for k in range(200))
    error = refused(path, text, "more than 50 cells", axis=("id", "n"), time="t_s")
    assert "'id' alone has 50 values" in error.when


def test_a_separator_or_decimal_sign_that_cannot_be_is_refused(path):
    refused(path, MEANS, "cannot separate", separator="::")
    refused(path, MEANS, "no decimal sign", decimal="x")


def test_a_pattern_of_trials_that_fits_only_named_columns(path):
    refused(path, "threads,x\n1,5\n", "fits only columns that are named", axis=("threads",), trials="t*", unit="us")
