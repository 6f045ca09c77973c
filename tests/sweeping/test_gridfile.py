"""Grid files: what they mean, and that every error names file, line and key."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from stopwatt.datasets.labelled import Data, labelled_of
from stopwatt.datasets.opening import calibration_of
from stopwatt.energy import REPORTED, SCREENING, Telemetry
from stopwatt.errors import UsageError
from stopwatt.lined import MOST_BYTES, parse_yaml, read_yaml
from stopwatt.records import CLASSIC, QUICK, THOROUGH, Boundary, Paced, Process
from stopwatt.sweeping import energycost
from stopwatt.sweeping.grid import Axis, Exclusion, Grid
from stopwatt.sweeping.gridfile import as_request, grid_of, read_grid_file
from stopwatt.sweeping.plan import plan_grid
from stopwatt.ways import Load


def read(text):
    return grid_of(parse_yaml(text, "g.yaml"))


def refused(text):
    """The error of a grid that is read and planned."""
    with pytest.raises(UsageError) as caught:
        plan_grid(read(text))
    return caught.value


def test_a_file_says_what_the_options_say():
    text = """
workload: lstm
params: {features: 4}
axes:
  hidden: [8, 16]
  batch: 1..8
zip:
  - {seq: [4, 5], layers: [1, 2]}
exclude:
  - {hidden: 16, batch: [4, 8]}
