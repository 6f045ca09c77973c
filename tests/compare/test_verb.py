"""`stopwatt compare` on stored results: what it prints, with which exit code, and what it refuses."""

import json

import pytest

from stopwatt.cli import main
from stopwatt.errors import ExitCode
from stopwatt.records import Precision, Status, Trouble
from stopwatt.stats.ratios import MARGIN

STEADY = (4.0, 4.01, 4.02)
SLOW = (4.4, 4.41, 4.42)


@pytest.fixture
def call(capsys):
    """Run a command line beside the results database and return `(exit code, standard output, standard error)`."""

    def go(*words):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        output = capsys.readouterr()
        return stop.value.code, output.out, output.err

    return go


@pytest.fixture(scope="module")
def both_tags(store_in, tmp_path_factory, rounds, cell):
    before = [*rounds(cell(1), STEADY), *rounds(cell(2), STEADY)]
    after = [*rounds(cell(1, code="new"), STEADY, minutes=60), *rounds(cell(2, code="new"), SLOW, minutes=60)]
    return store_in(tmp_path_factory.mktemp("tags"), {"before": before, "after": after})


@pytest.fixture
def two_tags(both_tags, monkeypatch):
    """`before` and `after`: batch 1 as before, batch 2 10 % slower. Comparisons only read it."""
    monkeypatch.chdir(both_tags.parent)
    return both_tags


@pytest.mark.parametrize("words", [("before", "after"), ("last~1", "last")])
def test_two_runs_of_one_store_are_compared_by_tag_or_age(call, two_tags, words):
    code, out, _ = call("compare", *words)

    assert code == ExitCode.OK
    assert "time B / time A: above 1 B is slower" in out
    (slow,) = (line for line in out.splitlines() if line.startswith("batch=2"))
    assert "1.100" in slow
    assert slow.rstrip().endswith("slower")
    assert "1 slower, 1 equivalent" in out
    assert max(map(len, out.splitlines())) <= 100


def test_two_stores_are_compared_by_their_paths(call, stored, rounds, cell):
    a = stored({"": rounds(cell(), STEADY)}, "a.db")
    b = stored({"": rounds(cell(code="new"), SLOW)}, "b.db")

    code, out, _ = call("compare", a, b)

    assert code == ExitCode.OK
    assert "1 slower" in out


def test_a_store_and_a_tag_of_another_store_can_be_mixed(call, two_tags, stored, rounds, cell):
    other = stored({"": [*rounds(cell(1), STEADY), *rounds(cell(2), STEADY)]}, "other.db")

    code, out, _ = call("compare", other, "after", "--store", two_tags)

    assert code == ExitCode.OK
    assert "1 slower, 1 equivalent" in out


@pytest.mark.parametrize(
    ("fail_on", "code"),
    [
        ("slower", ExitCode.REGRESSION),
        ("inconclusive", ExitCode.OK),
        ("missing", ExitCode.OK),
        ("missing,slower", ExitCode.REGRESSION),
    ],
)
def test_the_exit_code_is_1_where_something_is_found_that_shall_fail(call, two_tags, fail_on, code):
    ended, out, err = call("compare", "before", "after", "--fail-on", fail_on)

    assert ended == code
    assert "1 slower" in out  # the result is printed first
    if code:
        assert "when:" in err


def test_a_regression_names_the_cell_and_its_ratio(call, two_tags):
    _, _, err = call("compare", "before", "after", "--fail-on", "slower")

    assert err.startswith("stopwatt: slower in 1 of 2 cells, and in their mean\n")
    assert "when: batch=2: B / A = 1.100" in err


def test_a_regression_names_only_what_was_found(call, two_tags):
    _, _, err = call("compare", "before", "after", "--fail-on", "slower,inconclusive,missing")

    assert err.startswith("stopwatt: slower in 1 of 2 cells, and in their mean\n")


