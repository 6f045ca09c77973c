import io

from stopwatt.reporting.console import console_for
from stopwatt.reporting.grid import Column, Row, grid


def shown(*arguments):
    stream = io.StringIO()
    console_for(stream).print(grid(*arguments))
    return stream.getvalue()


def test_a_table_has_a_title_a_head_one_rule_and_its_rows():
    text = shown("Runs", ("id", "name"), [("1", "one"), ("2", "two")])
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    assert lines[0] == "Runs"
    assert lines[1].split() == ["id", "name"]
    assert set(lines[2]) == {"─"}
    assert [line.split() for line in lines[3:]] == [["1", "one"], ["2", "two"]]


def test_what_is_missing_is_a_dash_in_a_cell_and_in_an_empty_table():
    assert shown("", ("a", "b"), [("x", "")]).split()[-2:] == ["x", "-"]
    assert shown("", ("a", "b"), []).split()[-2:] == ["-", "-"]


def test_an_identifier_is_never_broken_and_a_long_text_is():
    identifier, text = "0123456789abcdef" * 3, "word " * 60
    shown_text = shown("", (Column("id", whole=True), "text"), [(identifier, text)])
    assert identifier in shown_text
    assert max(len(line) for line in shown_text.splitlines()) <= 100
    assert shown_text.count("word") == 60


def test_names_from_outside_are_text_and_cannot_move_the_cursor():
    text = shown("", ("name",), [("[bold]\x1b[2J",), Row(("quiet",), quiet=True)])
    assert "[bold]\\x1b[2J" in text
    assert "quiet" in text
