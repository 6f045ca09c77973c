"""What limits or spoils the numbers: cells without a result, warnings, missed deadlines."""

from collections.abc import Mapping, Sequence

from stopwatt import units
from stopwatt.analyse.findings.cells import Named, having, keys
from stopwatt.analyse.findings.words import none_other, sentence
from stopwatt.analyse.grid import place
from stopwatt.analyse.worst import Miss, WorstCase
from stopwatt.records import Finding, Note, Severity, Status
from stopwatt.text import one_line
from stopwatt.ways import Load

NO_RESULT = "no-result"
ROUNDS_LOST = "rounds-lost"
WARNING = "warning"
DEADLINE = "deadline-misses"
OVERRUNS = "overruns"


def find_trouble(named: Sequence[Named]) -> list[Finding]:
    """Each reason, each warning and each deadline once, with its count."""
    return [*_no_result(named), *_rounds_lost(named), *_warnings(named), *_deadlines(named), *_overruns(named)]


def _no_result(named: Sequence[Named]) -> list[Finding]:
    groups: dict[tuple[Status, str], list[Named]] = {}
    for one in named:
        row = one.cell.row
        if row.status is not Status.OK:
            groups.setdefault((row.status, row.trouble.what if row.trouble else ""), []).append(one)
    return [
        Finding(
            NO_RESULT,
            _ending(members, named, f"no result, {_reason(status, what)}"),
            keys(members),
            {"share": len(members) / len(named)},
            weight=(0.5 if status is Status.UNSUPPORTED else 1.0) + len(members) / len(named),
            count=len(members),
            of=len(named),
        )
        for (status, what), members in groups.items()
    ]


def _reason(status: Status, what: str) -> str:
    """`out of memory: the allocation of 3.2 GiB failed`; what says no more than the status is not said again."""
    word = status.value.replace("_", " ")
    return f"{word}: {one_line(what)}" if what and what != word else word


def _ending(members: Sequence[Named], every: Sequence[Named], text: str) -> str:
    """A place and what it gave."""
    if len(members) == 1:
        label = place(members[0].where)
        return f"{label}: {text}" if label else text[:1].upper() + text[1:]
    where = having(members, every)
    return f"{where[:1].upper()}{where[1:]}: {text}"


def _rounds_lost(named: Sequence[Named]) -> list[Finding]:
    members = [one for one in named if one.cell.row.status is Status.OK and one.cell.row.rounds_failed]
    if not members:
        return []
    lost = sum(one.cell.row.rounds_failed for one in members)
    reasons = dict.fromkeys(one.cell.row.trouble.what for one in members if one.cell.row.trouble is not None)
    first = next(iter(reasons), "")
    more = f" and {len(reasons) - 1} other reason{'s' if len(reasons) > 2 else ''}" if len(reasons) > 1 else ""  # noqa: PLR2004
    text = f"{lost} round{'' if lost == 1 else 's'} lost{f': {first}{more}' if first else ''}"
    return [
        Finding(
            ROUNDS_LOST,
            _ending(members, named, text),
            keys(members),
            {"rounds": lost},
            weight=0.3 + 0.3 * len(members) / len(named),
            count=len(members),
            of=len(named),
        )
    ]


def _warnings(named: Sequence[Named]) -> list[Finding]:
    """Each kind of warning with the text of its first occurrence."""
    texts: dict[str, Note] = {}
    groups: dict[str, dict[str, Named]] = {}
    for one in named:
        for counted_note in one.cell.row.notes:
            note = counted_note.note
            if note.severity is Severity.WARNING:
                texts.setdefault(note.kind, note)
                groups.setdefault(note.kind, {})[one.key] = one
    return [_warning(texts[kind], list(members.values()), named) for kind, members in groups.items()]


def _warning(note: Note, members: Sequence[Named], named: Sequence[Named]) -> Finding:
    return Finding(
        WARNING,
        _ending(members, named, one_line(note.text).rstrip(".")),
        keys(members),
        {"share": len(members) / len(named)},
        weight=0.2 + 0.6 * len(members) / len(named),
        count=len(members),
        of=len(named),
    )


