"""The simulations behind the page on verdicts, with a few seeds: do they show what they are about?"""

import numpy as np
import pytest

from stopwatt.stats.ratios import Verdict
from verdicts_env import families, noise, single, whole
from verdicts_env.machine import Design, Machine, compared


def share(rate):
    return rate["hits"] / rate["tries"]


def test_a_drift_of_5_percent_makes_false_verdicts_in_a_then_b_order_and_in_no_other():
    rows = [row for row in single.drifting(40).data if row["drift"] == 0.05 and row["sd"] == 0.002]

    wrong = {row["order"]: share(row["wrong"]) for row in rows}
    assert wrong["ONE_AFTER_ANOTHER"] == 1
    assert max(wrong["ABBA"], wrong["RANDOM"]) <= 0.05


def test_half_of_the_detectable_noise_finds_nearly_every_planted_slowdown():
    assert all(share(row["found_at_half"]) > 0.8 for row in single.power(60).data)


def test_in_abba_blocks_the_drift_is_the_same_on_both_sides():
    a, b = Machine(sd=0.0, drift=0.1, within=1e-9).measure(Design.ABBA, 10, 0.0, np.random.default_rng(0))

    assert np.log(b / a).mean() == pytest.approx(0, abs=1e-9)
    assert compared(Design.ONE_AFTER_ANOTHER, np.sort(a), np.sort(b) * 1.1).verdict is Verdict.SLOWER


def test_holm_on_the_claim_that_is_made_breaks_its_promise_where_the_rule_in_use_keeps_it():
    (row,) = (one for one in families.rules(100).data if one["truth"].startswith("all lie exactly on the margin"))

    assert share(row["claim"]) > 0.15
    assert share(row["used"]) < 0.1


def test_shared_noise_finds_what_single_cells_do_not():
    (row,) = (one for one in noise.sharing(15).data if one["spreads"] == noise.ALIKE and one["cells"] == 64)

    assert share(row["shared_found"]) > share(row["itself_found"])


def test_a_slowdown_of_a_whole_grid_is_seen_in_its_mean():
    (row,) = (one for one in whole.grids(10).data if (one["cells"], one["rounds"]) == (64, 3))

    assert share(row["mean"]) >= 0.8
