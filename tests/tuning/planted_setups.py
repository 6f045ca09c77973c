"""A machine that is made up: setups with planted times, memory and deviations, measured without running anything."""

import numpy as np

from stopwatt.metrics import ACCURACY, ANSWERS
from stopwatt.records import Cell, Measured, Measurement, Samples, Setup, Status, Trouble, Workload
from stopwatt.stats.racing import RaceRules
from stopwatt.sweeping.plan import Plan
from stopwatt.tuning.goals import Goal
from stopwatt.tuning.search import Search, proof_rules
from stopwatt.tuning.space import PROOF, SCOUT, Space
from stopwatt.tuning.where import read

ROUND_S = 4.0
COMPILED_S = 40.0


class Machine:
    """Measures cells by a table of truths.

    Args:
        times: Seconds of a call of each setup; the first is the default.
        rng: Draws the noise.
        noise: Of the logarithm of a round.
        memory, deviations: By number of the setup, where they matter.
        invalid: Numbers of setups whose answers are wrong.
        tail: Ratio of the slowest calls (one in twenty) to the others.
        answers: By number of the setup, 1 or 0 for each labelled sample; of none where accuracy is not measured.
        compiled: Numbers of setups whose rounds take `COMPILED_S`.
    """

    def __init__(
        self, times, rng, *, noise=0.03, memory=None, deviations=None, invalid=(), tail=1.0, answers=None, compiled=()
    ):
        self.times = list(times)
        self.rng = rng
        self.noise = noise
        self.memory = memory or {}
        self.deviations = deviations or {}
        self.invalid = set(invalid)
        self.tail = tail
        self.answers = answers or {}
        kinds = ["compile:variant" if number in compiled else "backend" for number in range(len(self.times))]
        labels = [f"{kind}{number}+channels-last" if number else "eager" for number, kind in enumerate(kinds)]
        self.cells = tuple(Cell(Workload("planted", {"size": 1}), Setup.of_label(label), SCOUT) for label in labels)
        self.turns = 0

    def search(self, *where, goal=Goal.LATENCY, budget_s=1e9):
        constraints = read(where)
        space = Space(self.cells, {}, Plan(self.cells, SCOUT, {}))
        return Search(space, goal, constraints, budget_s, RaceRules(), proof_rules(PROOF, constraints))

    def measure(self, cell, number):
        """One round."""
        self.turns += 1
        arm = next(place for place, one in enumerate(self.cells) if one.setup == cell.setup)
        readings = {
            "host_memory": Measured(self.memory.get(arm, 1e8), "B"),
            "deviation": Measured(self.deviations.get(arm, 1e-6), "1"),
        }
        phases = {"round": COMPILED_S if cell.setup.backend == "compile" else ROUND_S}
        if arm in self.invalid:
            trouble = Trouble("wrong answers")
            return Measurement(cell, number, Status.INVALID, trouble, readings=readings, phases=phases)
        typical = self.times[arm] * np.exp(self.rng.normal(0, self.noise))
        trials = typical * np.exp(self.rng.normal(0, 0.01, max(60, cell.protocol.trials if self.tail > 1 else 0)))
        trials[::20] *= self.tail
        samples = {
            "latency": Samples((trials * 1e9).astype(np.int64), "ns"),
            "throughput": Samples(np.full(3, 1 / typical), "samples/s"),
        }
        facts = {}
        if arm in self.answers and number == 0:
            right = np.array(self.answers[arm])
            samples[ANSWERS], readings[ACCURACY] = Samples(right, "1"), Measured(float(right.mean()), "1")
            facts = {"accuracy.metric": "top-1", "accuracy.samples": right.size}
        return Measurement(cell, number, Status.OK, samples=samples, readings=readings, phases=phases, facts=facts)

    def run(self, search, found=None, *, most=10_000):
        """Measure what the search asks for until it is content."""
        found = list(found or [])
        last = None
        while (plan := search.next(found)) is not None and plan.digest != last and self.turns < most:
            last = plan.digest
            known = {(one.cell.key, one.round) for one in found}
            for number in range(plan.protocol.rounds):
                for cell in plan.cells:
                    if (cell.key, number) not in known:
                        found.append(self.measure(cell, number))
        return found


def shown(one):
    """The number of a candidate's setup."""
    return None if one is None else int(one.row.cell.setup.backend.removeprefix("backend").replace("eager", "0"))
