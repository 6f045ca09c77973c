"""How near a bulk run comes to what its machine can do, and what the same work costs when it is done otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bulk_env.arms import DETECTOR, Arm, Done, draw, in_turns, pack, results
from result import RESULTS, Page
from stopwatt.bulk.judging.instruments import FOREIGN
from stopwatt.bulk.pipeline.room import cores_allowed
from stopwatt.stats.intervals import geometric_mean
from stopwatt.stats.ratios import Ratio, compare_rounds
from stopwatt.text import counted
from stopwatt.units import exact, percent, ratio

IMAGES, ROUNDS = 2000, 5
"""Of the runs that are held against their ceilings."""
PART, TURNS = 640, 5
"""Of the ways that are compared with each other."""
TARGET = 0.95
CEILINGS = ("model", "decode", "storage", "together")
BACKENDS = ("onnxruntime", "openvino", "aoti")
BARE = ("--no-ceilings",)
BASE, ALONE = "defaults", "--queue 0 --workers 2"


@dataclass(frozen=True)
class Share:
    """A layout against its ceilings.

    Attributes:
        name: Of the arm.
        done: Its rounds.
        binding: The smallest ceiling of each round, by name.
        ratio: Images a second over that ceiling.
    """

    name: str
    done: Sequence[Done]
    binding: Sequence[str]
    ratio: Ratio


def main(out: Path = RESULTS, images: int = IMAGES, rounds: int = ROUNDS, part: int = PART, turns: int = TURNS) -> None:
    """Draw, pack, run in turns, and write the page."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        photos = draw(folder / "shapes", images)
        packs = {backend: path for backend in BACKENDS if (path := pack(folder, backend))}
        whole = in_turns(layouts(packs["onnxruntime"]), photos, folder, images, rounds)
        arms = ways(packs)
        done = in_turns(arms, photos, folder, part, turns)
        written = {arm.name: results(folder / f"arm{place}") for place, arm in enumerate(arms)}
        beside = in_turns(without_queue(packs["onnxruntime"]), photos, folder, images, rounds)
    notes = [equal(written), *(f"{one} could not be packed on this machine." for one in BACKENDS if one not in packs)]
    write(out, [share(name, each) for name, each in whole.items()], beside, done, notes)


def layouts(packed: str) -> list[Arm]:
    """Runs over all images, with their ceilings."""
    return [
        Arm(BASE, packed),
        Arm("--auto", packed, ("--auto",)),
        Arm("--decoders 1 (a core for each)", packed, ("--decoders", "1")),
    ]


def without_queue(packed: str) -> list[Arm]:
    """Workers that do everything for themselves, beside a run that measures the ceilings: they measure none."""
    return [Arm(BASE, packed), Arm(ALONE, packed, ("--queue", "0", "--workers", "2", "--threads", "1", *BARE))]


def ways(packs: Mapping[str, str]) -> list[Arm]:
    """The same work: first the run as it comes, with which all others are compared."""
    packed = packs["onnxruntime"]
    arms = [
        Arm(BASE, packed, BARE),
        Arm("--auto", packed, (*BARE, "--auto")),
        Arm("--workers 2", packed, (*BARE, "--workers", "2")),
        Arm("--queue 0", packed, (*BARE, "--queue", "0", "--threads", "1")),
        Arm(ALONE, packed, (*BARE, "--queue", "0", "--workers", "2", "--threads", "1")),
        Arm("not packed (eager)", DETECTOR, BARE),
    ]
    arms += [Arm(f"packed for {name}", path, BARE) for name, path in packs.items() if path != packed]
    arms += [
        Arm("a DataLoader loop, 2 workers", packed, ("1",), "dataloader.py"),
        Arm("a DataLoader loop, 2 workers, model of 2 threads", packed, ("2",), "dataloader.py"),
        Arm("Ray Data, 2 decoding actors, 1 with the model", packed, ("1",), "ray_data.py"),
    ]
    return arms


def share(name: str, done: Sequence[Done], measured: Sequence[Done] = ()) -> Share:
    """Of the smallest ceiling, round by round: each run measured its own, or another one did in the same round."""
    smallest = [min(known(one.document).items(), key=lambda pair: pair[1]) for one in measured or done]
    ceilings = np.array([value for _, value in smallest])
    rates = np.array([one.rate for one in done])
    return Share(name, done, [name for name, _ in smallest], compare_rounds(1 / ceilings, 1 / rates))


