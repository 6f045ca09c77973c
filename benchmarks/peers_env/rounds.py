"""Run everybody, round after round, in random order, one at a time, while this process sleeps."""

import contextlib
import os
import random
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from peers_env.answers import Answer
from peers_env.environment import Environment, last_error
from peers_env.subjects import Place, Subject

TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One command and what came of it.

    Attributes:
        round: Counted from 1.
        command: As a shell would take it, with this run's folders by name.
        wall_s: From the command to its end.
        answer: `None` where it gave none.
        why: Then, its own error.
    """

    subject: Subject
    round: int
    command: str
    wall_s: float
    answer: Answer | None
    why: str = ""


def turns(subjects: Sequence[Subject], rounds: int, seed: int) -> Iterator[tuple[int, Subject]]:
    """Every subject once a round in a new order; those that run once have their turn in the middle one."""
    order = random.Random(seed)
    for number in range(1, rounds + 1):
        due = [one for one in subjects if one.every_round or number == (rounds + 1) // 2]
        order.shuffle(due)
        yield from ((number, one) for one in due)


def run_all(subjects: Sequence[Subject], place: Place, peers: Environment, rounds: int, seed: int) -> Iterator[Outcome]:
    """Run every turn; a subject that cannot be run costs its own row only."""
    for number, subject in turns(subjects, rounds, seed):
        if subject.in_peers and peers.why:
            yield Outcome(subject, number, "", 0.0, None, f"its environment could not be made: {peers.why}")
            continue
        with tempfile.TemporaryDirectory(dir=place.models) as folder:
            yield _run(subject, number, place, Path(folder))


def _run(subject: Subject, number: int, place: Place, folder: Path) -> Outcome:
    command = subject.command(place, folder)
    shown = _shown(command, place, folder)
    start = time.perf_counter()
    try:
        code, text, errors = _finish(command, folder, _variables(place, folder, in_peers=subject.in_peers))
    except (OSError, subprocess.TimeoutExpired) as error:
        return Outcome(subject, number, shown, time.perf_counter() - start, None, str(error))
    wall_s = time.perf_counter() - start
    if code:
        return Outcome(subject, number, shown, wall_s, None, f"exit code {code}: {last_error(errors or text)}")
    try:
        return Outcome(subject, number, shown, wall_s, subject.read(text, folder))
    except (OSError, LookupError, ValueError) as error:
        return Outcome(subject, number, shown, wall_s, None, f"{type(error).__name__}: {error}")


def _finish(command: list[str], folder: Path, variables: dict[str, str]) -> tuple[int, str, str]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        text, errors = process.communicate(timeout=TIMEOUT_S)  # blocks until the pipes are closed: no polling
    finally:
        with contextlib.suppress(ProcessLookupError):  # what it left behind, whatever happened
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, text, errors


def _variables(place: Place, folder: Path, *, in_peers: bool) -> dict[str, str]:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    own = {"TMPDIR": str(folder), "STOPWATT_CACHE": str(place.models / "cache")}
    # optimum-benchmark's option for threads sets torch's inter-operator pool instead.
    threads = {"OMP_NUM_THREADS": str(place.threads)} if in_peers else {}
    return {**os.environ, **offline, **own, **threads}


def _shown(command: list[str], place: Place, folder: Path) -> str:
    text = shlex.join(command)
    names = {
        str(folder): "FOLDER",
        str(place.models): "MODELS",
        str(place.packages): "PACKAGES",
        str(Path(__file__).parent): "peers_env",
        f"{place.python.parent}/": "",
        f"{place.peers.parent}/": "PEERS/",
    }
    for path, name in names.items():
        text = text.replace(path, name)
    return text
