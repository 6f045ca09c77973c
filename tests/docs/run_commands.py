"""Check that what the documentation tells people to type works: `python tests/docs/run_commands.py [DOCUMENT...]`.

Commands of README.md, docs/*.md and the verbs' help run in a temporary folder, each document in a folder of its own
that holds `model.onnx`, `examples/` and a results database with two runs, tagged `before` and `after`. Every command is
parsed as it stands; those that are cheap are run, with one short round. CONTRIBUTING.md describes the marks.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from cyclopts import CycloptsError
from documented import Kind, Piece, pieces_of

from stopwatt.cli import VERBS, build_app
from stopwatt.cli.ops import STEPS
from stopwatt.records import Setup

ROOT = Path(__file__).resolve().parents[2]
CHEAP_WORKLOADS = {"mlp", "synthetic"}
CHEAP_BACKENDS = {"auto", "eager", "onnxruntime", "openvino"}
SHORT = {"--rounds": "1", "--trials": "30", "--warmup-cap": "300ms"}
SHORT_PROTOCOL = {"--repeats": "1", "--calls": "10", "--warmup-cap": "300ms"}
SHORT_SELFTEST = {"--only": "intervals"}
MEASURING = {"bench", "sweep", "protocol"}
MODELS = MEASURING | {"ops capture", "ops explain", "predict", "tune", "ladder"}
"""Verbs that run the models which they name."""
SHORT_BUDGET = {"--budget": "3s"}
WITH_BUDGET = {"ops measure", "ops explain"}
SLOW_VERBS = {"doctor", "backends", "ceilings"}
"""They start every runtime of the machine, or measure the device: each is run once."""
OPS = tuple(f"ops {step}" for step in sorted(STEPS, key=lambda step: step not in {"capture", "import"}))
"""Those first that the others need something of."""
AT_ONCE = 2
LONGEST_S = 600
"""Against what hangs. A bench of a few seconds takes a minute beside everything else that is checked at once."""


def main(wanted: Sequence[str]) -> int:
    """Check the documents with these names, or all of them and the help; the exit code."""
    with tempfile.TemporaryDirectory(prefix="stopwatt-docs-") as place:
        checker = Checker(Path(place))
        checker.prepare()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda document: checker.check(*document), list(documents(wanted))))
    ran, parsed = checker.ran, checker.parsed
    say(f"{ran} run, {parsed} parsed only, {len(checker.failures)} failed, in {time.monotonic() - checker.began:.0f} s")
    for failure in checker.failures:
        say(f"\n{failure}")
    return 1 if checker.failures else 0


ON_PAGES = {
    *("bench", "sweep", "protocol", "tune", "ladder", "pack", "predict", "compare"),
    *("report", "plot", "meter", "meters"),
    *("ops capture", "ops measure", "ops fit", "ops explain", "ops plan"),
}
"""Verbs that take long and have a page of their own, whose commands are run; their help is only parsed."""
LIKE = "its page runs the like"


def documents(wanted: Sequence[str]) -> Iterator[tuple[str, list[Piece]]]:
    """Documents by name with what is to be checked in them; the help of the verbs last."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"):
        if not wanted or path.name in wanted:
            yield path.name, list(pieces_of(path, path.name))
    if not wanted or "help" in wanted:
        # plot draws the latest run, and one of protocol has no single trials to draw; predict needs measured operators
        verbs = sorted(
            (*(verb for verb in VERBS if verb not in {"ops", "data"}), *OPS, "data shapes"),
            key=lambda verb: verb in {"protocol", "predict"},
        )
        pieces = ((verb, piece) for verb in verbs for piece in pieces_of_help(verb))
        yield "help", [replace(one, skip=one.skip or LIKE) if verb in ON_PAGES else one for verb, one in pieces]


def pieces_of_help(verb: str) -> Iterator[Piece]:
    """The examples in a verb's help. There must be three."""
    app = build_app(verb.partition(" ")[0])
    for word in verb.split():
        app = app[word]
    documentation = app.default_command.__doc__ or ""
    examples = [line.strip() for line in documentation.splitlines() if line.startswith("        stopwatt ")]
    if len(examples) != 3:
        raise SystemExit(f"stopwatt {verb} --help has {len(examples)} examples instead of 3")
    for example in examples:
        yield Piece(Kind.COMMAND, example, f"stopwatt {verb} --help")


