"""stopwatt and its peers side by side: one model, the same minutes, a bare loop as the truth.

python benchmarks/peers.py [--rounds N] [--seconds S] [--out FOLDER]

optimum-benchmark runs in an environment of its own under the cache folder, made at the first run; only that needs a
package index. Everything else runs in this environment.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

import stopwatt
from peers_env import environment, features, page, rounds
from peers_env.subjects import INSIDE, SUBJECTS, TORCH_PEERS, WARMUP_S, Place
from result import RESULTS
from stopwatt.devices.facts import host_facts
from stopwatt.devices.fitness import usable_threads
from stopwatt.sweeping.cache import root

ROUNDS, SECONDS, SEED = 3, 2, 0


def main(out: Path = RESULTS, number: int = ROUNDS, seconds: int = SECONDS) -> None:
    """Run the side-by-side and write `peers.md` and `peers.json` into a folder."""
    peers = environment.ensure(root() / "peers")
    facts = host_facts()
    started, load = time.perf_counter(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="peers-") as work:
        packages = Path(sysconfig.get_paths()["purelib"])
        place = Place(Path(work), Path(sys.executable), peers.python, packages, usable_threads(facts), seconds)
        _make_model(place)
        outcomes = list(_told(rounds.run_all(SUBJECTS, place, peers, number, SEED)))
    command = shlex.join(["python", "benchmarks/peers.py", "--rounds", str(number), "--seconds", str(seconds)])
    data = {
        "rounds": number,
        "seconds": seconds,
        "warmup_s": WARMUP_S,
        "threads": place.threads,
        "seed": SEED,
        "load": [load, os.getloadavg()[0]],
        "seconds_taken": time.perf_counter() - started,
        "peers_versions": _peers_versions(outcomes, peers),
        "rows": [page.row(subject, outcomes) for subject in SUBJECTS],
        "features": features.judged(_offers(outcomes), _roots(packages, peers)),
    }
    page.make_page(command, data).write(out)


def _make_model(place: Place) -> None:
    command = [str(place.python), str(INSIDE / "model.py"), str(place.models)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the model could not be made: {environment.last_error(done.stderr)}")


def _told(outcomes: Iterator[rounds.Outcome]) -> Iterator[rounds.Outcome]:
    for one in outcomes:
        said = f"{one.answer.median_s * 1e3:.3f} ms" if one.answer else f"failed: {one.why}"
        print(f"round {one.round}  {one.subject.name:45s} {one.wall_s:6.1f} s  {said}", flush=True)
        yield one


def _offers(outcomes: Sequence[rounds.Outcome]) -> dict[str, frozenset[str]]:
    """What each tool's results held, by tool."""
    found: dict[str, frozenset[str]] = {}
    for one in outcomes:
        if one.answer:
            found[one.subject.tool] = found.get(one.subject.tool, frozenset()) | one.answer.offers
    return found


def _roots(packages: Path, peers: environment.Environment) -> list[Path]:
    return [Path(stopwatt.__file__).parent.parent, packages, peers.packages]


def _peers_versions(outcomes: Sequence[rounds.Outcome], peers: environment.Environment) -> dict[str, str]:
    installed = {one.name: one.version for one in distributions(name="optimum-benchmark", path=[str(peers.packages)])}
    for one in outcomes:
        if one.subject.name == TORCH_PEERS and one.answer:
            installed |= one.answer.versions
    return installed


def _arguments(words: Sequence[str]) -> tuple[Path, int, int]:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of every tool; 3 for an interval")
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, help="timed calls of the bare loop, and of optimum-benchmark"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(words)
    if asked.rounds < 1 or asked.seconds < 1:
        parser.error("at least 1 round and 1 second")
    return asked.out, asked.rounds, asked.seconds


if __name__ == "__main__":
    main(*_arguments(sys.argv[1:]))
