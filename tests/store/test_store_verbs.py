"""`show`, `export` and `import` as a user types them."""

import json
from dataclasses import replace

import cyclopts
import pytest
from store_examples import HOSTILE_NAMES, cell, measurement

from stopwatt.cli.export import export
from stopwatt.cli.import_ import import_
from stopwatt.cli.show import show
from stopwatt.errors import UsageError
from stopwatt.records import Measurement, Status
from stopwatt.store import open_store

WIDTH = 100


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A store with two runs, chosen by the environment."""
    path = tmp_path / "results.db"
    with open_store(path) as store:
        night = store.begin_run("stopwatt bench lstm --tag night", "p1", "night", "0.1.0")
        store.save(night, measurement())
        store.save(night, measurement(number=1, status=Status.TIMEOUT))
        store.save(
            store.begin_run("stopwatt bench gpt2", "p2", "", "0.1.0"), measurement(of=cell("gpt2", batch=8), seed=3)
        )
    monkeypatch.setenv("STOPWATT_STORE", str(path))
    return path


@pytest.fixture
def type_in(capsys):
    """Runs a line as `stopwatt` would; what it printed."""
    app = cyclopts.App(name="stopwatt")
    app.command(show, name="show")
    app.command(export, name="export")
    app.command(import_, name="import")

    def run(*words):
        app([str(word) for word in words], exit_on_error=False, print_error=False, result_action="return_value")
        return capsys.readouterr().out

    return run


def widest(text):
    return max(len(line) for line in text.splitlines())


def test_show_lists_runs_and_measurements(path, type_in):
    text = type_in("show")
    assert "stopwatt bench lstm --tag night" in text
    assert "stopwatt bench gpt2" in text
    assert measurement().id[:8] in text
    assert "timeout" in text
    assert widest(text) <= WIDTH


def test_show_lists_what_the_options_select(path, type_in):
    document = json.loads(type_in("show", "--workload", "gpt2", "--batch", "8", "--json"))
    assert [found["workload"] for found in document["measurements"]] == ["gpt2"]
    assert [run["command"] for run in document["runs"]] == ["stopwatt bench gpt2"]
    assert document["schema"] == 1


def test_show_of_a_run_lists_its_measurements(path, type_in):
    with open_store(path) as store:
        night = store.runs()[0]
    document = json.loads(type_in("show", night.id[:12], "--json"))
    assert [found["round"] for found in document["measurements"]] == [0, 1]
    assert [run["id"] for run in document["runs"]] == [night.id]


def test_show_of_a_measurement_shows_it_in_full(path, type_in):
    failed = measurement(number=1, status=Status.TIMEOUT)
    text = type_in("show", failed.id[:12])
    for part in (
        failed.id, failed.cell.key, "it broke", "trial 3", "mend it",
        "host_memory", "2.00 GiB", "a CPU has no memory of its own",
        "build", "250 ms", "warmup.min_calls", "Imaginary 9000", "2.13.0",
        "no-steady-state", "it drifts", "measure longer", "last words",
    ):  # fmt: skip
        assert part in text
    assert widest(text) <= WIDTH


def test_show_summarises_trials_in_seconds(path, type_in):
    shown = json.loads(type_in("show", measurement().id, "--json"))["measurement"]
    values = sorted(measurement().samples["latency"].values.tolist())
    assert shown["samples"]["latency"] == {
        "n": 5,
        "min": pytest.approx(values[0] * 1e-9),
        "median": pytest.approx(values[2] * 1e-9),
        "max": pytest.approx(values[-1] * 1e-9),
        "unit": "s",
    }


def test_json_has_no_constants_that_json_does_not_know(path, type_in):
    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(type_in("show", measurement().id, "--json"), parse_constant=refuse)
    assert document["measurement"]["readings"]["deviation"]["value"] is None


def test_what_is_missing_is_a_dash(path, type_in):
    with open_store(path) as store:
        bare = Measurement(replace(cell(), machine="", code=""), 0, Status.NO_RESULT)
        store.save(store.runs()[0], bare)
    text = type_in("show", bare.id)
    assert "code       -" in text
    assert "Trials" in text


@pytest.mark.parametrize(
    ("words", "what", "now"),
    [
        (("--workload", "lsmt"), "no measurement has --workload lsmt", "did you mean lstm"),
        (("--device", "cuda"), "no measurement has --device cuda", "there is cpu"),
        (("--backend", "trt", "--batch", "8"), "no measurement has --backend trt", "there is eager"),
        (("--workload", "lstm", "--batch", "8"), "fits --workload lstm --batch 8 together", "leave one out"),
    ],
)
def test_show_says_which_condition_nothing_fits(path, type_in, words, what, now):
    for more in ((), ("--rates",)):
        with pytest.raises(UsageError, match=what) as refused:
            type_in("show", *words, *more)
        assert refused.value.when == f"3 measurements in {path}"
        assert now in refused.value.now


def test_as_json_a_selection_that_nothing_fits_is_an_empty_list(path, type_in):
    assert json.loads(type_in("show", "--workload", "nope", "--json"))["measurements"] == []
    assert json.loads(type_in("show", "--workload", "nope", "--rates", "--json"))["rates"] == []


def test_a_run_that_saved_nothing_yet_is_listed(path, type_in):
    with open_store(path) as store:
        begun = store.begin_run("stopwatt bench mlp", "p3", "", "0.1.0")
    assert "stopwatt bench mlp" in type_in("show", "--run", begun.id)


def test_an_empty_store_lists_nothing(tmp_path, type_in):
    open_store(tmp_path / "empty.db").close()
    assert "Measurements" in type_in("show", "--store", tmp_path / "empty.db")


def test_an_unknown_id_is_an_error_with_the_next_command(path, type_in):
    with pytest.raises(UsageError, match="'beef'") as refused:
        type_in("show", "beef")
    assert "stopwatt show" in refused.value.now


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_neither_breaks_the_table_nor_reaches_the_terminal(tmp_path, type_in, name):
    with open_store(tmp_path / "hostile.db") as store:
        store.save(store.begin_run(name, "p", name, "0.1.0"), replace(measurement(name), log=name))
    for words in (("show",), ("show", measurement().id)):
        text = type_in(*words, "--store", tmp_path / "hostile.db")
        assert "\x1b" not in text
        assert "\r" not in text
        assert "\0" not in text
        assert widest(text) <= WIDTH


def test_export_and_import_say_what_they_did(path, tmp_path, type_in):
    assert "3 measurements" in type_in("export", tmp_path / "out.json")
    other = tmp_path / "other.db"
    assert "3 new measurements" in type_in("import", tmp_path / "out.json", "--store", other)
    again = json.loads(type_in("import", tmp_path / "out.json", "--store", other, "--json"))
    assert again == {"schema": 1, "path": str(tmp_path / "out.json"), "new": 0, "known": 3}


def test_export_replaces_a_file_only_when_forced(path, tmp_path, type_in):
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(UsageError):
        type_in("export", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"
    said = json.loads(type_in("export", tmp_path / "out.csv", "--force", "--status", "ok", "--json"))
    assert (said["schema"], said["measurements"]) == (1, 2)


def test_show_and_export_make_no_database(tmp_path, type_in):
    for words in (("show",), ("export", tmp_path / "out.csv")):
        with pytest.raises(UsageError, match="no results database"):
            type_in(*words, "--store", tmp_path / "nowhere.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["show", "export", "import"])
def test_help_opens_with_a_sentence_and_three_examples(verb, type_in):
    text = type_in(verb, "--help")
    examples = [line for line in text.splitlines() if line.strip().startswith(f"stopwatt {verb}")]
    assert len(examples) == 3
