"""`stopwatt.sweep`: what it takes and what it returns."""

import json

import pytest

import stopwatt
from stopwatt.errors import ExitCode, StopwattError, UsageError
from stopwatt.store import Access, open_store


@pytest.fixture
def sweep(short, tmp_path):
    """Sweep the synthetic workload with a short protocol into a database of the test's own."""

    def go(*sources, axes=None, **arguments):
        grid = {"threads": 1, "duration": "100us", **(axes or {})}
        rules = arguments.pop("protocol", short(rounds=3))
        return stopwatt.sweep(
            *sources, axes=grid, protocol=rules, store=str(tmp_path / "results.db"), allow=True, **arguments
        )

    return go


@pytest.mark.slow
def test_a_sweep_returns_rows_findings_a_table_json_and_a_data_frame(sweep, capsys):
    result = sweep(
        "synthetic", axes={"batch": "1..4"}, params={"per_sample": "100us"}, exclude=[{"batch": [2]}], deadlines=[3e-4]
    )
    assert [row.cell.setup.batch for row in result.rows] == [1, 4]
    assert [row.rounds_ok for row in result.rows] == [3, 3]
    result.raise_for_status()
    (batch,) = result.analysis.grid.axes
    assert (batch.name, batch.values) == ("batch", (1, 4))
    deadline = next(finding for finding in result.analysis.findings if finding.kind == "deadline-misses")
    assert "300 us" in deadline.text
    result.table()
    printed = capsys.readouterr().out
    assert "2 cells: 2 batch" in printed
    assert deadline.text.partition(":")[0] in " ".join(printed.split())
    document = json.loads(result.to_json())
    assert document["axes"] == {"batch": [1, 4]}
    assert document["deadlines"] == [3e-4]
    assert [row["worst"][0]["deadlines"][0]["misses"] for row in document["rows"]][1] == 3 * 40
    frame = result.to_pandas()
    latency = frame[frame.metric == "latency"].set_index("batch").value
    assert [latency[1], latency[4]] == [row.estimates["latency"].value for row in result.rows]
    assert latency[4] >= 5e-4


@pytest.mark.slow
def test_pauses_tell_the_lines_of_the_frame_apart(sweep, short):
    frame = sweep("synthetic", axes={"idle": [0, "1ms"], "duration": "20us"}, protocol=short()).to_pandas()
    assert sorted(frame[frame.metric == "latency"].idle_s) == [0, 1e-3]


@pytest.mark.slow
def test_a_grid_file_and_arguments_together_the_arguments_win(sweep, tmp_path, short):
    file = tmp_path / "grid.yaml"
    file.write_text(
        "workload: synthetic\naxes: {batch: [1, 2, 4], size: [8, 16]}\n"
        "zip: [{ramp: [0, 1], ramp_calls: [0, 2]}]\ntag: mine"
    )
    result = sweep(grid=file, axes={"batch": 2, "size": 8}, protocol=short(), tag="")
    assert len(result.rows) == 2
    assert {row.cell.setup.batch for row in result.rows} == {2}
    assert result.run.tag == "mine"
    with open_store(result.where, access=Access.READ) as store:
        request = store.run(result.run.id).request
    assert request["grid"]["zip"] == [{"ramp": ["0", "1"], "ramp_calls": ["0", "2"]}]


@pytest.mark.slow
def test_a_failing_cell_is_a_row_and_an_error_on_request(sweep, short):
    result = sweep("synthetic", axes={"fail": ["", "raise"]}, params={"fail_at": 5}, protocol=short())
    assert [str(row.status) for row in result.rows] == ["ok", "failed"]
    with pytest.raises(StopwattError, match="1 of 2 setups") as caught:
        result.raise_for_status()
    assert caught.value.exit_code == ExitCode.PARTLY_FAILED


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"axes": {"hiden": [8]}}, "unknown axis"),
        ({"axes": {"hidden": []}}, "no values"),
        ({"axes": {"hidden": [8, 8]}}, "given twice"),
        ({"axes": {"hidden": 8}, "params": {"seq": 0}}, "out of bounds"),
        ({"zips": [{"hidden": [8], "seq": [4, 5]}]}, "go together"),
        ({"exclude": [{"hidden": 8}]}, "unknown axis in an exclusion"),
        ({"deadlines": [0.0]}, "cannot be met"),
        ({"deadlines": [float("nan")]}, "cannot be met"),
        ({"executor": "rai"}, "unknown executor"),
        ({"device": "gpu"}, "unknown device"),
        ({"grid": "nowhere.yaml"}, "cannot read"),
    ],
)
def test_what_is_no_sweep_is_refused_before_anything_is_stored(arguments, what, tmp_path):
    with pytest.raises(UsageError, match=what):
        stopwatt.sweep("lstm", store=str(tmp_path / "results.db"), **arguments)
    assert list(tmp_path.iterdir()) == []
