"""How runs are named: by age, tag, id, or by the results database that holds them."""

import pytest

from stopwatt.errors import UsageError
from stopwatt.store import Access, RunStatus, open_store
from stopwatt.store.references import find_runs, names_a_store


@pytest.fixture
def opened(stored, rounds, cell):
    path = stored({"main": rounds(cell(1), (4.0,)), "feature/x": rounds(cell(2), (4.0,))})
    with open_store(path) as store:
        store.begin_run("stopwatt bench", "plan", "empty", "0.1.0")
        yield store


def tags(runs):
    return [run.tag for run in runs]


def test_last_is_the_latest_run_with_measurements_and_a_number_goes_back(opened):
    assert tags(find_runs(opened, "last")) == ["feature/x"]
    assert tags(find_runs(opened, "last~0")) == ["feature/x"]
    assert tags(find_runs(opened, "last~1")) == ["main"]


def test_going_back_too_far_says_how_many_there_are(opened):
    with pytest.raises(UsageError, match="'last~2': the results database holds 2"):
        find_runs(opened, "last~2")


def test_a_tag_names_its_runs_and_may_be_the_name_of_a_branch(opened):
    assert tags(find_runs(opened, "feature/x")) == ["feature/x"]


def test_an_id_or_its_beginning_names_a_run(opened):
    ident = opened.runs()[0].id

    assert [run.id for run in find_runs(opened, ident)] == [ident]
    assert [run.id for run in find_runs(opened, ident[:20].upper())] == [ident]


def test_a_beginning_that_several_ids_have_is_refused(opened, rounds, cell):
    for _ in range(17):  # more ids than hexadecimal digits: two begin alike
        run = opened.begin_run("stopwatt bench", "plan", "", "0.1.0")
        opened.save(run, rounds(cell(), (1.0,))[0])
        opened.finish_run(run, RunStatus.COMPLETE)
    ids = [run.id[0] for run in opened.runs() if run.rounds]
    twice = next(digit for digit in ids if ids.count(digit) > 1)

    with pytest.raises(UsageError, match="several ids of a run begin with") as refused:
        find_runs(opened, twice)
    assert "more of its digits" in refused.value.now


def test_a_word_that_is_a_tag_and_the_beginning_of_an_id_is_refused(stored, rounds, cell):
    path = stored({"main": rounds(cell(), (4.0,))})
    with open_store(path) as store:
        begins = store.runs()[0].id[:4]
        run = store.begin_run("stopwatt bench", "plan", begins, "0.1.0")
        store.save(run, rounds(cell(), (4.0,))[0])
        with pytest.raises(UsageError, match="is a tag and also the beginning of the id"):
            find_runs(store, begins)


@pytest.mark.parametrize("word", ["nothing", "empty", "", "ffffffffffffffffffffffffffffffff0"])
def test_what_names_nothing_is_refused_with_the_place_that_was_searched(opened, word):
    with pytest.raises(UsageError, match="there is no run or tag") as refused:
        find_runs(opened, word)
    assert refused.value.when == opened.where


def test_a_store_that_is_read_only_can_be_searched(stored, rounds, cell):
    path = stored({"main": rounds(cell(), (4.0,))})
    path.chmod(0o444)
    with open_store(path, access=Access.READ) as store:
        assert tags(find_runs(store, "main")) == ["main"]


@pytest.mark.parametrize(
    "word", ["results.db", "./results", "/tmp/x", "~/x", "../x.sqlite", "postgresql://USER@HOST/RESULTS"]
)
def test_paths_and_urls_name_stores(word):
    assert names_a_store(word)


def test_a_file_that_is_there_names_a_store_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not names_a_store("main")
    (tmp_path / "main").touch()
    assert names_a_store("main")


@pytest.mark.parametrize("word", ["main", "feature/x", "last~1", "1a2b3c4d", "v1.2.3"])
def test_tags_ids_and_ages_do_not(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not names_a_store(word)