def test_equal_results_do_not_fail(call, stored, rounds, cell):
    stored({"before": rounds(cell(), STEADY), "after": rounds(cell(code="new"), STEADY)})

    assert call("compare", "before", "after", "--fail-on", "slower,inconclusive,missing")[0] == ExitCode.OK


def test_a_cell_that_b_lost_fails_where_that_is_asked_for(call, stored, rounds, cell):
    crash = {"status": Status.CRASHED, "trouble": Trouble("crashed with SIGSEGV")}
    before = [*rounds(cell(1), STEADY), *rounds(cell(2), STEADY)]
    stored({"before": before, "after": [*rounds(cell(1), STEADY), *rounds(cell(2), STEADY, **crash)]})

    code, _, err = call("compare", "before", "after", "--fail-on", "missing")

    assert code == ExitCode.REGRESSION
    assert "batch=2: B: crashed: crashed with SIGSEGV" in err


def test_the_margin_decides_what_matters(call, stored, rounds, cell):
    stored({"before": rounds(cell(), STEADY), "after": rounds(cell(code="new"), (4.06, 4.07, 4.08))})

    assert "1 equivalent" in call("compare", "before", "after", "--margin", "5%")[1]
    assert "1 slower" in call("compare", "before", "after", "--margin", "0.01")[1]


def test_the_help_names_the_margin_that_holds_by_default(call):
    assert f"({MARGIN:.0%})" in call("compare", "--help")[1]


def test_json_has_rows_with_ratio_interval_and_verdict(call, two_tags):
    code, out, _ = call("compare", "before", "after", "--json")
    document = json.loads(out)

    assert code == ExitCode.OK
    assert [(row["label"], row["verdict"]) for row in document["rows"]] == [
        ("batch=1", "equivalent"),
        ("batch=2", "slower"),
    ]
    row = document["rows"][1]
    assert row["low"] < row["ratio"] < row["high"]
    assert row["ratio"] == pytest.approx(1.1, rel=1e-3)
    assert document["forced"] is False
    assert document["verdicts"] == {"slower": 1, "inconclusive": 0, "faster": 0, "equivalent": 1}


def test_markdown_shows_what_somebody_has_to_act_on_and_folds_the_rest(call, two_tags):
    code, out, _ = call("compare", "before", "after", "--markdown")
    shown, _, folded = out.partition("<details>")

    assert code == ExitCode.OK
    assert "| batch=2 |" in shown
    assert "**slower**" in shown
    assert "| batch=1 |" in folded


@pytest.fixture
def two_precisions(stored, rounds, cell):
    return stored({"before": rounds(cell(), STEADY), "after": rounds(cell(precision=Precision.BF16), STEADY)})


def test_unlike_things_are_refused_with_code_2(call, two_precisions):
    code, out, err = call("compare", "before", "after")

    assert (code, out) == (ExitCode.USAGE, "")
    assert "A and B are not alike: precision fp32 / bf16" in err


@pytest.mark.parametrize("form", ["", "--json", "--markdown"])
def test_by_force_every_form_of_the_result_bears_the_mark(call, two_precisions, form):
    code, out, _ = call("compare", "before", "after", "--force", *([form] if form else []))

    assert code == ExitCode.OK
    if form == "--json":
        document = json.loads(out)
        assert document["forced"] is True
        assert document["unlike"] == {"precision": "fp32 / bf16"}
        assert document["rows"][0]["unlike"] == {"precision": "fp32 / bf16"}
    else:
        assert "NOT ALIKE, compared by force: precision fp32 / bf16" in out
        assert "(forced)" in out


def test_two_stores_of_different_machines_are_refused_with_what_differs(call, stored, rounds, cell):
    a = stored({"": rounds(cell(machine="m1"), STEADY, facts={"cpu.model": "EPYC"})}, "a.db")
    b = stored({"": rounds(cell(machine="m2"), STEADY, facts={"cpu.model": "Xeon"})}, "b.db")

    code, _, err = call("compare", a, b)

    assert code == ExitCode.USAGE
    assert "EPYC / Xeon" in err
    assert "NOT ALIKE" in call("compare", a, b, "--force")[1]


