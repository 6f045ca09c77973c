"""What counts as a command in the documentation, and how it is checked."""

from pathlib import Path

import pytest
from documented import Kind, MarkError, Piece, pieces_of
from run_commands import Checker, shortened, why_not_run


@pytest.fixture
def document(tmp_path):
    def write(text):
        path = tmp_path / "page.md"
        path.write_text(text)
        return list(pieces_of(path, "page.md"))

    return write


def command(text, where="page.md:1", **fields):
    return Piece(Kind.COMMAND, text, where, **fields)


def test_commands_are_the_lines_of_fenced_blocks_that_begin_with_stopwatt(document):
    found = document("text\n\n```console\n$ stopwatt show\n1 run\nstopwatt doctor\n$ ls\n```\n\nstopwatt bench x\n")
    assert [(one.text, one.where) for one in found] == [
        ("stopwatt show", "page.md:4"),
        ("stopwatt doctor", "page.md:4"),
    ]


def test_a_command_over_several_lines_is_one_command(document):
    (found,) = document("```\nstopwatt bench mlp \\\n    --batch 1,2\n```\n")
    assert found.words == ["bench", "mlp", "--batch", "1,2"]


def test_what_the_shell_does_with_the_output_is_not_part_of_the_arguments():
    assert command("stopwatt show --json > out.json # all").words == ["show", "--json"]


def test_an_indented_command_is_checked_but_not_run(document):
    (found,) = document("as in\n\n    stopwatt show --limit 1\n")
    assert found.text == "stopwatt show --limit 1"
    assert found.skip


def test_a_mark_holds_for_the_block_that_follows(document):
    first, second, third = document(
        "<!-- run: skip (needs a week) -->\n```\nstopwatt a\n```\n\n"
        "<!-- run: exit 3 -->\n```\nstopwatt b\n```\n\n```\nstopwatt c\n```\n"
    )
    assert (first.skip, second.exit_code) == ("needs a week", 3)
    assert (third.skip, third.exit_code) == ("", 0)


def test_an_unknown_mark_is_an_error(document):
    with pytest.raises(MarkError, match=r"page\.md:3"):
        document("<!-- run: never -->\n```\nstopwatt a\n```\n")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import stopwatt\n", Kind.SCRIPT),
        ("from stopwatt.records import Setup\n", Kind.SCRIPT),
        ("# model.py\nimport stopwatt\n", Kind.FILE),
        ("import sqlite3\n", Kind.PYTHON),
    ],
)
def test_a_python_block_is_run_written_or_read_by_what_it_is(document, text, kind):
    (found,) = document(f"```python\n{text}```\n")
    assert found.kind is kind


def test_a_grid_file_is_written_and_other_yaml_is_not_looked_at(document):
    (found,) = document("```yaml\n# grid.yaml\nworkload: mlp\n```\n\n```yaml\nworkload: mlp\n```\n")
    assert (found.kind, found.file_name) == (Kind.FILE, "grid.yaml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("stopwatt bench bert", "large: bert"),
        ("stopwatt bench mlp --json bert", "large: bert"),
        ("stopwatt bench mlp --backends eager,compile:max-autotune", "compiles"),
        ("stopwatt bench mlp --backends all", "compiles"),
        ("stopwatt bench mlp --backends eager+prune:0.5,openvino:throughput+prune", ""),
        ("stopwatt bench mlp --device cuda", "needs a GPU"),
        ("stopwatt show --store postgresql://USER@HOST/RESULTS", "needs a server"),
        ("stopwatt show ID", "a placeholder"),
        ("stopwatt bench mlp -p hidden=8 --backends eager,openvino:throughput --thorough", ""),
        ("stopwatt bench model.py:make --batch 1,8", ""),
        ("stopwatt bench other.py:make", "large: other.py:make"),
        ("stopwatt sweep lstm --axis hidden=8,16", "large: lstm"),
        ("stopwatt sweep lstm --axis hidden=8,16 --dry-run", ""),
        ("stopwatt sweep examples/lstm.yaml --axis layers=1", "large: examples/lstm.yaml"),
        ("stopwatt sweep mlp --axis backend=eager,compile", "compiles"),
        ("stopwatt sweep mlp --axis backend=eager,onnxruntime --zip 'hidden=8,16 batch=1,2'", ""),
        ("stopwatt protocol lstm --full", "large: lstm"),
        ("stopwatt protocol lstm --full --dry-run", ""),
        ("stopwatt protocol mlp --full --way sync=none --backend onnxruntime", ""),
        ("stopwatt protocol mlp --backend compile", "compiles"),
    ],
)
def test_only_what_is_cheap_and_possible_is_run(tmp_path, text, why):
    (tmp_path / "model.py").touch()
    assert why_not_run(command(text).words, tmp_path) == why


def test_options_that_make_a_command_long_have_other_values():
    words = ["protocol", "mlp", "--repeats", "9", "--json", "--calls", "7"]
    assert shortened(words, {"--repeats": "1", "--warmup-cap": "1s"}) == [
        "protocol", "mlp", "--json", "--calls", "7", "--repeats", "1", "--warmup-cap", "1s",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    made = Checker(tmp_path_factory.mktemp("docs"))
    made.prepare()
    return made


@pytest.fixture
def failures(checker, request):
    def check(*pieces):
        before = len(checker.failures)
        checker.check(request.node.name, pieces)
        return checker.failures[before:]

    return check


def test_a_command_that_ends_as_described_passes(failures):
    assert failures(command("stopwatt show"), command("stopwatt show nothing", exit_code=2)) == []


def test_a_command_that_ends_otherwise_fails_with_its_code_and_last_lines(failures):
    (failure,) = failures(command("stopwatt show nothing"))
    assert "stopwatt show nothing" in failure
    assert "exit code 2, not 0" in failure
    assert "there is no measurement 'nothing'" in failure


def test_a_command_that_is_not_run_still_has_to_be_understood(failures):
    (failure,) = failures(command("stopwatt bench bert --presicion int8", skip="large"))
    assert "is not understood" in failure


def test_a_python_block_that_raises_fails(failures):
    (failure,) = failures(Piece(Kind.SCRIPT, "import stopwatt\nstopwatt.benhc\n", "page.md:1"))
    assert "has no attribute 'benhc'" in failure


def test_a_python_block_that_is_no_python_fails(document, failures):
    (failure,) = failures(*document("```python\nprint(\n```\n"))
    assert "page.md:2" in failure


def test_the_same_measurement_is_run_once(checker):
    first, second = command("stopwatt bench nothing"), command("stopwatt bench nothing", where="other.md:1")
    assert [checker._done_before(one) for one in (first, second)] == ["", "was run before"]


def test_a_file_of_a_document_is_there_for_the_commands_below(failures, checker, request):
    assert failures(Piece(Kind.FILE, "# model.py\nwidth = 4\n", "page.md:1")) == []
    assert Path(checker.place / request.node.name / "model.py").read_text() == "# model.py\nwidth = 4\n"
