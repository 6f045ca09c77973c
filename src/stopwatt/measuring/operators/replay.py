"""Operators called by themselves: a job's worth of them, each in each memory mode, whatever becomes of any of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from stopwatt.backends.torch_runner import configure
from stopwatt.devices.base import Device
from stopwatt.devices.paging import keep_memory
from stopwatt.devices.resolve import device as find_device
from stopwatt.energy import EnergyRules
from stopwatt.errors import Unsupported
from stopwatt.measuring import faults
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.operators.caches import Caches, caches_of
from stopwatt.measuring.operators.company import submissions_in_turn
from stopwatt.measuring.operators.joules import Joules, measure_energy
from stopwatt.measuring.operators.materials import Materials, function_of, given_bytes
from stopwatt.measuring.operators.player import Player, chain_of, chained_storage
from stopwatt.measuring.operators.rotation import Rotation, plan_rotation
from stopwatt.measuring.operators.sentinel import RULES, sentinel
from stopwatt.measuring.operators.series import SUBMIT, measure
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.trials import quiet_interpreter
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Replay, ReplayRules
from stopwatt.records import Samples, Status, Trouble

PHASE = "operator"
"""First word of the phases that operators are measured in; their place in the job is the second."""
_OBSTACLE_NOW = "it is measured as a part of its model only"


def measure_operators(job: Job, phases: Phases) -> Answer:
    """Call a job's operators by themselves. Whatever goes wrong is part of the answer.

    Energy belongs to the whole answer, as in a round: a job that asks for it has one operator and one mode.
    """
    replays: list[Replay] = []
    joules = Joules()
    status, trouble = Status.OK, None
    try:
        with phases.phase("import"):
            bench = _open(job)
        for found in _each(bench, job, phases):
            replays.append(found.replay)
            joules = found.joules
        if bench.device.kind != "cpu":
            with phases.phase("company"):
                replays = _in_company(bench, job, replays)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (a broken torch may raise anything)
        faults.write_down(error)
        status, trouble = faults.translate(error, phases.current)
    return Answer(
        status,
        trouble,
        readings=dict(joules.readings),
        phases=phases.seconds,
        spans=joules.spans,
        replays=tuple(replays),
    )


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all operators of a job are measured with."""

    device: Device
    caches: Caches
    rules: ReplayRules
    energy: EnergyRules | None
    tick_s: float


@dataclass(frozen=True, slots=True)
class _Found:
    replay: Replay
    joules: Joules = field(default_factory=Joules)


def _open(job: Job) -> _Bench:
    keep_memory()  # else what an allocator gives back and takes again would be in the times of single operators
    device = find_device(job.cell.setup.device)
    configure(job.cell.setup)
    energy = job.cell.protocol.energy if job.rules.energy and job.tick_s else None
    return _Bench(device, caches_of(device), job.rules, energy, job.tick_s)


def _each(bench: _Bench, job: Job, phases: Phases) -> Iterator[_Found]:
    import torch

    watched = sentinel(bench.device.name).key
    with torch.inference_mode(), quiet_interpreter():
        for place, operator in enumerate(job.operators):
            whose = replace(bench, rules=RULES, energy=None) if operator.key == watched else bench
            with phases.phase(f"{PHASE} {place}"):
                yield from _in_modes(whose, operator)


def _in_company(bench: _Bench, job: Job, replays: list[Replay]) -> list[Replay]:
    """With submissions as they are among other operators, where there are others."""
    import torch

    watched = sentinel(bench.device.name).key
    alone = {one.operator: one for one in replays if one.mode is Mode.REUSE and one.status is Status.OK}
    known = [one for one in job.operators if one.key in alone and one.key != watched]
    known = _together(known, alone, min(bench.rules.footprint, bench.caches.room))
    if len(known) <= 1:
        return replays
    try:
        with torch.inference_mode(), quiet_interpreter():
            players = [_player(bench, one, alone[one.key].footprint) for one in known]
            found = submissions_in_turn(players, bench.device)
    except Exception as error:  # noqa: BLE001  (it costs nothing of what was measured before)
        faults.write_down(error)
        return replays
    submit = {one.key: Samples(taken, "ns") for one, taken in zip(known, found, strict=True)}
    return [
        replace(one, samples={**one.samples, SUBMIT: submit[one.operator]})
        if one.samples and one.operator in submit
        else one
        for one in replays
    ]


def _together(operators: list[Operator], alone: dict[str, Replay], most: int) -> list[Operator]:
    """As many as have room at the same time."""
    sizes = np.cumsum([alone[one.key].footprint for one in operators])
    return operators[: int(np.searchsorted(sizes, most, side="right"))]


def _player(bench: _Bench, operator: Operator, size: int) -> Player:
    materials = Materials(operator, bench.device.name, bench.rules.seed)
    return Player(operator, function_of(operator.name), materials, Rotation(1, 0, size))


def _in_modes(bench: _Bench, operator: Operator) -> Iterator[_Found]:
    """One operator. A series of one set that is larger than the caches of a core is both `reuse` and `resident`."""
    alone: Replay | None = None
    for mode in bench.rules.modes:
        try:
            found = _measured(bench, operator, mode, alone)
        except Exception as error:  # noqa: BLE001  (an operator may raise anything; it costs itself only)
            found = _Found(Replay(operator.key, mode, *_translated(error, operator, mode)))
        if found.replay.status is Status.OK and mode is Mode.REUSE:
            alone = found.replay
        yield found
        if found.replay.status is Status.FAILED:
            bench.device.synchronize()  # raises where the failure made the device unusable for this process


def _measured(bench: _Bench, operator: Operator, mode: Mode, alone: Replay | None) -> _Found:
    if operator.obstacle:
        raise Unsupported(f"it {operator.obstacle}", now=_OBSTACLE_NOW)
    function = function_of(operator.name)
    chain = chain_of(operator) if mode is Mode.CHAINED else None
    materials = Materials(operator, bench.device.name, bench.rules.seed)
    common = 0 if chain is None else materials.sizes[chained_storage(operator, chain)]
    hold = bench.device.kind == "cpu" and mode in {Mode.RESIDENT, Mode.STREAM}
    size = materials.bytes - common + (given_bytes(operator) if hold else 0)
    rotation = plan_rotation(mode, size, bench.caches, bench.rules.footprint)
    if alone is not None and mode is Mode.RESIDENT and rotation.sets == 1:
        return _Found(replace(alone, mode=mode))
    player = Player(operator, function, materials, rotation, chain, hold=hold)
    series = measure(player, bench.device, bench.rules)
    replay = Replay(
        operator.key,
        mode,
        Status.OK,
        samples=series.samples,
        calls=series.calls,
        sets=rotation.sets,
        footprint=rotation.footprint,
    )
    if bench.energy is None:
        return _Found(replay)
    return _Found(replay, measure_energy(player, bench.device, bench.energy, bench.tick_s, bench.rules.seed))


def _translated(error: Exception, operator: Operator, mode: Mode) -> tuple[Status, Trouble]:
    status, trouble = faults.translate(error, f"{operator.label}, {mode}")
    if isinstance(error, NotImplementedError):  # torch's word for a kernel that it does not have
        return Status.UNSUPPORTED, trouble
    if status is not Status.UNSUPPORTED:
        faults.write_down(error)
    return status, trouble
