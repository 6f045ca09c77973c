"""`stopwatt run` on GPUs: a detector on a ResNet-50 at 1920x1080, in many layouts, against its ceilings.

Each run is a process of its own, as a user starts it. What was measured stays in `build/bulk-gpu/results.json`: an
interrupted study goes on from there, and what needs several GPUs is measured where there are several.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from statistics import mean
from typing import Any

import bulk_gpu_page
from bulk_gpu_arms import BY_HAND, ONE, PACKED, Arm, several
from result import RESULTS, Made, made_here

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "bulk-gpu"
MODEL = HERE / "resnet50_detector.py:detector"
COMPARED = 200
"""Images whose detections are compared between setups: the first ones."""
_LONGEST_S = 240.0
_TAKEN = (
    "images_per_s", "seconds", "bottleneck", "ceilings", "layout", "stages", "cores", "peak_memory", "energy",
)  # fmt: skip
"""Of a run's document."""


@dataclass
class Study:
    """Where it is measured, and with what; the figures are made with these defaults.

    Attributes:
        kept: Folder of what must outlive an interruption.
        kind: Of device: `cuda`, or `cpu` for a trial.
        size: Of the images and of the model's input.
        drawn: Different images; more names than that are links to them.
        params: Of the model, besides its size.
        share: Of the images that an arm says.
        until: On the monotonic clock: after it no run is begun.
    """

    kept: Path = KEPT
    kind: str = "cuda"
    size: tuple[int, int] = (1920, 1080)
    drawn: int = 400
    params: Sequence[str] = ()
    share: float = 1.0
    until: float = float("inf")
    results: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over what an earlier study measured."""
        self.kept.mkdir(parents=True, exist_ok=True)
        if self.file.exists():
            self.results = json.loads(self.file.read_text())

    @property
    def file(self) -> Path:
        """What was measured."""
        return self.kept / "results.json"

    def measure(self, arms: Sequence[Arm]) -> None:
        """Those that are missing; what was measured is kept after each."""
        for arm in arms:
            if arm.key in self.results or time.monotonic() > self.until:
                continue
            print(f"-- {arm.key}", flush=True)
            begin = time.monotonic()
            found = self._by_hand(arm) if arm.workers == BY_HAND else self._run(arm)
            found |= {"arm": asdict(arm), "total_s": time.monotonic() - begin}
            print(f"   {found['images_per_s'] or found['error']}", flush=True)
            self.results[arm.key] = found
            self.file.write_text(json.dumps(self.results, indent=1))

    def _run(self, arm: Arm) -> dict[str, Any]:
        model = self._model(arm)
        if isinstance(model, str):
            return {"error": model, "images_per_s": None}
        count = max(1, round(arm.images * self.share))
        out = self._out(arm.key)
        devices = ",".join(self._device(place) for place in range(arm.devices))
        options = ["--limit", str(count), "--workers", str(arm.workers), "--device", devices]
        ended = _ended(_command(self.links(count), out, arm, [*model, *options]))
        return self._summary(arm.key, out, ended)

    def _by_hand(self, arm: Arm) -> dict[str, Any]:
        """A command for each GPU, all at once; rates of the same time add up."""
        count = max(arm.devices, round(arm.images * self.share))
        images = sorted(self.links(count).iterdir())[:count]
        running = []
        for place in range(arm.devices):
            lines = self.kept / f"part{place}.txt"
            lines.write_text("".join(f"{path}\n" for path in images[place :: arm.devices]))
            decoders = max(1, (os.cpu_count() or 1) // arm.devices - 2)
            options = ["--device", self._device(place), "--workers", "1", "--decoders", str(decoders), "--no-ceilings"]
            model = ["--model", str(MODEL), "--backend", arm.backend, "--precision", arm.precision, *self._params()]
            out = self._out(f"{arm.key}-{place}")
            command = _command(lines, out, arm, [*model, *options])
            running.append((out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)))
        parts = [self._summary(out.name, out, (one.communicate()[0], "", one.returncode)) for out, one in running]
        wrong = next((part["error"] for part in parts if part["images_per_s"] is None), "")
        if wrong:
            return {"error": wrong, "images_per_s": None}
        rates = [part["images_per_s"] for part in parts]
        return {
            "images_per_s": sum(rates),
            "workers": rates,
            "gpus": [part["gpus"][0] for part in parts if part["gpus"]],
        }

    def _model(self, arm: Arm) -> list[str] | str:
        """Options that say which, or why there is none."""
        if arm.backend not in PACKED:
            return ["--model", str(MODEL), "--backend", arm.backend, "--precision", arm.precision, *self._params()]
        pack = self.kept / f"{arm.backend}-{arm.precision}-b{arm.batch}.swpack"
        if not pack.exists():
            options = ["--backend", arm.backend, "--precision", arm.precision, "--batch", str(arm.batch)]
            command = [sys.executable, "-m", "stopwatt", "pack", str(MODEL), *options, "--device", self.kind]
            # An untrained detector is not sure of what it sees: where two scores are close, another rounding changes
            # which boxes are the best hundred, and that is no error of the conversion.
            _, said, code = _ended([*command, *self._params(), "--tolerance", "10", "--out", str(pack)])
            if code:
                return f"packing ended with {code}: {said}"
        return ["--model", str(pack)]

    def _params(self) -> list[str]:
        width, height = self.size
        return [word for one in (f"width={width}", f"height={height}", *self.params) for word in ("-p", one)]

    def _device(self, place: int) -> str:
        return f"cuda:{place}" if self.kind == "cuda" else self.kind

    def _out(self, key: str) -> Path:
        out = self.kept / "runs" / key
        shutil.rmtree(out, ignore_errors=True)
        return out

    def links(self, count: int) -> Path:
        """A folder of at least so many names of images."""
        folder, drawn = self.kept / "links", self.kept / "drawn"
        if not (drawn / "annotations.json").exists():
            size = f"{self.size[0]}x{self.size[1]}"
            words = ["data", "shapes", str(drawn), "--images", str(self.drawn), "--size", size, "--force"]
            subprocess.run([sys.executable, "-m", "stopwatt", *words], check=True, stdout=subprocess.DEVNULL)
        folder.mkdir(exist_ok=True)
        sources = sorted((drawn / "images").iterdir())
        for number in range(len(list(folder.iterdir())), count):
            os.link(sources[number % len(sources)], folder / f"{number:06d}.jpg")
        return folder

    def _summary(self, key: str, out: Path, ended: tuple[str, str, int]) -> dict[str, Any]:
        """What the page needs of a run; the first detections are kept beside."""
        said, wrong, code = ended
        if code:
            return {"error": f"ended with {code}: {wrong}", "images_per_s": None}
        document = json.loads(said)
        results = out / "detections.json"
        found = json.loads(results.read_bytes())
        first = json.dumps([one for one in found if one["image_id"] <= COMPARED])
        kept = self.kept / "detections"
        kept.mkdir(exist_ok=True)
        (kept / f"{key}.json").write_text(first)
        about = {name: document[name] for name in _TAKEN}
        more = {
            "images": document["images"],
            "failed": document["failed"],
            "workers": [one["images_per_s"] for one in document["workers"]],
            "gpus": list(_gpus(document["ticks"], document["readings"])),
            "notes": document["notes"],
            "detections": len(found),
            "digest": sha256(first.encode()).hexdigest()[:16],
        }
        return about | more


def _command(data: Path, out: Path, arm: Arm, options: Sequence[str]) -> list[str]:
    queue = [] if arm.queue else ["--queue", "0"]
    plain = ["--batch", str(arm.batch), "--json", "--out", str(out), *queue]
    return [sys.executable, "-m", "stopwatt", "run", str(data), *plain, *options]


def _ended(command: Sequence[str]) -> tuple[str, str, int]:
    """What it printed, the last lines of what went wrong, and its exit code."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return "", f"no end within {_LONGEST_S:g} s", 124
    wrong = " ".join(done.stderr.split())[-600:]
    return done.stdout.replace(f"{HERE.parent}/", ""), wrong.replace(f"{HERE.parent}/", ""), done.returncode


