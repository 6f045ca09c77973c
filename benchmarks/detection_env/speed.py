"""What the analysis of a cell's shape costs: time, and memory beyond the trials."""

import json
import statistics
import subprocess
import sys
import time

import numpy as np

from detection_env.planted import in_rounds, mixture
from detection_env.rates import Table
from stopwatt.analyse.shape import shape_of
from stopwatt.units import quantity

MEMORY = """
import json, sys
import numpy as np
from stopwatt.analyse.estimate import Series
from stopwatt.analyse.shape import shape_of

def kibibytes(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])

n, ticked = int(sys.argv[1]), sys.argv[2] == "ticked"
dice = np.random.default_rng(1)
values = np.empty(n)
for begin in range(0, n, 100_000):
    part = dice.lognormal(sigma=0.02, size=min(100_000, n - begin))
    part *= np.where(dice.random(part.size) < 0.05, 2, 1)
    values[begin:begin + part.size] = 1e-3 * (np.rint(part * 100) / 100 if ticked else part)
shape_of([Series(0, values[:1000])])
before = kibibytes("VmRSS")
shape = shape_of([Series(0, values)], 1e-5 if ticked else 1e-9)
beyond = (kibibytes("VmHWM") - before) * 1024
json.dump({"trials": values.nbytes, "beyond": beyond, "clusters": len(shape.clusters)}, sys.stdout)
"""
"""The peak of the whole process less what it held, trials included, before the analysis began."""

MEMORY_SIZES = ((10**6, "fine"), (10**7, "fine"), (10**7, "ticked"))


def times(repeats: int = 5) -> Table:
    """Median processor time of `shape_of`: other work on the machine is not in it."""
    table = Table("Processor time of one analysis", ("trials", "rounds", "clusters", "median of 5"))
    for n, rounds, ratios in (
        (1000, 1, (1.25, 2.0)),
        (900, 3, (1.25, 2.0)),
        (900, 3, ()),
        (10_000, 10, (1.25, 2.0)),
        (10**6, 1, ()),
        (10**6, 1, (1.25, 2.0)),
        (10**6, 10, (1.25, 2.0)),
        (10**7, 1, (1.25, 2.0)),
    ):
        dice = np.random.default_rng(1)
        series = in_rounds(dice, mixture(dice, n, [0.02] * len(ratios), ratios, 0.02)[0], rounds)
        seconds = []
        for _ in range(repeats):
            begin = time.process_time()
            shape = shape_of(series, 1e-9)
            seconds.append(time.process_time() - begin)
        middle = statistics.median(seconds)
        table.add(
            f"{n:,}", str(rounds), str(len(shape.clusters)), quantity(middle, "s"), n=n, rounds=rounds, seconds=middle
        )
    return table


def memory() -> Table:
    """Peak memory of `shape_of`, each in a process of its own."""
    table = Table("Memory of one analysis", ("trials", "clock", "the trials themselves", "at its peak, beyond them"))
    for n, clock in MEMORY_SIZES:
        done = subprocess.run([sys.executable, "-c", MEMORY, str(n), clock], capture_output=True, check=True, text=True)
        found = json.loads(done.stdout)
        table.add(
            f"{n:,}",
            "1 ns" if clock == "fine" else "1 % of the call",
            quantity(found["trials"], "B"),
            quantity(found["beyond"], "B"),
            n=n,
            clock=clock,
            **found,
        )
    return table