def known(document: Mapping[str, Any]) -> dict[str, float]:
    """Ceilings of a run."""
    ceilings = document["ceilings"]
    return {name: ceilings[name] for name in CEILINGS if ceilings.get(name) is not None}


def equal(written: Mapping[str, Any]) -> str:
    """Whose results are the same."""
    same = [name for name, found in written.items() if found == written[BASE]]
    others = ", ".join(name for name in written if name not in same)
    return f"All write the same kind of file; equal to the last digit: {', '.join(same)}; not so: {others or 'none'}."


def write(
    out: Path,
    shares: Sequence[Share],
    beside: Mapping[str, Sequence[Done]],
    done: Mapping[str, Sequence[Done]],
    notes: Sequence[str],
) -> None:
    """The page."""
    images, part = (one.document["images"] for one in (shares[0].done[0], done[BASE][0]))
    page = Page(
        "bulk-efficiency", "How much of what the machine can do a bulk run gets",
        "python benchmarks/run.py bulk-efficiency",
    )  # fmt: skip
    cores = exact(cores_allowed(), "1")
    first = shares[0].done
    against = {name: compare_rounds(seconds(done[BASE]), seconds(rounds)) for name, rounds in done.items()}
    page.sentences = [
        f"{images:,} images of 1920x1080 (`stopwatt data shapes`), the detector of `examples/detector` packed for "
        f"onnxruntime (fp32, batch 8), {cores} cores, files in the page cache, {len(first)} rounds in turn.",
        *(verdict(one) for one in shares),
        missing([*first, *beside[BASE]]),
        alone(beside),
        "The ceilings are measured by the processes of each run, before its first image: the model alone, decoding "
        "alone and reading alone, each with the machine to itself. `cores` is what all cores can do when decoding and "
        "the model share them: cores divided by the CPU seconds that an image takes in both. A run cannot pass the "
        "smallest of the four by more than these differ from one time to the next. How they share: "
        f"{how(first)}.",
        f"Below, {part} images, every way in {counted(len(done[BASE]), 'round')} that take turns, without the "
        "measurement of ceilings; images/s from the first image that is begun, with the model ready, to the last "
        "result. All decode with the same function; the loops keep no journal, measure nothing, and end at the first "
        "damaged image.",
        foreign([one for each in (*(one.done for one in shares), *beside.values(), *done.values()) for one in each]),
        *notes,
        *(compared(name, against[name]) for name in done if "loop" in name or "Ray" in name or "queue" in name),
    ]
    page.tables = [
        (
            "Against the ceilings, images/s; named: what the run says holds it back, none where it is balanced",
            ("run", "images/s", "model", "decode", "storage", "cores", "binding", "share of it", "named"),
            [_row(one) for one in shares],
        ),
        (
            "What keeps a run from what the cores can do",
            ("run", "cores used", "CPU time of an image, ms", "of it in the ceiling, ms"),
            [_spent(one.name, one.done) for one in shares],
        ),
        (
            "The same work otherwise; ratio to the run with its defaults",
            ("way", "images/s", "ratio", "whole command, s"),
            [
                (name, _mean(rates(rounds)), _ratio(against[name]), _mean(np.array([one.whole_s for one in rounds])))
                for name, rounds in done.items()
            ],
        ),
    ]
    page.data = {
        "shares": [
            {"run": one.name, "value": one.ratio.value, "low": one.ratio.low, "high": one.ratio.high} for one in shares
        ],
        "without_queue": {name: [_kept(each) for each in rounds] for name, rounds in beside.items()},
        "layouts": {one.name: [_kept(each) for each in one.done] for one in shares},
        "ways": {name: [_kept(each) for each in rounds] for name, rounds in done.items()},
    }
    page.write(out)


def verdict(one: Share) -> str:
    """Whether a run meets the target."""
    assert one.ratio.value is not None
    met = "is met" if one.ratio.value >= TARGET else "is not met"
    low = "" if one.ratio.low is None else f"; the interval's lower end is {percent(one.ratio.low)}"
    return f"{one.name}: {_share(one.ratio)} of the binding ceiling ({_binding(one)}): the target of 95 % {met}{low}."


