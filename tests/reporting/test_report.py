"""`stopwatt report` and `stopwatt plot`, and the same from the library: from a results database to files."""

import json
from pathlib import Path

import pytest
from sweep_example import Example, measure

import stopwatt
from stopwatt.analyse.summary import summarise
from stopwatt.cli import main
from stopwatt.errors import UsageError
from stopwatt.reporting.charts.catalogue import KINDS
from stopwatt.reporting.report import select
from stopwatt.reporting.result import BenchResult
from stopwatt.store import Access, RunStatus, open_store

EXAMPLE = Example(layers=(1,), hidden=(64, 128), batch=(1, 8), rounds=3, trials=40, failures=False)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A store with three runs: an old one, one tagged `nightly` with a deadline, and the latest, of one cell."""
    path = tmp_path_factory.mktemp("store") / "results.db"
    measurements, _ = measure(EXAMPLE)
    latest, _ = measure(Example(layers=(2,), hidden=(64,), batch=(1,), backends=("eager",), rounds=1, trials=40))
    with open_store(path) as store:
        for tag, found, request in (
            ("old", measurements[:1], {}),
            ("nightly", measurements, {"deadlines": [2e-4]}),
            ("", latest, {}),
        ):
            run = store.begin_run(f"stopwatt sweep {tag}", f"plan {tag}", tag, "0", request)
            for number, one in enumerate(found):
                fields = {name: getattr(one, name) for name in one.__dataclass_fields__}
                store.save(run, type(one)(**fields | {"id": f"{run.id[:20]}{number:012x}"}))
            store.finish_run(run, RunStatus.COMPLETE)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch, database):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STOPWATT_STORE", str(database))
    return tmp_path


def run(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def test_without_words_the_latest_run_becomes_report_html(here, undrawn, capsys):
    assert run("report") == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1].startswith("report.html: 1 cell, ")
    assert "layers=2" in (here / "report.html").read_text()


def test_the_top_findings_are_printed(here, undrawn, capsys):
    run("report", "nightly")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("- ")
    assert any("the page has all of them" in line for line in lines)


def test_a_run_is_named_by_tag_id_or_age(here, undrawn, database):
    with open_store(database, access=Access.READ) as store:
        ident = store.runs()[1].id
    for name in ("nightly", ident[:8], "last~1"):
        with open_store(database, access=Access.READ) as store:
            assert len(select(store, [name]).analysis.cells) == 8


def test_several_runs_become_one_page(here, undrawn):
    assert run("report", "nightly", "last") == 0
    page = (here / "report.html").read_text()
    assert page.count("<h3>Further run</h3>") == 1
    assert page.count("<tr data-key") == 9


def test_deadlines_of_the_run_and_of_the_option_are_both_judged(here, undrawn):
    assert run("report", "nightly", "--deadline", "1ms") == 0
    page = (here / "report.html").read_text()
    assert "<td>200 us</td>" in page
    assert "<td>1 ms</td>" in page


def test_cells_stand_by_size_whatever_the_order_in_which_they_were_measured(database):
    with open_store(database, access=Access.READ) as store:
        points = select(store, ["nightly"]).analysis.grid.points
    assert [point.where["hidden"] for point in points] == [64] * 4 + [128] * 4


def test_an_older_report_is_replaced_and_anything_else_is_not(here, undrawn, capsys):
    (here / "mine.html").write_text("<html>mine</html>")
    assert run("report", "--out", "mine.html") == 2
    assert "is no report of stopwatt" in capsys.readouterr().err
    assert (here / "mine.html").read_text() == "<html>mine</html>"
    assert run("report", "--out", "mine.html", "--force") == 0
    assert run("report", "--out", "mine.html") == 0


@pytest.mark.parametrize("out", ["nowhere/report.html", "."])
def test_a_place_that_cannot_hold_a_file_is_refused(here, undrawn, out):
    assert run("report", "--out", out) == 2


def test_a_report_that_fails_leaves_nothing_behind(here, monkeypatch):
    monkeypatch.setattr("stopwatt.reporting.report.render", lambda *_: 1 / 0)
    assert run("report") != 0
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("words", [["nothing"], ["--deadline", "0"], ["--deadline", "nan"], ["--store", "nowhere.db"]])
def test_a_wrong_request_is_a_usage_error_with_a_remedy(here, undrawn, capsys, words):
    assert run("report", *words) == 2
    assert "now:" in capsys.readouterr().err


def test_open_shows_the_page(here, undrawn, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    run("report", "--open")
    assert opened == [(here / "report.html").as_uri()]


def test_json_says_what_was_written_and_found(here, undrawn, capsys):
    assert run("report", "nightly", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["path"], printed["cells"], len(printed["runs"])) == ("report.html", 8, 1)
    assert printed["bytes"] == Path("report.html").stat().st_size
    assert all(finding["text"] for finding in printed["findings"])


def test_the_library_writes_the_same_page(here, undrawn):
    written = stopwatt.report("nightly", out=here / "a.html", deadlines=[1e-3])
    assert (written.cells, written.path) == (8, here / "a.html")
    assert written.size == (here / "a.html").stat().st_size


def test_a_result_writes_the_page_of_its_run(here, undrawn, database):
    with open_store(database, access=Access.READ) as store:
        of_run = store.runs()[1]
        rows = tuple(summarise([]))
    result = BenchResult(rows, of_run, str(database), {})
    assert result.report(here / "b.html").cells == 8
    (here / "c.html").write_text("mine")
    with pytest.raises(UsageError):
        result.report(here / "c.html")


def test_plot_alone_lists_the_kinds_with_what_they_show(here, capsys):
    assert run("plot") == 0
    printed = capsys.readouterr().out
    assert all(kind in printed and line.split(",")[0][:40] in printed for kind, line in KINDS.items())


def test_an_unknown_kind_is_refused_with_the_nearest(here, capsys):
    assert run("plot", "histgram") == 2
    assert "histogram" in capsys.readouterr().err


def test_a_figure_is_written_under_its_kind_and_says_what_it_shows(here, capsys):
    assert run("plot", "growth", "--run", "nightly", "--x", "hidden") == 0
    assert (here / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.startswith("growth.png: Latency")


def test_coordinates_choose_the_cell(here, capsys):
    words = ["plot", "sequence", "hidden=128", "batch=8", "backend=onnxruntime", "--run", "nightly"]
    assert run(*words, "--out", "a.svg") == 0
    assert "hidden=128" in capsys.readouterr().out
    assert "onnxruntime fp32 batch 8" in (here / "a.svg").read_text()


def test_a_key_chooses_the_cell(here, database, capsys):
    with open_store(database, access=Access.READ) as store:
        key = select(store, ["nightly"]).analysis.cells[5].row.cell.key
    assert run("plot", "ecdf", key[:10], "--run", "nightly", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["path"] is None
    assert "lines" in printed["chart"]["datasets"]
    assert list(here.iterdir()) == []


def test_a_shift_of_two_cells(here):
    assert run("plot", "shift", "hidden=64", "batch=1", "--run", "nightly", "--out", "a.html", "--dark") == 0
    assert "backend=onnxruntime" in (here / "a.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sequence", "hiden=64"], "hidden"),
        (["sequence", "hidden=65"], "there are 64"),
        (["sequence", "zz"], "no cell's key begins"),
        (["growth", "--x", "backend"], "unknown numeric axis"),
        (["growth", "--out", "a.gif"], ".svg"),
        (["heat", "--x", "hidden", "--metric", "speed"], "unknown metric"),
        (["shift"], "compares two cells"),
    ],
)
def test_a_figure_that_cannot_be_drawn_says_why(here, capsys, words, said):
    assert run("plot", *words, "--run", "nightly") == 2
    assert said in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_a_figure_does_not_replace_a_file(here):
    (here / "ecdf.png").write_text("mine")
    assert run("plot", "ecdf") == 2
    assert (here / "ecdf.png").read_text() == "mine"
    assert run("plot", "ecdf", "--force") == 0
