"""What nodes say of themselves, taken together. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from stopwatt.bulk.cluster.places import together
from stopwatt.bulk.judging.derived import CEILINGS
from stopwatt.bulk.judging.instruments import Now
from stopwatt.bulk.judging.ticks import Counts
from stopwatt.bulk.records import Bottleneck, Ceilings, Node, Stage
from stopwatt.energy import SCOPES
from stopwatt.records import Scalar
from stopwatt.text import counted
from stopwatt.units import percent

_SUSPECT, _UNAVAILABLE = "suspect", "unavailable"


def all_counts(nodes: Sequence[tuple[Counts, bool]]) -> Counts:
    """Counters of all nodes, and the state of those that live.

    Args:
        nodes: Of each what it said last, and whether it takes part still: what it counted stays, what waited does not.
    """
    both, living = [counts for counts, _ in nodes], [counts for counts, lives in nodes if lives]
    stage_s: Counter[Stage] = Counter()
    for one in both:
        stage_s.update(one.stage_s)  # adds
    return Counts(
        done=sum(one.done for one in both),
        failed=sum(one.failed for one in both),
        by_worker=tuple(images for one in both for images in one.by_worker),
        queued=sum(one.queued for one in living),
        room=sum(one.room for one in living),
        idle_workers=sum(one.idle_workers for one in living),
        idle_decoders=sum(one.idle_decoders for one in living),
        unwritten=sum(one.unwritten for one in living),
        stage_s=stage_s,
    )


def all_readings(living: Mapping[str, Now], gone: Mapping[str, Now]) -> Now:
    """CPU time and memory of all nodes; every other reading by the name of its node."""
    both = {**gone, **living}
    seconds = [one.cpu_s for one in both.values()]
    resident = [one.rss_bytes for one in living.values()]
    known_s = [one for one in seconds if one is not None]
    known_bytes = [one for one in resident if one is not None]
    return Now(
        cpu_s=sum(known_s) if known_s and len(known_s) == len(seconds) else None,
        rss_bytes=sum(known_bytes) if known_bytes and len(known_bytes) == len(resident) else None,
        readings={f"{node}.{name}": value for node, one in living.items() for name, value in one.readings.items()},
    )


def all_ceilings(found: Mapping[str, Ceilings], lost: Sequence[str]) -> Ceilings:
    """What all nodes do at most: the sum of each ceiling, where every node has measured it.

    Args:
        found: By node.
        lost: Nodes that did not live to say it.
    """
    if len(found) == 1 and not lost:
        return next(iter(found.values()))
    why: dict[str, str] = {}
    sums: dict[str, float | None] = {}
    for name in CEILINGS:
        rates = {node: getattr(one, name) for node, one in found.items()}
        missing = [node for node, rate in rates.items() if rate is None]
        sums[name] = None if missing or lost or not rates else sum(rates.values())
        if lost:
            why[name] = f"{lost[0]} was lost, and with it what it had measured"
        elif missing:
            why[name] = found[missing[0]].why.get(name, "not measured")
    why.pop("together", None)
    layouts = [one.layout for one in found.values() if one.layout is not None]
    return Ceilings(
        **sums,
        shared=f"each the sum of {counted(len(found), 'node')}, all of which measured at about the same time",
        why=why,
        cached="; ".join(dict.fromkeys(one.cached for one in found.values() if one.cached)),
        layout=together(layouts) if layouts and len(layouts) == len(found) else None,
    )


Energy = Mapping[str, Scalar | None]
"""Of one node, as `Record.energy` has it."""


def all_energy(found: Mapping[str, Energy], lost: Sequence[str], images: int) -> dict[str, Scalar | None]:
    """Joules of all nodes, as `Record.energy` has them; none where the meters of one are silent.

    Args:
        found: By node.
        lost: Nodes that did not live to say it.
        images: With a result.
    """
    whole: dict[str, Scalar | None] = {}
    for scope in SCOPES:
        said = {node: one for node, one in found.items() if f"{scope}.verdict" in one}
        if not said:
            continue
        joules = [one[f"{scope}.joules"] for one in said.values()]
        why = [f"{node}: {one[f'{scope}.why']}" for node, one in said.items() if one.get(f"{scope}.why")]
        why += [f"{node} was lost, and with it what its meters said" for node in lost]
        known = [one for one in joules if isinstance(one, float)]
        complete = len(known) == len(found) and not lost
        verdicts = {str(one[f"{scope}.verdict"]) for one in said.values()}
        verdict = _SUSPECT if len(verdicts) > 1 else verdicts.pop()
        whole |= {
            f"{scope}.joules": sum(known) if complete else None,
            f"{scope}.joules_per_image": sum(known) / images if complete and images else None,
            f"{scope}.verdict": verdict if complete else _UNAVAILABLE,
            f"{scope}.why": why[0] if why else None,
        }
    return whole


def of_busiest(nodes: Sequence[Node]) -> Bottleneck:
    """What held back the node that did most; the others are named where something else held them back."""
    known = [node for node in nodes if node.bottleneck is not None]
    if not known:
        return Bottleneck("none", "no node lived to say what held it back")
    busiest = max(known, key=lambda node: node.images)
    found = busiest.bottleneck
    assert found is not None  # noqa: S101  (of those that are known)
    if len(nodes) == 1:
        return found
    share = percent(round(busiest.images / max(sum(node.images for node in nodes), 1), 2))
    others = Counter(node.bottleneck.name for node in known if node.bottleneck and node is not busiest)
    others.pop(found.name, None)
    but = "".join(f"; {counted(number, 'other node')}: {name}" for name, number in others.items())
    return Bottleneck(found.name, f"on {busiest.name} ({share} of the images), {found.sentence}{but}", found.remedy)