def missing(done: Sequence[Done]) -> str:
    """Of the cores' ceiling, in the runs with defaults: what the run did not get of the cores, and what it spent."""
    cores = cores_allowed()
    used = geometric_mean(np.array([each.document["cores"] for each in done])) / cores
    spent = [each.document["cores"] / each.rate * known(each.document)["together"] / cores for each in done]
    return (
        f"What the runs with defaults are short of: they used {percent(round(used, 3))} of the cores (the rest went to "
        f"other programs and to waiting), and {geometric_mean(np.array(spent)):.3f} times the CPU time "
        "that decoding and the model take in their ceilings, which do without the main process's work and the readings "
        "of instruments."
    )


def alone(beside: Mapping[str, Sequence[Done]]) -> str:
    """What workers without a queue come to."""
    found = share(ALONE, beside[ALONE], beside[BASE])
    own = share(BASE, beside[BASE])
    faster = compare_rounds(seconds(beside[BASE]), seconds(beside[ALONE]))
    return (
        f"Without a queue, each worker reading, decoding and calling the model in turn ({ALONE}), the same images went "
        f"through at {_mean(rates(beside[ALONE]))} images/s, {_share(found.ratio)} of the binding ceiling "
        f"({_binding(found)}) of a run with defaults in the same round (it measures none itself), which reached "
        f"{_share(own.ratio)}: {_ratio(faster)} of its images/s ({faster.verdict})."
    )


def compared(name: str, found: Ratio) -> str:
    """One way beside the run."""
    return f"{name}: {_ratio(found)} of the run's images/s ({found.verdict})."


def foreign(done: Sequence[Done]) -> str:
    """What other programs took of the cores, where runs read it."""
    taken = [one.document.get("readings", {}).get(FOREIGN) for one in done]
    most = max((value for value in taken if value is not None), default=None)
    if most is None:
        return "Whether other programs used the cores was not read."
    return f"Other programs used {most:.2f} of the {exact(cores_allowed(), '1')} cores at most, in any of these runs."


def how(done: Sequence[Done]) -> str:
    """How the processes share cores."""
    return str(done[0].document["ceilings"]["shared"])


def rates(done: Sequence[Done]) -> Any:
    """Images a second of each round."""
    return np.array([one.rate for one in done])


def seconds(done: Sequence[Done]) -> Any:
    """Seconds of an image in each round."""
    return 1 / rates(done)


def _row(one: Share) -> tuple[str, ...]:
    ceilings = [known(each.document) for each in one.done]
    shown = [_mean(np.array([each[name] for each in ceilings if name in each])) for name in CEILINGS]
    named = "/".join(sorted({each.document["bottleneck"]["name"] for each in one.done}))
    return (one.name, _mean(rates(one.done)), *shown, _binding(one), _share(one.ratio), named)


def _binding(one: Share) -> str:
    return " or ".join(sorted({"cores" if name == "together" else name for name in one.binding}))


def _spent(name: str, done: Sequence[Done]) -> tuple[str, ...]:
    """Cores that were used, and CPU time of an image with all that is done for it, beside that of the two alone."""
    used = np.array([each.document["cores"] for each in done])
    alone = np.array([1e3 * cores_allowed() / known(each.document)["together"] for each in done])
    return (name, _mean(used, digits=2), _mean(1e3 * used / rates(done), digits=2), _mean(alone, digits=2))


def _mean(values: Any, digits: int = 1) -> str:
    return "-" if not len(values) else f"{geometric_mean(values):.{digits}f}"


def _share(found: Ratio) -> str:
    assert found.value is not None
    bounds = "" if found.low is None or found.high is None else f" [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return f"{100 * found.value:.1f} %{bounds}"


def _ratio(found: Ratio) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return ratio(found.value)
    half = (found.high - found.low) / 2
    return f"{ratio(found.value, half_width=half or None)} [{found.low:.2f}, {found.high:.2f}]"


def _kept(one: Done) -> dict[str, Any]:
    names = ("images", "ceilings", "bottleneck", "layout", "cores", "peak_memory", "seconds", "stages", "readings")
    return {
        "images_per_s": one.rate,
        "whole_s": one.whole_s,
        **{name: one.document[name] for name in names if name in one.document},
    }


if __name__ == "__main__":
    main()