def _deadlines(named: Sequence[Named]) -> list[Finding]:
    groups: dict[tuple[float, str], list[tuple[Named, Miss]]] = {}
    for one in named:
        for worst in one.cell.worst:
            for miss in worst.deadlines:
                groups.setdefault((miss.deadline_s, _kind_of_trials(worst)), []).append((one, miss))
    return [_deadline(deadline, trials, pairs) for (deadline, trials), pairs in groups.items()]


def _kind_of_trials(worst: WorstCase) -> str:
    """`` for one request after the other, ` (paced arrivals, cpu load)` for a schedule."""
    if worst.metric == "latency":
        return ""
    load = f", {worst.load} load" if worst.load and worst.load != Load.NONE else ""
    return f" (paced arrivals{load})"


def _overruns(named: Sequence[Named]) -> list[Finding]:
    """Requests that were still running when the next one was due."""
    paced = [
        (one, sum(worst.overruns or 0 for worst in cases), sum(worst.n for worst in cases))
        for one in named
        if (cases := [worst for worst in one.cell.worst if worst.overruns is not None])
    ]
    late = sorted((case for case in paced if case[1]), key=lambda case: -case[1] / case[2])
    if not late:
        return []
    first, overruns, cycles = late[0]
    often = f"{units.percent(overruns / cycles)} of {cycles:,} paced requests"
    text = f"the next request was due before {often} were done"
    if len(late) > 1:
        where = having([one for one, *_ in late], [one for one, *_ in paced])
        text = f"In {where} paced requests were not done when the next was due: most at {place(first.where)}, {often}"
    return [
        Finding(
            OVERRUNS,
            sentence(place(first.where), text) if len(late) == 1 else text,
            keys([one for one, *_ in late]),
            {"share": overruns / cycles},
            weight=1.0 + len(late) / len(paced),
            count=len(late),
            of=len(paced),
        )
    ]


def _deadline(deadline: float, trials: str, pairs: Sequence[tuple[Named, Miss]]) -> Finding:
    missing = sorted((pair for pair in pairs if pair[1].misses), key=lambda pair: -pair[1].share)
    every = [one for one, _ in pairs]
    what = f"{units.exact(deadline, 's')}{trials}"
    numbers: Mapping[str, float] = {"share": missing[0][1].share if missing else 0.0, "deadline_s": deadline}
    return Finding(
        DEADLINE,
        _missed(what, missing, every) if missing else _kept(what, pairs),
        keys([one for one, _ in missing] or every),
        numbers,
        weight=3.0 + len(missing) / len(pairs) if missing else 1.0,
        count=len(missing),
        of=len(pairs),
    )


def _missed(what: str, missing: Sequence[tuple[Named, Miss]], every: Sequence[Named]) -> str:
    worst, miss = missing[0]
    often = f"{units.percent(miss.share)} of {miss.n:,} trials (95 % bound {units.percent(miss.upper)})"
    if len(missing) == 1:
        others = f", but {none_other(len(every), 'cell')}" if len(every) > 1 else ""
        return sentence(place(worst.where), f"the deadline of {what} was missed by {often}{others}")
    where = having([one for one, _ in missing], every)
    alike = sum(pair[1].share == miss.share for pair in missing)
    if alike > 1:
        them = "" if alike == len(missing) else f"in {alike} of them "
        return f"The deadline of {what} was missed in {where}: {them}by {units.percent(miss.share)} of their trials"
    return f"The deadline of {what} was missed in {where}: most often at {place(worst.where)}, by {often}"


def _kept(what: str, pairs: Sequence[tuple[Named, Miss]]) -> str:
    """No miss was seen; what can be excluded depends on the number of trials."""
    bound = max(miss.upper for _, miss in pairs)
    where = "" if len(pairs) == 1 else f" in any of {len(pairs)} cells"
    return (
        f"The deadline of {what} was never missed{where}: fewer than {units.percent(bound)} miss it, at 95 % confidence"
    )