protocol: {trials: 50, rounds: 2}
deadlines: [1ms, 500us]
tag: mine
"""
    grid = read(text)
    by_hand = Grid(
        (
            (Axis("batch", ("1", "2", "4", "8")),), (Axis("workload", ("lstm",)),),
            (Axis("layers", (1, 2)), Axis("seq", (4, 5))), (Axis("hidden", (16, 8)),), (Axis("features", ("4",)),),
        ),
        (Exclusion((Axis("batch", ("8", "4")), Axis("hidden", ("16",)))),),
        replace(CLASSIC, trials=50, trial_seconds=None, rounds=2),
        tag="mine",
    )  # fmt: skip
    assert plan_grid(grid).digest == plan_grid(by_hand).digest
    assert len(plan_grid(grid).cells) == 2 * 4 * 2 - 2 * 2
    assert grid.deadlines == (500e-6, 1e-3)


def test_a_grid_survives_being_written_down():
    grid = read(
        "workload: [lstm, mlp]\naxes: {hidden: [8, 16], backend: [eager, onnxruntime], lstm.seq: 4..16}\n"
        "zip: [{batch: [1, 2], threads: [1, 2]}]\nexclude: [{workload: mlp, hidden: 8}]\n"
        "protocol: {base: quick, boundary: host, warmup: {cap_seconds: 2s}, paced: {period_s: 1ms, load: cpu}}\n"
        "deadlines: 2ms\ntag: mine"
    )
    again = read(yaml.safe_dump(as_request(grid)["grid"]))
    assert plan_grid(again).digest == plan_grid(grid).digest
    assert (again.protocol, again.deadlines, again.tag) == (grid.protocol, grid.deadlines, grid.tag)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", CLASSIC),
        ("protocol: classic", CLASSIC),
        ("protocol: quick", replace(QUICK, process=Process.SHARED)),
        ("protocol: {base: thorough, rounds: 5}", replace(THOROUGH, process=Process.SHARED, rounds=5)),
        ("protocol: {trials: 100}", replace(CLASSIC, trials=100, trial_seconds=None)),
        ("protocol: {trials: 100, trial_seconds: 2s}", replace(CLASSIC, trials=100, trial_seconds=2.0)),
        ("protocol: {process: fresh, boundary: host}", replace(CLASSIC, process=Process.FRESH, boundary=Boundary.HOST)),
        ("protocol: {timeout_s: 2min, tolerance: 0.5}", replace(CLASSIC, timeout_s=120.0, tolerance=0.5)),
        (
            "protocol: {warmup: {cap_seconds: 500ms, min_seconds: null}}",
            replace(CLASSIC, warmup=replace(CLASSIC.warmup, cap_seconds=0.5)),
        ),
    ],
)
def test_a_protocol_is_a_base_and_what_differs(text, expected):
    assert read(f"workload: lstm\n{text}\n").protocol == expected


def test_a_paced_series_gets_the_time_that_it_takes():
    rules = read("workload: lstm\nprotocol: {paced: {period_s: 10ms, cycles: 100000, load: memory}}").protocol
    assert rules.paced == Paced(0.01, 100_000, load=Load.MEMORY)
    assert rules.timeout_s > CLASSIC.timeout_s + 1000


@pytest.mark.parametrize("text", ["8", "'8'", "[8]", "[008]", "- 8"])
def test_a_value_means_what_it_means_on_the_command_line(text):
    text = f"\n    {text}" if text.startswith("-") else text
    grid = read(f"workload: lstm\naxes:\n  hidden: {text}\n")
    assert plan_grid(grid).cells[0].workload.params["hidden"] == 8


def test_no_is_not_false_and_a_minute_is_not_sixty():
    assert read("workload: lstm\ntag: no").tag == "no"
    assert read("workload: lstm\ntag: 1:30").tag == "1:30"


REFUSED = [
    # document, line, a part of the key's path, what
    ("", 1, "", "the grid is empty"),
    ("# only a comment", 1, "", "the grid is empty"),
    ("- lstm", 1, "", "no keys"),
    ("workload: lstm\naxis: {hidden: 8}", 2, "axis", "unknown key 'axis'"),
    ("workload: lstm\naxes:\n  hiden: 8", 3, "axes.hiden", "unknown axis of lstm 'hiden'"),
    ("workload: lstn", 1, "workload", "unknown workload 'lstn'"),
    ("workload: lstm\ndevice: gpu", 2, "device", "unknown device 'gpu'"),
    ("workload:\n- lstm\n- lstn", 3, "workload", "unknown workload 'lstn'"),
    ("workload:", 1, "workload", "cannot be nothing"),
    ("workload: lstm\naxes:\n  hidden: []", 3, "axes.hidden", "has no values"),
    ("workload: lstm\naxes:\n  hidden:\n  - 8\n  - x", 5, "axes.hidden", "cannot be 'x'"),
    ("workload: lstm\naxes:\n  hidden:\n  - 8\n  - 0", 5, "axes.hidden", "out of bounds: 0"),
    ("workload: lstm\naxes:\n  hidden:\n  - 8\n  - 8", 5, "axes.hidden", "given twice"),
    ("workload: lstm\naxes:\n  hidden: {a: 1}", 3, "axes.hidden", "cannot be keys"),
    ("workload: lstm\naxes:\n  hidden: [[8]]", 3, "axes.hidden", "cannot be a list"),
    ("workload: lstm\naxes: 8", 2, "axes", "axes cannot be '8'"),
    ("workload: lstm\naxes:\n  batch: 8..1", 3, "axes.batch", "8..1 is no range"),
    ("workload: lstm\naxes:\n  hidden: 8\n  hidden: 9", "s 3 and 4", "", "'hidden' is there twice"),
    ("workload: lstm\nworkload: mlp", "s 1 and 2", "", "'workload' is there twice"),
    ("workload: lstm\nparams: {hidden: 8}\naxes:\n  hidden: 8", 4, "axes.hidden", "hidden is given twice"),
    ("workload: lstm\nparams:\n  batch: 8", 3, "params.batch", "not a parameter"),
    ("workload: lstm\nzip:\n- {hidden: [8, 9],\n   seq: [4]}", 4, "zip.seq", "have 2 and 1 values"),
    ("workload: lstm\naxes: {hidden: [8, 9]}\nexclude:\n- {hidden: 7}", 4, "exclude", "hidden is never 7"),
    ("workload: lstm\naxes: {hidden: [8, 9]}\nexclude:\n- {hiden: 8}", 4, "exclude.hiden", "unknown axis"),
    ("workload: lstm\nexclude:\n- {}", 3, "exclude", "says nothing"),
    ("workload: lstm\nprotocol:\n  trial: 5", 3, "protocol.trial", "unknown key 'trial'"),
    ("workload: lstm\nprotocol:\n  warmup:\n    cap: 5s", 4, "protocol.warmup.cap", "unknown key 'cap'"),
    ("workload: lstm\nprotocol:\n  trials: many", 3, "protocol.trials", "cannot be 'many'"),
    ("workload: lstm\nprotocol:\n  trials: 0", 3, "protocol.trials", "out of range"),
    ("workload: lstm\nprotocol:\n  seed: -1", 3, "protocol.seed", "out of range"),
    ("workload: lstm\nprotocol:\n  timeout_s: 5x", 3, "protocol.timeout_s", "cannot read '5x'"),
    ("workload: lstm\nprotocol:\n  warmup: {cap_seconds: -1s}", 3, "protocol.warmup", "out of range"),
    ("workload: lstm\nprotocol:\n  paced: {cycles: 5}", 3, "protocol.paced", "period_s is missing"),
    ("workload: lstm\nprotocol:\n  paced: {period_s: 0}", 3, "protocol.paced", "out of range"),
    ("workload: lstm\nprotocol: fast", 2, "protocol", "unknown protocol 'fast'"),
    ("workload: lstm\ndeadlines: [1ms,\n  0]", 3, "deadlines", "a deadline of 0"),
    ("workload: lstm\ndeadlines: -5ms", 2, "deadlines", "a deadline of -5ms"),
    ("workload: lstm\ndeadlines: nan", 2, "deadlines", "cannot read 'nan'"),
    ("workload: lstm\ntag: [a]", 2, "tag", "cannot be a list"),
    ("workload: [lstm", 1, "", "no YAML"),
    ("workload: lstm\n\taxes: 1", 2, "", "no YAML"),
    ("workload: *nobody", 1, "", "undefined alias"),
    ("workload: lstm\n---\nworkload: mlp", 2, "", "another document"),
    ("workload: lstm\n? [a]\n: 1", 2, "", "no plain text"),
    ("workload: lstm\n<<: {tag: x}", 2, "", "no plain text"),
    ("workload: lstm\ntag: !!binary aGk=", 2, "", "!!binary is refused"),
    ("workload: lstm\ntag: !mine x", 2, "", "!mine is refused"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "what"), REFUSED, ids=[row[3] for row in REFUSED])
def test_every_error_names_the_file_the_line_and_the_key(text, line, key, what):
    error = refused(text)
    assert what in error.what
    assert f"g.yaml, line{'' if isinstance(line, str) else ' '}{line}" in error.when
    assert key in error.when
    assert error.now


def test_near_names_are_offered():
    assert "axes" in refused("workload: lstm\naxis: {hidden: 8}").now
    assert "trials" in refused("workload: lstm\nprotocol: {trial: 5}").now


def test_python_objects_are_refused_and_nothing_of_them_runs(tmp_path):
    canary = tmp_path / "canary"
    for tag in ("object/apply:os.system", "object/new:os.system", "name:os.system", "module:os"):
        error = refused(f"workload: lstm\ntag: !!python/{tag} ['touch {canary}']")
        assert "is refused" in error.what
        assert "g.yaml, line 2" in error.when
    assert not canary.exists()


def test_a_billion_laughs_are_refused_in_little_memory():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{one}: &{one} [{', '.join([f'*{before}'] * 10)}]" for before, one in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    tracemalloc.start()
    error = refused("\n".join(lines))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 100000 values" in error.what
    assert "g.yaml, line" in error.when
    assert peak < 50e6


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 5000, "a: " + "{b: " * 50 + "1" + "}" * 50])
def test_what_lies_too_deep_is_refused(text):
    assert "too deep" in refused(text).what


def test_an_alias_of_a_plain_list_is_fine():
    grid = read("workload: lstm\naxes: {hidden: &sizes [8, 16], seq: *sizes}")
    assert len(plan_grid(grid).cells) == 4


def test_a_billion_cells_are_refused_with_the_number():
    values = ", ".join(map(str, range(1, 1001)))
    text = "workload: lstm\naxes:\n" + "".join(f"  {name}: [{values}]\n" for name in ("hidden", "seq", "features"))
    assert "1000000000 cells are too many" in refused(text).what


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "g.yaml"
    path.write_text("# " + "x" * MOST_BYTES)
    with pytest.raises(UsageError, match="larger than"):
        read_yaml(path)


@pytest.mark.parametrize("place", ["nowhere.yaml", "folder.yaml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, place):
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(UsageError, match="cannot read") as error:
        read_grid_file(tmp_path / place)
    assert place in error.value.what


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "g.yaml"
    path.write_bytes(b"workload: lstm\n\xff\xfe")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        read_yaml(path)
    path.write_bytes(b"workload: \0")
    with pytest.raises(UsageError, match="no YAML"):
        read_yaml(path)


def test_hostile_names_stay_text():
    name = "<script>alert(1)</script> =cmd() \N{ROCKET} ../"
    assert read(yaml.safe_dump({"workload": "lstm", "tag": name * 10})).tag == name * 10
    assert "unknown key" in refused(yaml.safe_dump({"workload": "lstm", name: 1})).what


def test_the_examples_can_be_read():
    for path in (Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"):
        assert plan_grid(read_grid_file(path)).cells


def test_energy_is_a_grade_or_rules_that_begin_with_one():
    def energy(text):
        return read(f"workload: mlp\nprotocol: {{energy: {text}}}").protocol

    assert energy("reported").energy == REPORTED
    own = energy("{grade: reported, window_s: 8s, windows: 4}")
    assert own.energy == replace(REPORTED, window_s=8.0, windows=4)
    assert energy("{replay: true}").energy == replace(SCREENING, replay=True)
    assert energy("reported").timeout_s == CLASSIC.timeout_s + energycost.latest_s(REPORTED)


def test_telemetry_and_watts_are_keys_of_the_protocol():
    rules = read("workload: mlp\nprotocol: {telemetry: off, cpu_watts: 12.5}").protocol
    assert (rules.telemetry, rules.cpu_watts) == (Telemetry.OFF, 12.5)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{energy: joules}", "grade"),
        ("{energy: {grade: reported, colour: red}}", "colour"),
        ("{energy: {window_s: 0}}", "window_s"),
        ("{energy: reported, timeout_s: 5s}", "energy"),
        ("{telemetry: sometimes}", "telemetry"),
        ("{cpu_watts: -1}", "busy core"),
    ],
)
def test_energy_that_cannot_be_is_refused_with_its_line(text, key):
    error = refused(f"workload: mlp\nprotocol: {text}")
    assert "g.yaml" in error.when
    assert "2" in error.when
    assert key in f"{error.what} {error.when} {error.now}"


def test_data_to_calibrate_on_are_drawn_when_the_file_is_read(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.arange(12).reshape(6, 2))
    data = str(tmp_path / "data.npz")
    rules = read(f"workload: mlp\nprotocol: {{calibration: {data}}}").protocol
    assert rules.calibration == calibration_of(data)
    grid = read(f"workload: mlp\nprotocol: {{calibration: {{data: {data}, samples: 4, seed: 1}}}}")
    assert grid.protocol.calibration == calibration_of(data, samples=4, seed=1)
    kept = yaml.safe_dump(as_request(grid)["grid"]["protocol"]["calibration"], default_flow_style=True)
    again = f"workload: mlp\nprotocol: {{calibration: {kept.strip()}}}"
    assert read(again).protocol == grid.protocol
    np.savez(tmp_path / "data.npz", x=np.zeros((6, 2)))
    assert "no longer hold" in refused(again).what


def test_labelled_data_are_drawn_beside_those_to_calibrate_on(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.arange(12).reshape(6, 2), label=np.arange(6))
    data = str(tmp_path / "data.npz")
    both = f"calibration: {{data: {data}, samples: 2, seed: 3}}, accuracy: {data}"
    rules = read(f"workload: mlp\nprotocol: {{{both}}}").protocol
    assert rules == replace(rules, accuracy=labelled_of(Data(data), kept_out=2, seed=3))
    assert rules.accuracy.samples == 4
    alone = read(f"workload: mlp\nprotocol: {{seed: 5, accuracy: {{data: {data}, samples: 3}}}}")
    assert alone.protocol.accuracy == labelled_of(Data(data, samples=3), seed=5)
    for grid in (read(f"workload: mlp\nprotocol: {{{both}}}"), alone):
        kept = yaml.safe_dump(as_request(grid)["grid"]["protocol"]["accuracy"], default_flow_style=True)
        again = read(f"workload: mlp\nprotocol: {{accuracy: {kept.strip()}}}").protocol
        assert again.accuracy == grid.protocol.accuracy


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{accuracy: nowhere.npz}", "cannot be read"),
        ("{accuracy: {labels: x}}", "data"),
        ("{calibration: nowhere.npz}", "cannot be read"),
        ("{calibration: {samples: 4}}", "data"),
        ("{calibration: {data: x, colour: red}}", "colour"),
    ],
)
def test_data_to_calibrate_on_that_cannot_be_are_refused_with_their_line(text, what):
    error = refused(f"workload: mlp\nprotocol: {text}")
    assert "g.yaml" in error.when
    assert what in f"{error.what} {error.when} {error.now}"
