"""100,000 tiny images, killed ten times with `kill -9` at random moments: are the results an undisturbed run's?"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from result import Page
from stopwatt.units import quantity

IMAGES, DIFFERENT, BROKEN = 100_000, 997, 13
KILLS, SEED = 10, 0
MODEL = '''
import torch
from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task


def classifier():
    """What it says depends on every pixel."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    contract = Contract(Task.CLASSIFY, Preprocess(8, 8), Decoding.LOGITS, threshold=0.0, most=3)
    return model, lambda batch: (torch.rand(batch, 3, 8, 8),), contract
'''


def main() -> None:
    """Run, kill, compare, and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.py").write_text(MODEL)
        draw(folder / "images")
        begin = time.monotonic()
        whole = start(folder, "whole")
        code = whole.wait()
        undisturbed_s = time.monotonic() - begin
        kills = list(kill_again_and_again(folder))
        again = start(folder, "killed").wait()
        with (folder / "killed" / "journal.jsonl").open() as journal:
            numbers = Counter(json.loads(line)["number"] for line in islice(journal, 1, None))
        same = digests(folder / "whole") == digests(folder / "killed")
    lost, doubled = IMAGES - len(numbers), sum(count - 1 for count in numbers.values())
    met = same and not lost and not doubled and code == again == 3
    write(met=met, same=same, lost=lost, doubled=doubled, kills=kills, undisturbed_s=undisturbed_s)


def draw(folder: Path) -> None:
    """Files of which many are one file under several names, and one in a thousand is no image."""
    folder.mkdir()
    pixels = np.random.default_rng(SEED)
    for number in range(IMAGES):
        path = folder / f"{number:06d}.bmp"
        if number >= DIFFERENT:
            os.link(folder / f"{number % DIFFERENT:06d}.bmp", path)
        elif number == BROKEN:
            path.write_text("no image")
        else:
            Image.fromarray(pixels.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)


def start(folder: Path, out: str) -> "subprocess.Popen[bytes]":
    """The run in a process of its own."""
    model = f"{folder / 'model.py'}:classifier"
    options = ["--no-ceilings", "--batch", "16", "--workers", "2", "--decoders", "2", "--out", str(folder / out)]
    command = [sys.executable, "-m", "stopwatt", "run", str(folder / "images"), "--model", model, *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_again_and_again(folder: Path) -> Iterator[dict[str, int]]:
    """Kill the main process or, every third time, one of its children first; at moments drawn beforehand."""
    chance = random.Random(SEED)
    journal = folder / "killed" / "journal.jsonl"
    for turn in range(KILLS):
        share, process = chance.uniform(0.2, 0.9) / KILLS, start(folder, "killed")
        target = lines(journal) + round(share * IMAGES)
        while process.poll() is None and lines(journal) < target:
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        if children and turn % 3 == 0:
            with suppress(psutil.NoSuchProcess):
                chance.choice(children).kill()
            time.sleep(chance.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        psutil.wait_procs(children, timeout=30)
        yield {"done": lines(journal) - 1, "orphans": sum(map(runs, children))}


def runs(process: psutil.Process) -> bool:
    """Whether it does; one that nobody has buried does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def lines(path: Path) -> int:
    """Of a journal, those that are whole."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def digests(folder: Path) -> dict[str, str]:
    """Of the files of results, which hold no times."""
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in ("classes.json", "failed.jsonl")}


def write(*, met: bool, same: bool, lost: int, doubled: int, kills: list[dict[str, int]], undisturbed_s: float) -> None:
    """The page."""
    orphans = sum(kill["orphans"] for kill in kills)
    Page(
        name="exactness",
        title=f"{IMAGES:,} images, killed {len(kills)} times",
        command="python benchmarks/run.py exactness",
        sentences=[
            f"{IMAGES:,} images of 8x8 pixels, 2 decoders, 2 workers, batch 16: undisturbed once; then once more with "
            f"{len(kills)} times `kill -9` at random moments, and the same command again each time. The undisturbed "
            f"run took {quantity(undisturbed_s, 's')}, which says nothing: other processes may have run beside it.",
            f"{lost} images lost, {doubled} done twice, {orphans} processes left behind; the files of results are "
            f"{'equal' if same else 'NOT equal'} byte by byte. The target is {'met' if met else 'missed'}.",
        ],
        tables=[
            (
                "The journal after each kill",
                ["kill", "images done", "processes left"],
                [[str(turn), f"{kill['done']:,}", str(kill["orphans"])] for turn, kill in enumerate(kills, 1)],
            )
        ],
        data={
            "images": IMAGES, "lost": lost, "doubled": doubled, "equal": same, "kills": kills,
            "undisturbed_s": undisturbed_s,
        },
    ).write()  # fmt: skip


if __name__ == "__main__":
    main()