REFUSED = {
    "no such tag": (("before", "nothing"), "there is no run or tag 'nothing'"),
    "no such store": (("before", "gone.db"), "there is no results database"),
    "too far back": (("last~9", "last"), "holds 2 with measurements"),
    "the same run": (("last", "after"), "A and B are the same run"),
    "one side": (("after",), "there is only one side"),
    "three sides": (("before", "after", "last"), "takes two sides, not 3"),
    "no side": ((), "takes two sides, not 0"),
    "no such metric": (("before", "after", "--metric", "speed"), "there is no metric 'speed'"),
    "a margin of 0": (("before", "after", "--margin", "0"), "the margin 0 is out of range"),
    "a margin of 100 %": (("before", "after", "--margin", "100%"), "the margin 1 is out of range"),
    "a margin that is none": (("before", "after", "--margin", "small"), "cannot read 'small'"),
    "no reason to fail on": (("before", "after", "--fail-on", ","), "unknown reason to fail on ''"),
    "no such verdict": (("before", "after", "--fail-on", "slow"), "unknown reason to fail on 'slow'"),
    "two ways at once": (("--now", "--aa", "mlp"), "--now and --aa exclude each other"),
    "one command": (("--commands", "true"), "takes two commands, not 1"),
    "three setups": (("--now", "mlp", "--axis", "batch=1,2,4"), "describe 3"),
    "two setups against themselves": (("--aa", "mlp", "--axis", "batch=1,2"), "describe 2"),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_in_three_parts(call, two_tags, words, told):
    code, out, err = call("compare", *words)

    assert (code, out) == (ExitCode.USAGE, "")
    assert told in err
    assert "now:" in err


def test_a_store_that_is_none_is_refused_and_left_as_it_was(call, two_tags, tmp_path):
    junk = tmp_path / "junk.db"
    junk.write_text("no database\n" * 20)

    code, _, err = call("compare", junk, "after")

    assert code == ExitCode.ENVIRONMENT
    assert "not a results database" in err
    assert junk.read_text() == "no database\n" * 20


def test_later_comparisons_on_a_machine_print_what_its_aa_can_detect(call, stored, rounds, cell):
    noisy = [4 * factor for factor in (1.0, 1.01, 0.99, 1.02, 1.0, 0.98, 1.01, 1.0)]
    itself = cell()
    runs = {word: rounds(cell(code=word), STEADY) for word in ("before", "after")}
    stored({"itself": rounds(itself, noisy), **runs}, requests={"itself": {"compare": {"arms": [itself.key]}}})

    out = " ".join(call("compare", "before", "after")[1].split())

    assert "smallest detectable slowdown on this machine with 3 and 3 rounds:" in out
    assert "(A/A of mlp(hidden=8) of 2026-11-20, 4 pairs)" in out
    assert "against itself, 4 pairs of rounds" in call("compare", "itself")[1]


def test_without_an_aa_the_command_that_makes_one_is_named(call, two_tags):
    assert "stopwatt compare --aa WORKLOAD" in " ".join(call("compare", "before", "after")[1].split())


def test_names_from_outside_cannot_move_the_cursor_or_break_the_markdown(call, stored, rounds, cell):
    hostile = "evil\x1b[2J|<script>alert(1)</script>`.py"
    stored(
        {
            "before": [*rounds(cell(1, source=hostile), STEADY), *rounds(cell(2, source=hostile), STEADY)],
            "after": [
                *rounds(cell(1, source=hostile), SLOW),
                *rounds(cell(2, source=hostile, params={"a": 1}), STEADY),
            ],
        }
    )
    table, markdown = call("compare", "before", "after")[1], call("compare", "before", "after", "--markdown")[1]

    assert "\x1b" not in table + markdown
    assert "<script>" not in markdown
