"""Random pipelines, with what is known of them."""

import numpy as np
from simulated import Line, simulate

from stopwatt.bulk.judging.bounds import Bounds
from stopwatt.bulk.judging.diagnosis import diagnose
from stopwatt.bulk.judging.stations import seen
from stopwatt.bulk.records import Ceilings

NOTHING = Ceilings(None, None, None)
APART = 1.25
"""The slowest station of a case needs so many times what the next one needs."""
GROWTH = {"decode": "decoders", "model": "workers"}


def random_line(draw, cores=64.0):
    decoders, workers, batch = (int(draw.integers(1, high)) for high in (7, 4, 9))
    reads = draw.random() < 0.4
    decode_s = float(draw.uniform(0.005, 0.1))
    return Line(
        read_s=decode_s * float(draw.choice([0.3, 3.0])) if reads else 0.0,
        decode_s=decode_s,
        model_s=float(draw.uniform(0.005, 0.1)),
        write_s=float(draw.uniform(0.001, 0.01)) if draw.random() < 0.3 else 0.0001,
        decoders=decoders,
        workers=workers,
        batch=batch,
        queue=4 * batch * (workers + 1) + 2 * decoders,
        cores=cores,
        spread=float(draw.uniform(0, 0.8)),
    )


def cases(number, seed, cores=64.0):
    """Lines away from ties, with the name of their bottleneck."""
    draw = np.random.default_rng(seed)
    found = []
    while len(found) < number:
        line = random_line(draw, cores)
        demands = sorted(line.demands().items(), key=lambda one: -one[1])
        if demands[0][1] >= APART * demands[1][1]:
            name = demands[0][0]
            truth = "storage" if name == "decode" and line.read_s > line.decode_s else name
            found.append((line, truth))
    return found


def verdict(line, images=800, seed=0, ceilings=NOTHING):
    ticks, rate = simulate(line, images, seed)
    return diagnose(ticks, line.layout, ceilings, line.cores), ticks, rate


def gain_and_bound(line, station, seed=0, images=800):
    """What more of a station brings in the simulation, and what is said that it brings at most."""
    ticks, rate = simulate(line, images, seed)
    bounds = Bounds(seen(ticks, line.layout), line.layout, NOTHING, line.cores)
    servers = getattr(line, GROWTH[station])
    more = bounds.needed(station, servers)
    _, better = simulate(line.changed(**{GROWTH[station]: servers + more}), images, seed)
    return better / rate, bounds.worth(**{station: 1 + more / servers}).times
