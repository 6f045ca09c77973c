"""A round that is really measured, with instruments that are really read."""

from dataclasses import replace

import numpy as np

from stopwatt.analyse.labels import Label, watch
from stopwatt.energy import Telemetry
from stopwatt.selftesting.bench import RULES, SYNTHETIC, Bench


def test_of_every_trial_it_is_known_whether_other_programs_ran_beside_it(tmp_path, undisturbed):
    bench = Bench(str(tmp_path / "results.db"))
    rules = replace(RULES, trials=60, telemetry=Telemetry.ON)

    def attempt():
        (one,) = bench.measure({**SYNTHETIC, "duration": "10ms"}, rules)
        watched = watch(one)
        assert watched is not None
        assert Label.FOREIGN_LOAD in watched.seen
        assert watched.seen[Label.FOREIGN_LOAD].known.all()
        (process,) = one.traces
        inside = (process.time_ns > watched.begin_ns[0]) & (process.time_ns < watched.end_ns[-1])
        own = process.channels["own"][inside]
        assert np.nanmax(own) - np.nanmin(own) > 0.1  # the calls spin, and that is our own load

    undisturbed(attempt)


def test_what_is_switched_off_is_not_read(tmp_path):
    bench = Bench(str(tmp_path / "results.db"))
    (one,) = bench.measure({**SYNTHETIC, "duration": "1ms"}, replace(RULES, trials=20, telemetry=Telemetry.OFF))
    assert one.traces == ()
    assert watch(one) is None
