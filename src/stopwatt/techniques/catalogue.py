"""The techniques by name, and their application. Nothing here imports torch."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stopwatt import extensions
from stopwatt.backends.requests import example_inputs
from stopwatt.errors import Unsupported, UsageError
from stopwatt.records import Scalar, Setup
from stopwatt.techniques.base import Technique
from stopwatt.workloads.base import Arrays, Built

_FACT = "technique"


def names() -> list[str]:
    """Names of all registered techniques, in the order of registration."""
    return list(extensions.registered("techniques"))


def get(name: str) -> Technique:
    """A technique by name.

    Raises:
        UsageError: No such technique; the nearest names are offered.
    """
    technique: Technique = extensions.load("techniques", name)()
    return technique


def canonical(written: Sequence[str]) -> tuple[str, ...]:
    """Techniques as keys have them: arguments in one notation, defaults filled in; the order stays.

    Raises:
        UsageError: No such technique, an argument that cannot be, or one technique twice.
    """
    found = tuple(_canonical(text) for text in written)
    heads = [text.partition(":")[0] for text in found]
    for name in heads:
        if heads.count(name) > 1:
            raise UsageError(f"technique {name!r} is given twice", now="give it once")
    return found


def _canonical(text: str) -> str:
    name, colon, argument = text.strip().partition(":")
    technique = get(name)
    if colon and not technique.argument:
        raise UsageError(f"technique {name!r} takes no argument, {argument!r} was given", now=f"write {name}")
    if not technique.argument:
        return name
    return f"{name}:{technique.check(argument or technique.argument)}"


def require(setup: Setup) -> None:
    """Whether a setup's techniques go with its backend, precision and device, and with each other, whatever the model.

    Raises:
        Unsupported: They do not; the technique is named.
    """
    known = [get(text.partition(":")[0]) for text in setup.techniques]
    for technique in known:
        technique.require(setup)
    last = [place for place, technique in enumerate(known) if technique.last]
    if last and last != [len(known) - 1]:
        raise _out_of_order(setup, last)


def _out_of_order(setup: Setup, last: Sequence[int]) -> Unsupported:
    first, *others = (setup.techniques[place] for place in last)
    if others:
        now = f"leave +{first} or +{others[0]} away"
    else:
        now = f"write +{'+'.join([*(one for one in setup.techniques if one != first), first])}"
    return Unsupported(
        f"{first} leaves no layers that {setup.techniques[last[0] + 1]} could change", when=setup.label, now=now
    )


def exact(setup: Setup) -> bool:
    """Whether a setup's techniques leave the function as it is, up to rounding."""
    return all(get(text.partition(":")[0]).exact for text in setup.techniques)


def apply(built: Built, setup: Setup, calibration: Sequence[Arrays]) -> tuple[Built, Mapping[str, Scalar]]:
    """The workload with a setup's techniques applied in their order, and what they did.

    Args:
        built: As it is written; its module may be changed in place.
        setup: Says which techniques, and what for.
        calibration: Sets of inputs; one is made where there is none.

    Raises:
        Unsupported: The workload has no module, or a technique refuses; named.
    """
    require(setup)
    facts: dict[str, Scalar] = {}
    for text in setup.techniques:
        if built.module is None:
            raise Unsupported(
                f"{text} changes a PyTorch module, and this workload has none",
                when=setup.label,
                now=f"leave +{text} away",
            )
        name, _, argument = text.partition(":")
        calibration = calibration or (example_inputs(built, setup, ()),)
        done = get(name).apply(built.module, argument, setup, calibration)
        built = replace(built, module=done.module, call=done.module)
        facts |= {f"{_FACT}.{name}.{fact}": value for fact, value in done.facts.items()}
    return built, facts