def _gpus(ticks: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What each GPU said, in the mean over the ticks between the first and the last."""
    inner = [one["readings"] for one in ticks[1:-1] if one["done"]] or [one["readings"] for one in ticks[-1:]]
    for gpu in sorted({name.partition(".")[0] for name in names if name.startswith("gpu-")}):
        said: dict[str, Any] = {"name": gpu}
        for channel in ("utilisation", "power", "sm_clock", "memory_used"):
            values = [one[f"{gpu}.{channel}"] for one in inner if f"{gpu}.{channel}" in one]
            said[channel] = mean(values) if values else None
        yield said


def compared(study: Study, keys: Sequence[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """What `stopwatt run compare` says of pairs of runs."""
    found = {}
    for one, other in keys:
        files = [str(study.kept / "detections" / f"{key}.json") for key in (one, other)]
        said, wrong, code = _ended([sys.executable, "-m", "stopwatt", "run", "compare", *files, "--json"])
        found[f"{one} {other}"] = json.loads(said) if code in (0, 1) and said else {"error": wrong}
    return found


def gpus_here() -> int:
    """GPUs that can be used."""
    import torch

    return torch.cuda.device_count()


def main(out: Path = RESULTS, until: float = float("inf")) -> None:
    """Measure what is missing and can be measured here, and write the page of all that there is."""
    study = Study(until=until)
    devices = gpus_here()
    study.measure(several(devices) if devices > 1 else ONE)
    about = study.kept / f"made-{devices}.json"
    if devices:
        about.write_text(json.dumps(asdict(made_here("cuda"))))
    found = {int(path.stem.removeprefix("made-")): path for path in study.kept.glob("made-*.json")}
    mades = {count: Made(**json.loads(path.read_text())) for count, path in sorted(found.items())}
    base = Arm(0, precision="fp32").key
    others = [Arm(0, backend, precision).key for backend, precision in bulk_gpu_page.SETUPS]
    pairs = [(base, other) for other in others if "digest" in study.results.get(other, {}) and base in study.results]
    bulk_gpu_page.write(study.results, compared(study, pairs), mades, out)


if __name__ == "__main__":
    main()
