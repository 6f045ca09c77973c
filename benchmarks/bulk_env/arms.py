"""Ways to do the same work, each in a process of its own, in rounds that take turns."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DETECTOR = f"{HERE.parents[1] / 'examples' / 'detector' / 'model.py'}:detector"


@dataclass(frozen=True)
class Arm:
    """One way.

    Attributes:
        name: As the page calls it.
        model: A pack, or a workload.
        options: Of `stopwatt run`; for a loop, the model's threads.
        loop: A script of this folder in place of `stopwatt run`.
    """

    name: str
    model: str
    options: tuple[str, ...] = ()
    loop: str = ""


@dataclass(frozen=True)
class Done:
    """What a way did in one round.

    Attributes:
        rate: Images a second, as it counts them itself.
        whole_s: From the start of its process to its end.
        document: What it printed.
    """

    rate: float
    whole_s: float
    document: Mapping[str, Any]


def command(arm: Arm, images: Path, out: Path, limit: int) -> list[str]:
    """What does it."""
    if arm.loop:
        return [sys.executable, str(HERE / arm.loop), arm.model, str(images), str(out), str(limit), *arm.options]
    options = ["--limit", str(limit), "--out", str(out), "--json", *arm.options]
    return [sys.executable, "-m", "stopwatt", "run", str(images), "--model", arm.model, *options]


def carry_out(arm: Arm, images: Path, out: Path, limit: int) -> Done:
    """Do it once; the results are left in the folder."""
    shutil.rmtree(out, ignore_errors=True)
    begin = time.monotonic()
    ended = subprocess.run(command(arm, images, out, limit), capture_output=True, text=True, check=False)
    whole_s = time.monotonic() - begin
    if ended.returncode:
        raise RuntimeError(f"{arm.name}: {ended.stderr[-2000:]}")
    document = json.loads(ended.stdout if not arm.loop else ended.stdout.splitlines()[-1])
    return Done(document["images_per_s"], whole_s, document)


def in_turns(arms: Sequence[Arm], images: Path, out: Path, limit: int, rounds: int) -> dict[str, list[Done]]:
    """Every arm once a round, each round in another order: nobody is always first, or behind the same one."""
    done: dict[str, list[Done]] = {arm.name: [] for arm in arms}
    for number in range(rounds):
        shift = number * len(arms) // rounds
        turned = [*arms[shift:], *arms[:shift]]
        for arm in turned if number % 2 == 0 else turned[::-1]:
            one = carry_out(arm, images, out / f"arm{arms.index(arm)}", limit)
            done[arm.name].append(one)
            print(f"round {number + 1}, {arm.name}: {one.rate:.1f} images/s", flush=True)
    return done


def draw(folder: Path, images: int, size: str = "1920x1080") -> Path:
    """A data set of shapes; the folder of its images."""
    asked = ["--images", str(images), "--size", size]
    subprocess.run([sys.executable, "-m", "stopwatt", "data", "shapes", str(folder), *asked], check=True)
    return folder / "images"


def pack(folder: Path, backend: str) -> str:
    """The detector as a pack for batches of 8; empty where this machine cannot make it."""
    path = folder / f"{backend}.swpack"
    asked = ["--backend", backend, "--precision", "fp32", "--batch", "8", "--threads", "1", "--out", str(path)]
    made = subprocess.run(
        [sys.executable, "-m", "stopwatt", "pack", DETECTOR, *asked], capture_output=True, text=True, check=False
    )  # fmt: skip
    if made.returncode:
        print(made.stderr[-1000:], flush=True)
    return "" if made.returncode else str(path)


def results(folder: Path) -> Any:
    """What a way wrote."""
    return json.loads((folder / "detections.json").read_text())
