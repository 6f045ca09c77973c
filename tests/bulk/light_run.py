"""A run in a process of its own, to be killed: `light_run.py DATA MODEL OUT OPTIONS-AS-JSON`."""

import json
import sys
from pathlib import Path

from stopwatt.bulk import run
from stopwatt.bulk.asked import Asked, Executor, Model
from stopwatt.bulk.cluster import admission, joined
from stopwatt.bulk.judging.ticks import Nobody
from stopwatt.bulk.pipeline import staff
from stopwatt.bulk.run import run_bulk
from stopwatt.errors import StopwattError


class Unmetered:
    """A ticker without instruments, which take a second to start and to end."""

    ticks = settled = trouble = ()

    def __init__(self, watching, **_):
        self.counts = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def observe(self, counts):
        self.counts.append(counts)

    def begin(self):
        pass

    def settle(self):
        pass

    def energy(self, _images):
        return {}


class Teller(Nobody):
    """Says on standard error what a person is told."""

    def say(self, sentence):
        sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    staff.WORKER, run.Ticker = "light_worker", Unmetered
    data, model, out, text = sys.argv[1:]
    options = json.loads(text)
    if "executor" in options:
        from light_outpost import CODE, LightOutpost

        admission.code_digest = lambda: CODE
        options["executor"], joined.OUTPOST = Executor(options["executor"]), LightOutpost
    try:
        record = run_bulk(Asked(data, Model(model), Path(out), ceilings=False, **options), Teller())
    except KeyboardInterrupt:
        sys.exit(130)
    except StopwattError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_code)
    sys.exit(3 if record.failed else 0)
