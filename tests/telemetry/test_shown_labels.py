"""What `show` says of the conditions of a round's trials."""

import numpy as np

from stopwatt.reporting.round import label_pairs, labels_document


def test_every_condition_that_could_be_told_is_there_with_its_count(planted):
    one = planted({"slowdown": np.where(np.arange(14) == 4, 0x04, 0.0)})
    assert label_pairs(one) == [("power-capped", "10 of 100 trials (10 %)"), ("throttled", "none of 100 trials")]
    assert labels_document(one) == {
        "power-capped": {"trials": 10, "known": 100},
        "throttled": {"trials": 0, "known": 100},
    }


def test_trials_of_which_it_is_not_known_are_not_counted(planted):
    flags = np.where(np.arange(14) == 4, 0x04, 0.0)
    flags[8:] = np.nan
    assert label_pairs(planted({"slowdown": flags}))[0] == ("power-capped", "10 of 50 watched trials (20 %)")
    flags[:] = np.nan
    flags[:2] = 0.0
    assert label_pairs(planted({"slowdown": flags}))[0] == ("power-capped", "- (no reading around any trial)")


def test_without_instruments_there_is_nothing_to_say(planted):
    assert label_pairs(planted()) == []
    assert labels_document(planted()) is None
