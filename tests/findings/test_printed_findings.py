import io

from rich.console import Console

from stopwatt.records import Finding, Strength
from stopwatt.reporting.console import console_for
from stopwatt.reporting.findings import print_findings

LONG = "hidden=256 is faster than hidden=200 in 58 of 64 places: by 4.1 % in the median, 1.2 to 7.9 %; not at layers=1"


def printed(*arguments, **options):
    stream = io.StringIO()
    print_findings(console_for(stream), *arguments, **options)
    return stream.getvalue()


def finding(text, kind="inversion", strength=Strength.SHOWN):
    return Finding(kind, text, (), strength=strength)


def test_each_finding_is_a_sentence_that_is_wrapped_within_100_columns():
    lines = printed([finding(LONG), finding("Short")]).splitlines()
    assert [line[:2] for line in lines] == ["- ", "  ", "- "]
    assert max(len(line) for line in lines) <= 100
    assert " ".join(" ".join(lines[:2]).split()) == f"- {LONG}"


def test_a_narrow_terminal_wraps_earlier():
    stream = io.StringIO()
    print_findings(Console(file=stream, width=40), [finding(LONG)])
    assert max(len(line) for line in stream.getvalue().splitlines()) <= 40


def test_what_is_only_suggested_says_so():
    assert printed([finding("a", strength=Strength.SUGGESTED), finding("b")]) == "- (suggested) a\n- b\n"


def test_what_is_left_out_is_counted_with_its_kinds():
    every = [finding(f"number {place}", kind) for place, kind in enumerate(["kink", "growth", "drift", "growth"])]
    assert printed(every, most=1, more="stopwatt report shows all") == (
        "- number 0\n- and 3 more of less weight (growth, drift); stopwatt report shows all\n"
    )


def test_no_findings_are_said_to_be_none():
    assert printed([]) == "no findings\n"


def test_names_from_outside_are_text_and_cannot_move_the_cursor():
    text = printed([finding("[bold]a\x1b[2J\nb")])
    assert text == "- [bold]a\\x1b[2J b\n"
