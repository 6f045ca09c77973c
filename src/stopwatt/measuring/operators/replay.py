"""Operators called by themselves: a job's worth of them, each in each memory mode, whatever becomes of any of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stopwatt.backends.torch_runner import configure
from stopwatt.devices.base import Device
from stopwatt.devices.resolve import device as find_device
from stopwatt.errors import Unsupported
from stopwatt.measuring import faults
from stopwatt.measuring.job import Answer, Job
from stopwatt.measuring.operators.caches import Caches, caches_of
from stopwatt.measuring.operators.materials import Materials, function_of
from stopwatt.measuring.operators.player import Player, chain_of, chained_storage
from stopwatt.measuring.operators.rotation import plan_rotation
from stopwatt.measuring.operators.sentinel import MODE, sentinel
from stopwatt.measuring.operators.series import measure
from stopwatt.measuring.phases import Phases
from stopwatt.measuring.trials import quiet_interpreter
from stopwatt.operators.operator import Operator
from stopwatt.operators.replay import Mode, Replay, ReplayRules
from stopwatt.records import Status, Trouble

PHASE = "operator"
"""First word of the phases that operators are measured in; their place in the job is the second."""
_OBSTACLE_NOW = "it is measured as a part of its model only"


def measure_operators(job: Job, phases: Phases) -> Answer:
    """Call a job's operators by themselves. Whatever goes wrong is part of the answer."""
    replays: list[Replay] = []
    try:
        for one in _each(job, phases):
            replays.append(one)  # noqa: PERF402  (what is done when it is interrupted stays)
    except (Exception, KeyboardInterrupt, SystemExit) as error:  # noqa: BLE001  (a broken torch may raise anything)
        faults.write_down(error)
        status, trouble = faults.translate(error, phases.current)
        return Answer(status, trouble, phases=phases.seconds, replays=tuple(replays))
    return Answer(Status.OK, phases=phases.seconds, replays=tuple(replays))


def _each(job: Job, phases: Phases) -> Iterator[Replay]:
    with phases.phase("import"):
        import torch

        device = find_device(job.cell.setup.device)
        configure(job.cell.setup)
        bench = _Bench(device, caches_of(device), job.rules)
        watched = sentinel(device.name).key
    with torch.inference_mode(), quiet_interpreter():
        for place, operator in enumerate(job.operators):
            modes = (MODE,) if operator.key == watched else job.rules.modes
            with phases.phase(f"{PHASE} {place}"):
                yield from bench.in_modes(operator, modes)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all operators of a job are measured with."""

    device: Device
    caches: Caches
    rules: ReplayRules

    def in_modes(self, operator: Operator, modes: Sequence[Mode]) -> Iterator[Replay]:
        """One operator. A series of one set that is larger than the caches of a core is both `reuse` and `resident`."""
        alone: Replay | None = None
        for mode in modes:
            try:
                found = self._replay(operator, mode, alone)
            except Exception as error:  # noqa: BLE001  (an operator may raise anything; it costs itself only)
                found = Replay(operator.key, mode, *_translated(error, operator, mode))
            if found.sets == 1 and found.status is Status.OK and mode in {Mode.REUSE, Mode.RESIDENT}:
                alone = found
            yield found

    def _replay(self, operator: Operator, mode: Mode, alone: Replay | None) -> Replay:
        if operator.obstacle:
            raise Unsupported(f"it {operator.obstacle}", now=_OBSTACLE_NOW)
        chain = chain_of(operator) if mode is Mode.CHAINED else None
        function = function_of(operator.name)
        materials = Materials(operator, self.device.name, self.rules.seed)
        common = 0 if chain is None else materials.sizes[chained_storage(operator, chain)]
        rotation = plan_rotation(mode, materials.bytes - common, self.caches, self.rules.footprint)
        if alone is not None and mode is Mode.RESIDENT and rotation.sets == 1:
            return replace(alone, mode=mode)
        series = measure(Player(operator, function, materials, rotation, chain), self.device, self.rules)
        return Replay(
            operator.key,
            mode,
            Status.OK,
            samples=series.samples,
            calls=series.calls,
            sets=rotation.sets,
            footprint=rotation.footprint,
        )


def _translated(error: Exception, operator: Operator, mode: Mode) -> tuple[Status, Trouble]:
    status, trouble = faults.translate(error, f"{operator.label}, {mode}")
    if isinstance(error, NotImplementedError):  # torch's word for a kernel that it does not have
        return Status.UNSUPPORTED, trouble
    if status is not Status.UNSUPPORTED:
        faults.write_down(error)
    return status, trouble
