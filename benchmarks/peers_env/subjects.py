"""What is run: each tool as its documentation starts it, and how to read what it says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers_env.answers import Answer, read_bare, read_onnxruntime, read_optimum, read_stopwatt, read_torch

INSIDE = Path(__file__).with_name("inside")
SEQ = 128
WARMUP_S = 1.0
TORCH, TORCH_PEERS, ORT = "bare loop: torch", "bare loop: torch, peers' environment", "bare loop: onnxruntime"


@dataclass(frozen=True, slots=True)
class Place:
    """Where and with what everybody runs.

    Attributes:
        models: Folder with `bert` and `bert.onnx`.
        python: Interpreter of this environment.
        peers: That of the peers' environment.
        packages: Site-packages of this environment.
        threads: Host threads of every tool.
        seconds: Timed calls of the bare loop, and of optimum-benchmark.
    """

    models: Path
    python: Path
    peers: Path
    packages: Path
    threads: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the table.

    Attributes:
        name: The tool, a colon, how it was used.
        command: Run in an empty folder.
        read: Takes its standard output and that folder.
        truth: The bare loop with the same runtime in the same environment.
        in_peers: Whether it needs the peers' environment.
        rounds: Whether it is run in every round, or once.
    """

    name: str
    command: Callable[[Place, Path], list[str]]
    read: Callable[[str, Path], Answer]
    truth: str
    in_peers: bool = False
    every_round: bool = True

    @property
    def tool(self) -> str:
        """The tool behind it."""
        return self.name.partition(":")[0]


def _bare(runtime: str, model: str, *, in_peers: bool = False) -> Callable[[Place, Path], list[str]]:
    # Those that optimum-benchmark makes up for a BERT, so that its model has the same to do.
    names = "input_ids,attention_mask,token_type_ids,position_ids" if in_peers else "input_ids,attention_mask"

    def command(place: Place, folder: Path) -> list[str]:  # noqa: ARG001  (one interface)
        python = place.peers if in_peers else place.python
        timing = ["--threads", str(place.threads), "--seconds", str(place.seconds), "--warmup", str(WARMUP_S)]
        return [str(python), str(INSIDE / "bare.py"), runtime, str(place.models / model), *timing, "--inputs", names]

    return command


def _timer(method: str) -> Callable[[Place, Path], list[str]]:
    def command(place: Place, folder: Path) -> list[str]:  # noqa: ARG001  (one interface)
        script = str(INSIDE / "torch_timer.py")
        return [str(place.python), script, method, str(place.models / "bert"), str(place.threads)]

    return command


def _optimum(launcher: str) -> Callable[[Place, Path], list[str]]:
    def command(place: Place, folder: Path) -> list[str]:
        parts = {"backend": "pytorch", "scenario": "inference", "launcher": "process"}
        config = {
            "defaults": ["benchmark", *({part: name} for part, name in parts.items()), "_self_"],
            "name": "bert",
            "backend": {
                "model": str(place.models / "bert"),
                "library": "transformers",
                "task": "feature-extraction",
                "model_type": "bert",
                "device": "cpu",
                "attn_implementation": "sdpa",
            },
            "scenario": {"input_shapes": {"batch_size": 1, "sequence_length": SEQ}, "duration": place.seconds},
            "hydra": {"run": {"dir": "."}, "output_subdir": None},
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        program = str(place.peers.with_name("optimum-benchmark"))
        return [program, "--config-dir", ".", "--config-name", "config", f"launcher={launcher}"]

    return command


def _perf_test(place: Place, folder: Path) -> list[str]:
    (folder / "bert.onnx").symlink_to(place.models / "bert.onnx")  # it writes its summary beside the model
    script = place.packages / "onnxruntime" / "transformers" / "bert_perf_test.py"
    names = ["--input_ids_name", "input_ids", "--input_mask_name", "attention_mask"]
    shape = ["--batch_size", "1", "--sequence_length", str(SEQ), "--intra_op_num_threads", str(place.threads)]
    return [str(place.python), str(script), "--model", "bert.onnx", *shape, *names]


def _stopwatt(backend: str, model: str, *more: str) -> Callable[[Place, Path], list[str]]:
    def command(place: Place, folder: Path) -> list[str]:
        program = [str(place.python.with_name("stopwatt")), "bench", str(place.models / model)]
        setup = ["--backends", backend, "--threads", str(place.threads), *more]
        return [*program, *setup, "--store", str(folder / "stopwatt.db"), "--json"]

    return command


_ONE = ("--rounds", "1")

SUBJECTS = (
    Subject(TORCH, _bare("torch", "bert"), read_bare, TORCH),
    Subject(f"{TORCH}, again", _bare("torch", "bert"), read_bare, TORCH),
    Subject(TORCH_PEERS, _bare("torch", "bert", in_peers=True), read_bare, TORCH_PEERS, in_peers=True),
    Subject(ORT, _bare("onnxruntime", "bert.onnx"), read_bare, ORT),
    *(
        Subject(f"optimum-benchmark: {launcher} launcher", _optimum(launcher), read_optimum, TORCH_PEERS, in_peers=True)
        for launcher in ("process", "inline")
    ),
    *(
        Subject(f"torch.utils.benchmark: {method}", _timer(method), read_torch, TORCH)
        for method in ("blocked_autorange", "adaptive_autorange")
    ),
    Subject("onnxruntime: bert_perf_test", _perf_test, read_onnxruntime, ORT),
    Subject("stopwatt: eager, 1 round", _stopwatt("eager", "bert", *_ONE), read_stopwatt, TORCH),
    Subject("stopwatt: eager, as it comes", _stopwatt("eager", "bert"), read_stopwatt, TORCH, every_round=False),
    Subject(
        "stopwatt: onnxruntime, 1 round",
        _stopwatt("onnxruntime", "bert.onnx", "--no-baseline", *_ONE),
        read_stopwatt,
        ORT,
    ),
)
"""Every tool, and the bare loops that are the truth for it."""