class Checker:
    """Runs pieces and remembers what failed.

    Args:
        place: A temporary folder.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.failures: list[str] = []
        self.ran = self.parsed = 0
        self.began = time.monotonic()
        self._done: set[str] = set()
        self._environment = os.environ | {
            "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "STOPWATT_CACHE": str(place / "cache"),
            "NO_COLOR": "1",
        }
        self._environment.pop("STOPWATT_STORE", None)

    def prepare(self) -> None:
        """Make the command with the short protocol, and what every document's folder holds."""
        (self.place / "bin").mkdir()
        shim = self.place / "bin" / "stopwatt"
        shim.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "from run_commands import short_command\nshort_command()\n"
        )
        shim.chmod(0o755)
        folder = self._new_folder("prepared")
        write_onnx(folder / "model.onnx")
        write_database(folder / "stopwatt.db")
        shutil.copytree(ROOT / "examples", folder / "examples")

    def check(self, name: str, pieces: Sequence[Piece]) -> None:
        """Check the pieces of a document in order."""
        folder = self.place / name
        shutil.copytree(self.place / "prepared", folder)
        for piece in pieces:
            if piece.kind is Kind.FILE:
                (folder / piece.file_name).write_text(piece.text)
            elif piece.kind is Kind.PYTHON:
                self._compiles(piece)
            elif piece.kind is Kind.SCRIPT:
                self._only_parsed(piece, piece.skip) if piece.skip else self._run(piece, folder)
            elif self._parses(piece):
                why_not = piece.skip or why_not_run(piece.words, folder) or self._done_before(piece)
                self._only_parsed(piece, why_not) if why_not else self._run(piece, folder)

    def _parses(self, piece: Piece) -> bool:
        words = piece.words
        try:
            build_app(words[0]).parse_args(words, exit_on_error=False, print_error=False)
        except CycloptsError as error:
            if piece.exit_code != 2:  # a usage error may be what the document is about
                self.failures.append(f"{piece.where}: {piece.text}\n  is not understood: {error}")
                return False
        return True

    def _compiles(self, piece: Piece) -> None:
        try:
            compile(piece.text, piece.where, "exec")
        except SyntaxError as error:
            self.failures.append(f"{piece.where}: Python block, line {error.lineno}: {error.msg}")

    def _done_before(self, piece: Piece) -> str:
        """Measuring takes seconds: what was measured for one document is not measured for another."""
        verb = verb_of(piece.words)
        if verb not in MEASURING | SLOW_VERBS or ".py:" in piece.text:  # files of one name differ between documents
            return ""
        name = verb if verb in SLOW_VERBS else piece.text
        if name in self._done:
            return f"{name} was run before" if name == verb else "was run before"
        self._done.add(name)
        return ""

    def _only_parsed(self, piece: Piece, why: str) -> None:
        self.parsed += 1
        say(f"  parsed   {piece.where}: {headline(piece)}  ({why})")

    def _run(self, piece: Piece, folder: Path) -> None:
        if piece.kind is Kind.SCRIPT:
            prelude = "import run_commands; run_commands.short_protocol()\n"
            paths = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
            self._execute(piece, folder, [sys.executable, "-c", prelude + piece.text], {"PYTHONPATH": paths})
        else:
            self._execute(piece, folder, ["bash", "-o", "pipefail", "-c", piece.text], {})

    def _execute(self, piece: Piece, folder: Path, words: list[str], extra: dict[str, str]) -> None:
        self.ran += 1
        began = time.monotonic()
        try:
            done = subprocess.run(
                words, cwd=folder, env=self._environment | extra, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=LONGEST_S, check=False,
            )  # fmt: skip
            code, output = str(done.returncode), done.stdout
        except subprocess.TimeoutExpired as late:
            code, output = f"none: not done after {LONGEST_S} s", (late.stdout or b"").decode(errors="replace")
        say(f"  {time.monotonic() - began:5.1f} s  {piece.where}: {headline(piece)}")
        if code != str(piece.exit_code):
            last = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-15:])
            self.failures.append(f"{piece.where}: {piece.text}\n  exit code {code}, not {piece.exit_code}\n{last}")

    def _new_folder(self, name: str) -> Path:
        folder = self.place / name
        folder.mkdir()
        return folder


def verb_of(words: Sequence[str]) -> str:
    """`bench`, `ops measure`."""
    return " ".join(words[:2] if words[0] == "ops" else words[:1])


def why_no_operators(words: Sequence[str], folder: Path) -> str:
    """Why a command about operators is parsed only, for what operators need and the folder has not."""
    if "aiconfigurator" in words and not find_spec("aiconfigurator_core"):
        return "needs the package of that name"
    if verb_of(words) not in {"ops measure", "ops plan"}:
        return ""
    captured = all(one in CHEAP_WORKLOADS or (folder / one).is_file() for one in sources_of(words))
    return "" if captured else "needs a capture"


