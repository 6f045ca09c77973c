"""What `stopwatt sweep` answers to good and bad requests; nothing is measured here."""

import json
from dataclasses import replace

import pytest

from stopwatt.cli import main
from stopwatt.cli.gridoptions import GridOptions, grid_from
from stopwatt.cli.options import ProtocolOptions, TimingOptions
from stopwatt.errors import ExitCode, UsageError
from stopwatt.records import CLASSIC, QUICK, Boundary, Paced, Process
from stopwatt.sweeping.executors.choice import Executor
from stopwatt.sweeping.plan import plan_grid

YAML = """
workload: lstm
params: {features: 4}
axes: {hidden: [8, 16], seq: [4, 8]}
exclude: [{hidden: 16, seq: 8}]
protocol: {trials: 50, boundary: host}
deadlines: 1ms
tag: file
"""


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run `stopwatt sweep` in a folder with `grid.yaml`; `(exit code, standard output, standard error)`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.yaml").write_text(YAML)

    def go(*words):
        with pytest.raises(SystemExit) as stop:
            main(["sweep", *words])
        output = capsys.readouterr()
        return stop.value.code, output.out, output.err

    return go


def grid(*what, rules=None, timing=None, tag="", **options):
    return grid_from(what, GridOptions(**options), ProtocolOptions(**(rules or {})), timing or TimingOptions(), tag)


def test_options_describe_a_grid():
    asked = grid("lstm", axis=("hidden=8, 16", "batch=1..4"), param=("features=4",), zip=("seq=4,8 layers=1,2",))
    cells = plan_grid(asked).cells
    assert len(cells) == 2 * 3 * 2
    assert {cell.workload.params["features"] for cell in cells} == {4}
    assert {(cell.workload.params["seq"], cell.workload.params["layers"]) for cell in cells} == {(4, 1), (8, 2)}


def test_the_options_of_bench_mean_the_same_as_the_axes():
    short = grid("lstm", backends="eager,onnxruntime", precision="fp32, bf16", batch="1..4")
    axes = grid("lstm", axis=("backend=eager,onnxruntime", "precision=fp32,bf16", "batch=1..4"))
    assert plan_grid(short).digest == plan_grid(axes).digest
    assert len(plan_grid(short).cells) == 2 * 2 * 3


def test_the_options_of_bench_win_over_a_file(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text("workload: lstm\naxes: {batch: [1, 2], hidden: [8, 16]}")
    assert {cell.setup.batch for cell in plan_grid(grid(str(file), batch="4")).cells} == {4}


def test_an_empty_value_of_a_text_is_a_value(call):
    cells = plan_grid(grid("synthetic", axis=("fail=,raise",))).cells
    assert [cell.workload.params["fail"] for cell in cells] == ["", "raise"]
    _, out, _ = call("synthetic", "--axis", "fail=,raise", "--dry-run")
    assert "fail: '', raise (2)" in out


def test_exclusions_hold_in_all_of_their_conditions():
    asked = grid("lstm", axis=("hidden=8,16", "batch=1,2,4"), exclude=("hidden=16 batch=2,4",))
    assert len(plan_grid(asked).cells) == 4


def test_a_plain_sweep_has_the_classic_protocol_and_one_backend():
    asked = grid("lstm", axis=("hidden=8,16",))
    assert asked.protocol == CLASSIC
    assert {cell.setup.backend_label for cell in plan_grid(asked).cells} == {"eager"}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"quick": True}, replace(QUICK, process=Process.SHARED)),
        ({"trials": 50}, replace(CLASSIC, trials=50, trial_seconds=None)),
        ({"rounds": 5, "boundary": Boundary.HOST}, replace(CLASSIC, rounds=5, boundary=Boundary.HOST)),
    ],
)
def test_options_change_what_they_name_and_nothing_else(rules, expected):
    assert grid("lstm", rules=rules).protocol == expected


