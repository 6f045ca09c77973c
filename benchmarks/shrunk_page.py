"""The page on int8, bf16 and pruning, and what it says of its figures."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from result import Page
from shrunk_study import BASE, LIMIT, PRUNED, Arm, Kept, Result, Study
from stopwatt.records import Precision
from stopwatt.stats.ratios import Verdict
from stopwatt.text import counted
from stopwatt.units import duration, percent, quantity
from texts import estimate_text, ratio_text


def page_of(studies: Sequence[Study], *, rounds: int, size: str, seed: int) -> Page:
    """The page of what was found."""
    return Page(
        name="shrunk",
        title="int8, bf16 and pruned: what two trained models gain, and what accuracy they lose",
        command="python benchmarks/run.py shrunk",
        sentences=[
            "The detector and the classifier of `examples/`, batch 1, all cores, each setup in "
            f"{rounds} fresh processes, which take turns in random order. Data that neither was trained on "
            f"are drawn for this page (seed {seed}; images of {size}); int8 is calibrated on samples beside the "
            "labelled ones. Speed-ups are ratios of times, paired by round; intervals are 95 %. *Lost* is the accuracy "
            "of the whole model in fp32 eager less that of the setup, on the same samples; it is *kept* where the "
            f"whole interval is within {LIMIT:g}.",
            *(sentence for study in studies for sentence in sentences(study)),
            _of_energy([one for study in studies for one in study.results]),
            "Weights are those of the module in its format, of ONNX Runtime and OpenVINO the files that they load "
            "(OpenVINO makes bf16 of fp32 as it loads). Memory is the peak of the whole process, with its runtime and, "
            "on eager, PyTorch; where a technique prunes, what it took for that stays in eager's process, "
            "which a pruned checkpoint does not have. The deviation is that of the answers to the model's own inputs "
            "from those of fp32 eager: of the whole model where a technique prunes it, of the pruned one where that "
            "was trained on. It refuses nothing here, other than int8 of a cosine below 0.9.",
        ],
        tables=[_table(study) for study in studies],
        data={"limit": LIMIT, "seed": seed, "models": [_document(study) for study in studies]},
    )


def sentences(study: Study) -> Iterator[str]:
    """What the figures of one model say."""
    base = study.of(BASE)
    assert base is not None
    yield (
        f"**The {study.name}**: {study.metric} of {estimate_text(base.accuracy)} on "
        f"{counted(study.samples, 'labelled sample')}, {study.calibrated} others to calibrate on. {_of_accuracy(study)}"
    )
    yield _of_best(study)
    for what, chosen in _KINDS:
        listed = [_gain(one) for one in study.results if chosen(one.arm) and not one.refused]
        if listed:
            yield f"{what} (speed-up over fp32 of the whole {study.name} on the same runtime): {'; '.join(listed)}."
    yield from _of_training(study)
    refused = [f"{one.arm.name} ({one.refused})" for one in study.results if one.refused]
    if refused:
        yield f"Not to be had: {'; '.join(refused)}."


_KINDS: tuple[tuple[str, Callable[[Arm], bool]], ...] = (
    ("bf16", lambda arm: arm.precision is Precision.BF16),
    ("int8", lambda arm: arm.precision is Precision.INT8 and not arm.trained),
    ("Pruned without training", lambda arm: "+" in arm.backend),
    ("Pruned and trained on", lambda arm: arm.trained),
)


def _of_accuracy(study: Study) -> str:
    """Which setups keep the accuracy, which do not, and of which the samples do not say."""
    others = [one for one in study.results if one.arm != BASE and not one.refused]
    said = {
        Kept.YES: f"Within {LIMIT:g} of it with their whole interval",
        Kept.UNDECIDED: f"Not decided by {study.samples} samples",
        Kept.NO: f"More than {LIMIT:g} is lost by",
        Kept.UNKNOWN: "Not known of",
    }
    groups = []
    for verdict, words in said.items():
        names = [
            one.arm.name + ("" if verdict is Kept.YES else f" ({estimate_text(one.loss)})")
            for one in others
            if one.kept is verdict
        ]
        groups += [f"{words}: {', '.join(names)}."] if names else []
    return " ".join(groups)


def _of_best(study: Study) -> str:
    """The fastest, and the one with the least memory, among those that keep the accuracy."""
    base = study.of(BASE)
    good = [one for one in study.results if one.kept is Kept.YES and not one.refused]
    fast = [one for one in good if one.eager.value is not None]
    small = [one for one in good if one.memory.measured is not None]
    parts = []
    if fast:
        best = max(fast, key=lambda one: one.eager.value or 0.0)
        weights = "" if best.weights is None else f", {quantity(best.weights, 'B')} of weights"
        parts.append(f"the fastest is {best.arm.name}: {ratio_text(best.eager)} fp32 eager{weights}")
    if small and base is not None and base.memory.value:
        least = min(small, key=lambda one: one.memory.value or 0.0)
        beside = f" (fp32 eager {quantity(base.memory.value, 'B')})" if least.arm != BASE else ""
        parts.append(f"the least memory is that of {least.arm.name}: {estimate_text(least.memory)}{beside}")
    return f"Of those that keep its accuracy, {'; '.join(parts)}." if parts else "None keeps its accuracy."


def _gain(one: Result) -> str:
    """`openvino int8 1.52 x [1.48, 1.56], loses 0.002 [-0.001, 0.005]`, and what is not shown to be faster."""
    name = f"{one.arm.name} {ratio_text(one.same)}"
    doubtful = {
        Verdict.SLOWER: ", slower",
        Verdict.EQUIVALENT: ", as fast",
        Verdict.INCONCLUSIVE: ", speed not decided",
    }
    faster = "" if one.same.verdict is None else doubtful.get(one.same.verdict, "")
    return f"{name}{faster}, loses {estimate_text(one.loss)}"


def _of_training(study: Study) -> Iterator[str]:
    """What pruning loses by itself, and after training."""
    before, after = study.of(Arm(f"eager+prune:{PRUNED:g}")), study.of(Arm("eager", trained=True))
    if before is None or after is None or before.refused or after.refused:
        return
    yield (
        f"Taking {percent(PRUNED)} of the channels between layers out loses {estimate_text(before.loss)} by itself, "
        f"and {estimate_text(after.loss)} after {counted(study.steps, 'step')} of training on other samples "
        f"({duration(study.took_s)} with reading them and a last check, `examples/{study.name}/train.py --prune "
        f"{PRUNED:g}`)."
    )


def _of_energy(results: Sequence[Result]) -> str:
    """Which took the least energy; where nothing counts it, why."""
    known = [one for one in results if one.energy.value is not None]
    if known:
        return "Energy is that of the processor's package for a sample, queue kept full."
    reasons = dict.fromkeys(one.energy.why for one in results if not one.refused)
    return f"Energy: unavailable ({'; '.join(reasons)})."


def _table(study: Study) -> tuple[str, Sequence[str], Sequence[Sequence[str]]]:
    energy = any(one.energy.value is not None for one in study.results)
    head = (
        "model",
        "setup",
        "latency",
        "x fp32, same runtime",
        "x fp32 eager",
        "peak memory",
        *(("energy",) if energy else ()),
        "weights",
        f"accuracy ({study.metric})",
        "lost",
        "kept",
        "deviation",
    )
    rows = [_line(one, energy=energy) for one in study.results]
    return f"The {study.name}, {counted(study.samples, 'labelled sample')}", head, rows


def _line(one: Result, *, energy: bool) -> tuple[str, ...]:
    start = (one.arm.model, f"{one.arm.runtime} {one.arm.precision}")
    if one.refused:
        return (*start, "refused", *["-"] * (8 + energy))
    return (
        *start,
        estimate_text(one.latency),
        ratio_text(one.same),
        ratio_text(one.eager),
        estimate_text(one.memory),
        *((estimate_text(one.energy),) if energy else ()),
        "-" if one.weights is None else quantity(one.weights, "B"),
        estimate_text(one.accuracy),
        "-" if one.arm == BASE else estimate_text(one.loss),
        "-" if one.arm == BASE else str(one.kept),
        "-" if one.deviation.value is None else f"{one.deviation.value:.1e}" if one.deviation.value else "0",
    )


def _document(study: Study) -> dict[str, Any]:
    about = {
        "model": study.name,
        "metric": study.metric,
        "samples": study.samples,
        "calibrated": study.calibrated,
        "steps": study.steps,
        "training_s": study.took_s,
    }
    return about | {"setups": [_setup(one) for one in study.results]}


def _setup(one: Result) -> dict[str, Any]:
    estimates = {
        "latency": one.latency,
        "host_memory": one.memory,
        "energy_package": one.energy,
        "accuracy": one.accuracy,
        "accuracy_loss": one.loss,
        "deviation": one.deviation,
    }
    ratios = {"times_fp32_same_runtime": one.same, "times_fp32_eager": one.eager}
    return {
        "model": one.arm.model,
        "backend": one.arm.runtime,
        "precision": str(one.arm.precision),
        "refused": one.refused or None,
        "kept": str(one.kept),
        "weight_bytes": one.weights,
        **{name: {"value": each.value, "low": each.low, "high": each.high} for name, each in ratios.items()},
        **{
            name: {"value": each.value, "low": each.low, "high": each.high, "unit": each.unit, "why": each.why}
            for name, each in estimates.items()
        },
    }