def why_not_run(words: Sequence[str], folder: Path) -> str:  # noqa: PLR0911  (one a reason)
    """Why a command is parsed only; empty where it is run."""
    given = dict(pairwise(words))
    if any(word.isupper() and len(word) > 1 for word in words):
        return "a placeholder"
    if "postgresql://" in " ".join(words):
        return "needs a server"
    if given.get("--device", "cpu") != "cpu":
        return "needs a GPU"
    verb = verb_of(words)
    if verb.startswith("ops ") and (why := why_no_operators(words, folder)):
        return why
    if verb in {"run", "run compare", "unpack"} and (missing := _missing(words, folder)):
        return f"{missing} is not here"
    if verb not in MODELS or ("--dry-run" in words and "--probe" not in words):
        return ""
    named = [word.removeprefix("backend=") for word in words if word.startswith("backend=")]
    asked = given.get("--backend") or given.get("--backends") or given.get("--compare", "auto")
    backends = {Setup.of_label(name).backend for name in (named or [asked])[0].split(",")}
    if not backends <= CHEAP_BACKENDS:
        return "compiles"
    large = [one for one in sources_of(words) if one not in CHEAP_WORKLOADS and not _is_small_file(one, folder)]
    return f"large: {large[0]}" if large else ""


def sources_of(words: Sequence[str]) -> list[str]:
    """What a command is about: its arguments that belong to no option."""
    first = len(verb_of(words).split())
    return [word for place, word in enumerate(words) if place >= first and not _belongs_to_option(words, place)]


def _missing(words: Sequence[str], folder: Path) -> str:
    """The first file or folder that a command is about and that is not there; a model may be one without a file."""
    model = dict(pairwise(words)).get("--model", "").partition(":")[0]
    named = [*sources_of(words), *([model] if "." in model else [])]
    return next((one for one in named if not any(folder.glob(one))), "")


def _is_small_file(source: str, folder: Path) -> bool:
    return (folder / source.partition(":")[0]).is_file() and not source.startswith("examples/")


def _belongs_to_option(words: Sequence[str], place: int) -> bool:
    flags = {
        "--json", "--quick", "--thorough", "--full", "--allow", "--no-baseline", "--realtime", "--debug", "--dry-run",
        "--force", "--improve", "--again",
    }  # fmt: skip
    before = words[place - 1]
    return words[place].startswith("-") or (before.startswith("-") and before not in flags)


def short_command() -> None:
    """`stopwatt` with one short round: what the shim runs."""
    from stopwatt.cli import main as command

    words = sys.argv[1:]
    if words[:1] == ["protocol"]:
        alone = {"--way", "--full", "--interactions"} & set(words)
        words = shortened(words, SHORT_PROTOCOL | ({} if alone else {"--interactions": "none"}))
    elif (MEASURING | {"compare", "ladder"}) & set(words[:1]):
        words = shortened(words, SHORT)
    elif words[:1] == ["selftest"]:
        words = shortened(words, SHORT_SELFTEST)
    elif (words and verb_of(words) in WITH_BUDGET) or "--improve" in words:
        words = shortened(words, SHORT_BUDGET)
    command(words)


def shortened(words: Sequence[str], short: Mapping[str, str]) -> list[str]:
    """The same arguments with other values for some options."""
    kept = [word for place, word in enumerate(words) if not {word, words[max(0, place - 1)]} & short.keys()]
    return [*kept, *(word for pair in short.items() for word in pair)]


def short_protocol() -> None:
    """The same for the library's default protocol; before `stopwatt.api` is imported."""
    from stopwatt import records

    warmup = replace(records.QUICK.warmup, cap_seconds=0.3)
    records.QUICK = replace(records.QUICK, rounds=1, trials=30, warmup=warmup)
    records.CLASSIC = replace(records.CLASSIC, rounds=1, trials=30, warmup=warmup)

    from stopwatt.sweeping import stages

    stages.REPEATS, stages.CALLS = 1, 10


def write_onnx(path: Path) -> None:
    """A model of one layer with an open batch dimension."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32), "weights")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in (("x", 16), ("y", 4))
    ]
    node = helper.make_node("MatMul", ["x", "weights"], ["y"])
    graph = helper.make_graph([node], "one_layer", [ends[0]], [ends[1]], [weights])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def write_database(path: Path) -> None:
    """A results database with two runs of an LSTM, whose trials are made up."""
    import numpy as np

    from stopwatt.records import Cell, Measurement, Protocol, Samples, Setup, Status, Workload
    from stopwatt.store import RunStatus, open_store

    cell = Cell(Workload("lstm", {"hidden": 8}), Setup(), Protocol(rounds=3))
    with open_store(str(path)) as store:
        for place, tag in enumerate(("before", "after")):
            run = store.begin_run(f"stopwatt bench lstm --tag {tag}", "", tag, "")
            for number in range(3):
                trials = np.arange(1_000_000, 1_000_300) + 1_000 * (3 * place + number)
                samples = {"latency": Samples(trials, "ns")}
                store.save(run, Measurement(cell, round=number, status=Status.OK, samples=samples))
            store.finish_run(run, RunStatus.COMPLETE)


def headline(piece: Piece) -> str:
    """One line that says what it is."""
    return piece.text if piece.kind is Kind.COMMAND else "Python block"


def say(text: str) -> None:
    """Print at once: this is watched while it runs."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
