"""A pipeline of decoders, a queue, workers and a writer as a discrete-event simulation: its bottleneck is known."""

from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from stopwatt.bulk.records import Idle, Layout, Stage, Tick

NS = 1_000_000_000


@dataclass(frozen=True)
class Line:
    """Mean seconds of an image in each stage, on a core of its own; `spread` is the deviation of single ones."""

    read_s: float = 0.0
    decode_s: float = 0.02
    model_s: float = 0.02
    write_s: float = 0.0001
    decoders: int = 2
    workers: int = 1
    batch: int = 4
    queue: int = 32
    cores: float = 64.0
    spread: float = 0.3

    @property
    def layout(self):
        return Layout(self.decoders, self.workers, ("cpu",), self.batch, self.queue, 1)

    def demands(self):
        """Seconds of each station for an image; the largest bounds the run."""
        return {
            "decode": (self.read_s + self.decode_s) / self.decoders,
            "model": self.model_s / self.workers,
            "write": self.write_s,
        }

    def changed(self, **more):
        return replace(self, **more)


def simulate(line, images=1500, seed=0):
    """Run it: `(ticks, images a second)`. Reading takes no core; everything else shares them equally."""
    return _Simulation(line, images, seed).run()


class _Simulation:
    def __init__(self, line, images, seed):
        self.line, self.images = line, images
        draw = np.random.default_rng(seed)
        sigma = np.sqrt(np.log1p(line.spread**2))
        noise = lambda: draw.lognormal(-sigma * sigma / 2, sigma, images)  # noqa: E731  (mean 1)
        self.read, self.decode = line.read_s * noise(), line.decode_s * noise()
        self.model, self.write = line.model_s * noise(), line.write_s * noise()
        self.now, self.jobs, self.issued, self.decoded, self.taken = 0.0, [], 0, 0, 0
        self.answered, self.written, self.used = 0, 0, 0
        self.free = {"decoder": set(range(line.decoders)), "worker": set(range(line.workers)), "writer": {0}}
        self.by_worker = [0] * line.workers
        self.stage_s, self.idle_s = dict.fromkeys(Stage, 0.0), dict.fromkeys(Idle, 0.0)
        self.cpu_s, self.ticks = 0.0, []

    def run(self):
        for second in count(1):
            while self.written < self.images and self._advance(second):
                pass
            self.ticks.append(self._tick())
            if self.written == self.images:
                return self.ticks, self.images / self.now
        return None

    def _advance(self, until):
        """To the next event, or to a time; whether there was an event."""
        self._start()
        computing = sum(job[0] != Stage.READ for job in self.jobs)
        speed = min(1.0, self.line.cores / computing) if computing else 1.0
        left = min(job[1] / (1.0 if job[0] == Stage.READ else speed) for job in self.jobs)
        step = min(left, until - self.now)
        self._pass(step, speed)
        for job in [job for job in self.jobs if job[1] <= 1e-12]:
            self.jobs.remove(job)
            self._end(job)
        return step == left

    def _pass(self, step, speed):
        self.now += step
        self.idle_s[Idle.QUEUE_EMPTY] += step * (self.decoded == self.taken)
        self.idle_s[Idle.WORKERS] += step * len(self.free["worker"])
        self.idle_s[Idle.DECODERS] += step * len(self.free["decoder"])
        for job in self.jobs:
            worked = step * (1.0 if job[0] == Stage.READ else speed)
            job[1] -= worked
            self.stage_s[job[0]] += step
            self.cpu_s += 0.0 if job[0] == Stage.READ else worked

    def _start(self):
        room = self.line.queue
        while self.free["decoder"] and self.issued < self.images and self.used < room:
            self.jobs.append([Stage.READ, self.read[self.issued], self.free["decoder"].pop(), self.issued])
            self.issued, self.used = self.issued + 1, self.used + 1
        while self.free["worker"] and self.decoded > self.taken:
            size = min(self.line.batch, self.images - self.taken)
            if self.decoded - self.taken < size:
                break
            work = self.model[self.taken : self.taken + size].sum()
            self.jobs.append([Stage.MODEL, work, self.free["worker"].pop(), size])
            self.taken += size
        while self.free["writer"] and self.answered > self.written:
            self.jobs.append([Stage.WRITE, self.write[self.written], self.free["writer"].pop(), 1])
            break

    def _end(self, job):
        stage, _, who, what = job
        if stage == Stage.READ:
            self.jobs.append([Stage.DECODE, self.decode[what], who, what])
        elif stage == Stage.DECODE:
            self.decoded += 1
            self.free["decoder"].add(who)
        elif stage == Stage.MODEL:
            self.answered, self.used = self.answered + what, self.used - what
            self.by_worker[who] += what
            self.free["worker"].add(who)
        else:
            self.written += 1
            self.free["writer"].add(who)

    def _tick(self):
        free = {name: len(who) for name, who in self.free.items()}
        return Tick(
            round(self.now * NS), self.answered, 0, tuple(self.by_worker), self.decoded - self.taken, self.line.queue,
            free["worker"], free["decoder"], self.answered - self.written, dict(self.stage_s), self.cpu_s, 0,
            idle_s=dict(self.idle_s),
        )  # fmt: skip