def test_a_file_and_options_together_the_options_win(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text(YAML)
    plain = grid(str(file))
    assert len(plan_grid(plain).cells) == 3
    assert (plain.protocol.trials, plain.protocol.boundary, plain.deadlines, plain.tag) == (
        50, Boundary.HOST, (1e-3,), "file",
    )  # fmt: skip
    both = grid(
        str(file),
        axis=("hidden=24",),
        param=("features=2",),
        rules={"rounds": 2},
        timing=TimingOptions("2ms"),
        tag="me",
    )
    assert {cell.workload.params["hidden"] for cell in plan_grid(both).cells} == {24}
    assert {cell.workload.params["features"] for cell in plan_grid(both).cells} == {2}
    assert (both.protocol.trials, both.protocol.rounds, both.protocol.boundary) == (50, 2, Boundary.HOST)
    assert (both.deadlines, both.tag) == ((2e-3,), "me")


def test_the_same_grid_in_a_file_and_in_options_is_the_same_plan(tmp_path):
    file = tmp_path / "grid.yml"
    file.write_text("workload: lstm\naxes: {hidden: [16, 8], batch: [1, 2, 4]}\nprotocol: {trials: 50}")
    options = grid("lstm", axis=("batch=1..4", "hidden=8,16"), rules={"trials": 50})
    assert plan_grid(grid(str(file))).digest == plan_grid(options).digest


def test_paced_arrivals_of_a_file_stay_unless_the_options_say_otherwise(tmp_path):
    file = tmp_path / "grid.yaml"
    file.write_text("workload: lstm\nprotocol: {paced: {period_s: 1ms}}")
    assert grid(str(file)).protocol.paced == Paced(1e-3)
    assert grid(str(file), timing=TimingOptions(period="2ms")).protocol.paced == Paced(2e-3)


@pytest.mark.parametrize(
    ("words", "what", "now"),
    [
        ([], "no workload was given", "lstm"),
        (["lstmm"], "unknown workload 'lstmm'", "lstm"),
        (["nowhere.yaml"], "cannot read nowhere.yaml", "path"),
        (["grid.yaml", "other.yml"], "several grid files", "--axis"),
        (["lstm", "--axis", "hiden=8"], "unknown axis of lstm 'hiden'", "hidden"),
        (["lstm", "--axis", "hidden"], "cannot read 'hidden' as an axis", "hidden=64,128"),
        (["lstm", "--axis", "hidden="], "hidden has no values", "at least one"),
        (["lstm", "--axis", "hidden=8", "--axis", "hidden=16"], "hidden is given twice", "once"),
        (["lstm", "-p", "hidden=8", "--axis", "hidden=16"], "hidden is given twice", "once"),
        (["lstm", "--axis", "hidden=8,"], "hidden of lstm cannot be ''", "a whole number"),
        (["lstm", "--axis", "batch=1,,2"], "cannot read '' as batch", "a whole number"),
        (["lstm", "--axis", "backend=eager,"], "unknown backend ''", "onnxruntime"),
        (["lstm", "--backends", "eager", "--axis", "backend=onnxruntime"], "backend is given twice", "once"),
        (["lstm", "--batch", "1,2", "--zip", "batch=1,2 hidden=8,16"], "batch is given twice", "once"),
        (["lstm", "--batch", "8..1"], "8..1 is no range", "1..64"),
        (["lstm", "--precision", ""], "precision has no values", "at least one"),
        (["lstm", "--deadline", ","], "cannot read ''", "write a number"),
        (["lstm", "--axis", "hidden=8,8"], "hidden=8 is given twice", "once"),
        (["lstm", "--axis", "batch=8..1"], "8..1 is no range", "1..64"),
        (["lstm", "--axis", "hidden=many"], "hidden of lstm cannot be 'many'", "a whole number"),
        (["lstm", "-p", "batch=8"], "batch is not a parameter", "--axis batch=8"),
        (["lstm", "--zip", "hidden=8,16 seq=4"], "have 2 and 1 values", "as many"),
        (["lstm", "--zip", ""], "--zip says nothing", "hidden=64,128"),
        (["lstm", "--exclude", "hidden=8"], "unknown axis in an exclusion", ""),
        (["lstm", "--axis", "hidden=8,16", "--exclude", "hidden=9"], "matches nothing", "8, 16"),
        (["lstm", "--exclude", "'"], "cannot read", "quotes"),
        (["grid.yaml", "--axis", "hidden=8,16", "--device", "gpu"], "unknown device 'gpu'", "cpu"),
        (["lstm", "--deadline", "0"], "is not above 0", "500us"),
        (["lstm", "--deadline", "nan"], "cannot read 'nan'", ""),
        (["lstm", "--quick", "--thorough"], "exclude each other", "one of them"),
        (["lstm", "--probe"], "--probe tells how long", "--dry-run"),
        (["lstm", "--executor", "rai"], "unknown executor 'rai'", "ray"),
        (["lstm", "--executor", "process:1"], "unknown executor", "process"),
        (["lstm", "--machine", "abc"], "there is only this machine", "--executor ray"),
        (["lstm", *(word for name in ("hidden", "seq", "features") for word in ("--axis", f"{name}=" + ",".join(
            map(str, range(1, 1001)))))], "1000000000 cells are too many", "131072"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_met_says_what_and_what_to_do(call, words, what, now):
    code, out, err = call(*words)
    assert code == ExitCode.USAGE
    assert what in err
    assert "now:" in err
    assert now in err
    assert out == ""


def test_a_dry_run_says_how_many_cells_how_long_and_what_that_rests_on(call, tmp_path):
    code, out, _ = call("grid.yaml", "--dry-run")
    assert code == ExitCode.OK
    assert "3 cells, 1 exclusion\n" in out
    assert "hidden: 8, 16 (2)" in out
    assert "3 rounds of each, 50 trials, however long they take" in out
    assert "time for 9 rounds: at least" in out
    assert "--probe" in out
    assert "nothing was measured" in out
    assert not (tmp_path / "stopwatt.db").exists()


def test_a_dry_run_as_json_counts_the_same(call):
    code, out, _ = call("grid.yaml", "--dry-run", "--json")
    document = json.loads(out)
    assert code == ExitCode.OK
    assert (document["cells"], document["rounds_each"], document["estimate"]["unknown"]) == (3, 3, 9)
    assert document["estimate"]["likely"] is None
    assert document["estimate"]["low"] > 0


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [("process", "process", ""), ("ray", "ray", ""), ("ray:10.0.0.1:6379", "ray", "10.0.0.1:6379")],
)
def test_an_executor_has_a_kind_and_an_address(text, kind, address):
    found = Executor.read(text)
    assert (found.kind, found.address) == (kind, address)


def test_a_grid_that_cannot_be_read_names_the_option():
    with pytest.raises(UsageError) as refused:
        grid("lstm", axis=("batch=8..1",))
    assert refused.value.when == "--axis batch"
