"""What the command line answers to good and bad requests, in this process: nothing is measured here."""

import subprocess
import sys

import pytest

from stopwatt.cli import VERBS, main
from stopwatt.cli.ops import STEPS
from stopwatt.errors import ExitCode


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder and return `(exit code, standard output, standard error)`."""
    monkeypatch.chdir(tmp_path)

    def go(*words):
        with pytest.raises(SystemExit) as stop:
            main(list(words))
        output = capsys.readouterr()
        return stop.value.code, output.out, output.err

    return go


def test_help_names_every_verb_with_its_summary(call):
    code, out, _ = call("--help")
    assert code == ExitCode.OK
    for verb, (_, summary) in VERBS.items():
        assert verb in out
        assert summary.split()[0] in out


def test_help_of_ops_names_every_step(call):
    code, out, _ = call("ops", "--help")
    assert code == ExitCode.OK
    for step, (_, summary) in STEPS.items():
        assert f" {step} " in out
        assert summary.split()[0] in out


WITH_STEPS = {"ops", "data"}
WHOLE = [
    *(verb for verb in VERBS if verb not in WITH_STEPS),
    *(f"ops {step}" for step in STEPS),
    "data shapes",
    "run compare",
]
"""Every verb that does something by itself."""


@pytest.mark.parametrize("verb", WHOLE)
def test_every_verb_has_help_with_three_examples(call, verb):
    code, out, _ = call(*verb.split(), "--help")
    assert code == ExitCode.OK
    assert out.count(f"stopwatt {verb}") >= 4  # usage and three examples


def test_help_imports_neither_torch_nor_a_database():
    code = (
        "import sys\nfrom stopwatt.cli import main\n"
        "try: main(['--help'])\n"
        "finally: print([m for m in ('torch', 'sqlalchemy', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "what", "now"),
    [
        (["bench", "lstmm"], "unknown workload 'lstmm'", "lstm"),
        (["bench", "lstm", "--backends", "onxruntime"], "unknown backend 'onxruntime'", "onnxruntime"),
        (["bench", "lstm", "--backends", "compile:max-autotun"], "max-autotun", "max-autotune"),
        (["bench", "lstm", "-p", "hiden=3"], "hiden", "hidden"),
        (["bench", "lstm", "-p", "hidden=many"], "many", "hidden"),
        (["bench", "lstm", "-p", "hidden=0"], "hidden", ""),
        (["bench", "lstm", "-p", "hidden"], "cannot read the parameter", "NAME=VALUE"),
        (["bench", "lstm", "-p", "hidden=1", "-p", "hidden=2"], "given twice", "once"),
        (["bench", "lstm", "--precision", "fp31"], "unknown precision 'fp31'", "fp32"),
        (["bench", "lstm", "--batch", "0"], "out of range", "1 to"),
        (["bench", "lstm", "--batch", "-1"], "out of range", "1 to"),
        (["bench", "lstm", "--batch", "1000000000"], "out of range", "1 to"),
        (["bench", "lstm", "--batch", "8..1"], "out of range", "1 to"),
        (["bench", "lstm", "--batch", "two"], "cannot read 'two'", "1,8,32"),
        (["bench", "lstm", "--batch", ""], "nothing to measure", ""),
        (["bench"], "nothing to measure", ""),
        (["bench", "lstm", "--rounds", "0"], "--rounds", "1 to"),
        (["bench", "lstm", "--trials", "-5"], "--trials", "1 to"),
        (["bench", "lstm", "--timeout", "soon"], "cannot read 'soon'", "min"),
        (["bench", "lstm", "--timeout", "0s"], "--timeout", "positive"),
        (["bench", "lstm", "--tolerance", "nan"], "--tolerance", "positive"),
        (["bench", "lstm", "--threads", "-1"], "threads", ""),
        (["bench", "lstm", "--threads", "4000"], "threads", ""),
        (["bench", "lstm", "--quick", "--thorough"], "exclude each other", "one of them"),
        (["bench", "lstm", "--device", "gpu"], "gpu", "cpu"),
        (["bench", "nowhere.py:make"], "no file 'nowhere.py'", "path"),
        (["bench", "nowhere.onnx"], "no file", "path"),
        (["bench", "weights.pt"], "pickle", "torch.export.save"),
    ],
)
def test_a_request_that_cannot_be_met_says_what_and_what_now(call, words, what, now):
    code, out, err = call(*words)
    assert code == ExitCode.USAGE
    assert what in err
    assert now in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("words", [["bnech"], ["bench", "--nope", "lstm"], ["bench", "lstm", "--rounds", "many"]])
def test_what_is_not_an_option_is_a_usage_error(call, words):
    code, _, err = call(*words)
    assert code == ExitCode.USAGE
    assert "Traceback" not in err


def test_cuda_without_a_gpu_is_said_before_anything_is_measured(call):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    code, _, err = call("bench", "mlp", "--device", "cuda")
    assert code == ExitCode.ENVIRONMENT
    assert "--device cpu" in err


def test_debug_shows_the_traceback_and_only_debug_does(call):
    assert "Traceback" in call("bench", "lstmm", "--debug")[2]
    assert "Traceback" not in call("bench", "lstmm")[2]


def test_nothing_is_written_when_the_request_is_wrong(call, tmp_path):
    call("bench", "lstmm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look like one" * 10])
def test_a_store_that_is_none_is_refused_and_left_alone(call, tmp_path, content):
    store = tmp_path / "results.db"
    store.write_bytes(content or b"x")
    before = store.read_bytes()
    code, _, err = call("bench", "mlp", "--store", str(store))
    assert code == ExitCode.ENVIRONMENT
    assert "results.db" in err
    assert store.read_bytes() == before
