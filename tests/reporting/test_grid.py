import io

from stopwatt.reporting.console import console_for
from stopwatt.reporting.grid import Column, Row, grid


def shown(*arguments, width=100):
    stream = io.StringIO()
    console = console_for(stream)
    console.width = width
    console.print(grid(*arguments))
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


COLUMNS = ("what", Column("latency us [95 %]", right=True), Column("p99\nus", right=True), Column("id", whole=True))
ROWS = [("a model", "100.30 [100.26, 100.33]", "104.2", "0123456789ab"), ("another", "99.1 [99.0, 99.2]", "", "ba98")]


def test_where_columns_fit_closer_together_the_table_stays_one():
    wide, close = shown("", COLUMNS, ROWS, width=70).splitlines(), shown("", COLUMNS, ROWS, width=54).splitlines()
    for lines in (wide, close):
        assert [line.split() for line in lines if "[100.26" in line] == [
            ["a", "model", "100.30", "[100.26,", "100.33]", "104.2", "0123456789ab"]
        ]
    assert max(map(len, close)) <= 54 < max(len(line.rstrip()) for line in wide)


def test_where_they_do_not_each_row_is_lines_of_names_and_values():
    lines = [line.rstrip() for line in shown("Two", COLUMNS, ROWS, width=46).splitlines()]
    assert lines == [
        "Two",
        "what: a model",
        "  latency us [95 %]: 100.30 [100.26, 100.33]",
        "  p99 us: 104.2   id: 0123456789ab",
        "what: another",
        "  latency us [95 %]: 99.1 [99.0, 99.2]",
        "  p99 us: -   id: ba98",
    ]


def test_no_number_is_broken_at_any_width_that_it_fits_into():
    for width in range(45, 101):
        text = shown("", COLUMNS, ROWS, width=width)
        assert "100.30 [100.26, 100.33]" in text
        assert "0123456789ab" in text
        assert max(map(len, text.splitlines())) <= width


def test_a_text_gives_way_word_by_word_before_a_number_does():
    text = shown("", ("what", Column("ms", right=True)), [("a rather long description of it", "12345.678")], width=30)
    assert [line.split()[-1] for line in text.splitlines() if "12345" in line] == ["12345.678"]
    assert all(word in text for word in ("rather", "description"))


def test_a_text_that_is_longer_than_a_line_goes_on_indented():
    long = [("word " * 12, "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5")]
    lines = shown("", ("what", Column("ms", right=True)), long, width=28).splitlines()
    assert all(len(line) <= 28 for line in lines)
    assert lines[0].startswith("what: word")
    assert all(line.startswith("  ") for line in lines[1:])


def test_a_head_that_breaks_a_word_and_blank_cells_are_put_right_in_lines():
    heads = (Column("devi-\nation", right=True, whole=True), Column("samples\n/s", right=True, whole=True), "")
    text = shown("", heads, [("1" * 12, "2" * 12, " ")], width=25)
    assert text.split() == ["deviation:", "1" * 12, "samples/s:", "2" * 12]


def test_a_path_without_spaces_does_not_turn_a_table_into_lines():
    text = shown("", ("file", "what"), [("/" + "x" * 120, "a model")], width=80)
    assert "─" in text
    assert text.count("x") == 120
